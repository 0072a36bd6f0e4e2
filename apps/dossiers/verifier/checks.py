"""The checks of a bundle, in order. Each answers with a sentence or raises Tampered or CannotVerify."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.dossiers.verifier.bag import Bag, check_bag
from apps.dossiers.verifier.openssl import check_time_stamp
from apps.dossiers.verifier.pdf import check_seal
from apps.dossiers.verifier.signed import Head, Trust, check_head, from_base64, read_head, read_proof
from apps.dossiers.verifier.strict import NotStrict, read_strict, sha256
from apps.dossiers.verifier.tree import is_continued, is_included, leaf_of, root_of_leaves
from apps.dossiers.verifier.verdict import FAIL, PASS, SKIP, CannotVerify, Check, Report, Tampered

VERSION = "1"
LEAF_VERSION = 1
ISSUED = "dossiers.issued"
SIGNED = ("workflow.signed_off", "workflow.signature_withdrawn")
ENTRY_PROOF = "entry.tlog-proof"
COUNT = re.compile(r"0|[1-9][0-9]{0,15}")
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, csv.Error, OSError)
PDF, HEAD = "data/dossier.pdf", "proof/checkpoint.txt"


@dataclass
class Event:
    """One entry of the log as the bundle carries it."""

    entry: dict[str, Any]
    digest: str
    leaf: dict[str, Any]
    leaf_bytes: bytes

    @property
    def seq(self) -> int:
        """Its number in the log."""
        return int(self.leaf["seq"])


@dataclass
class Examination:
    """What one run knows: the bundle, whom to trust, and what earlier checks have established."""

    bag: Bag
    trust: Trust | None
    prior: bytes | None
    report: Report
    head: Head | None = None
    issued: Event | None = None
    events: list[Event] = field(default_factory=list)

    def known_head(self) -> Head:
        """The head of the log that proofs lead to; without a trust file it is only what the bundle claims."""
        return self.head or read_head(self.bag.read(HEAD))

    def run(self, name: str, title: str, work: Callable[["Examination", Check], str], is_required: bool = True) -> None:
        """Run one check and note its state."""
        check = Check(name, title, is_required)
        self.report.checks.append(check)
        try:
            check.sentence = work(self, check)
            check.state = PASS
        except (Tampered, NotStrict) as damage:
            check.state, check.sentence = FAIL, str(damage)
        except CannotVerify as lack:
            check.state, check.sentence = SKIP, str(lack)
        except UNREADABLE as damage:
            check.state, check.sentence = FAIL, f"A part of the bundle cannot be read: {damage!r}."


def examine(examination: Examination) -> Report:
    """All checks of a bundle."""
    is_prior_asked, needs_stamp = (
        examination.prior is not None,
        bool(examination.trust and examination.trust.needs_time_stamp),
    )
    examination.run("bag", "Files", lambda found, check: check_bag(found.bag))
    if "bagit.txt" not in examination.bag.names:
        return examination.report
    examination.run("checkpoint", "Signed head of the log", check_checkpoint)
    examination.run("issued", "Issue of the dossier", check_issued)
    examination.run("events", "Entries of the log", check_events)
    examination.run("completeness", "No entry left out", check_completeness)
    examination.run("signatures", "Signatures of people", check_signatures)
    examination.run("rows", "Records and files named by entries", check_rows)
    examination.run("pdf", "Sealed PDF", check_pdf)
    examination.run("time_stamp", "Time stamp of somebody else", check_stamp, needs_stamp)
    examination.run("consistency", "Log at issue continues into the signed head", check_consistency)
    examination.run("prior", "Head that you held before", check_prior, is_prior_asked)
    return examination.report


def examine_entry(examination: Examination) -> Report:
    """A single entry with its leaf and its proof, as the audit trail offers it for download."""
    examination.run("entry", "Entry of the log", check_entry)
    return examination.report


def check_entry(examination: Examination, check: Check) -> str:
    """The entry is canonical, its leaf names it, and the leaf is below a head that a trusted key signed."""
    bag = examination.bag
    event = read_event(bag.read("entry.json"), bag.read("leaf.json"))
    note = read_proof(bag.read(ENTRY_PROOF))[2].encode()
    if examination.trust is None:
        raise CannotVerify("No trust file was given (--trust), so it is not known whose log this is.")
    examination.head, signers = check_head(note, examination.trust)
    require_included(examination, event, ENTRY_PROOF)
    said = examination.report.facts
    said["What"] = f"{event.entry.get('actor')} {event.entry.get('verb')} {event.entry.get('subject')}"
    said["When"] = f"{event.entry.get('at')} (clock of the server)"
    return f"Entry {event.seq} is in the log of {examination.head.size} entries signed by {', '.join(signers)}."


def check_checkpoint(examination: Examination, check: Check) -> str:
    """The head is signed by a key of the trust file, for the log of the trust file."""
    if examination.trust is None:
        claimed = examination.known_head()
        raise CannotVerify(
            f"No trust file was given (--trust). The bundle claims the log {claimed.origin}, {claimed.size} entries."
        )
    examination.head, signers = check_head(examination.bag.read(HEAD), examination.trust)
    facts = examination.report.facts
    facts["Log"], facts["Entries at the signed head"] = examination.head.origin, str(examination.head.size)
    facts["Root"], facts["Signed by"] = examination.head.root.hex(), ", ".join(signers)
    return f"{examination.head.size} entries, signed by {', '.join(signers)}."


def check_issued(examination: Examination, check: Check) -> str:
    """The entry about this dossier's issue is in the log and names the payload of this bundle."""
    bag = examination.bag
    event = read_event(bag.read("proof/issued.entry.json"), bag.read("proof/issued.leaf.json"))
    if event.entry.get("verb") != ISSUED:
        raise Tampered(f"The entry of issue has the verb {event.entry.get('verb')!r}.")
    require_included(examination, event, "proof/issued.tlog-proof")
    said = facts_of(event)
    if said.get("payload_manifest_sha256") != sha256(bag.read("manifest-sha256.txt")):
        raise Tampered("The log says that another payload was issued.")
    at_issue = read_head(bag.read("data/checkpoint.txt"))
    if (said.get("size"), said.get("root")) != (str(at_issue.size), at_issue.root.hex()):
        raise Tampered("The log says that the dossier was made from another state of the log.")
    if event.seq < at_issue.size:
        raise Tampered("The dossier was issued before the state of the log it was made from.")
    examination.issued = event
    examination.report.facts["Issued"] = f"{event.entry.get('at')} (clock of the server), entry {event.seq}"
    return f"Entry {event.seq} names this payload and the log at {at_issue.size} entries."


def check_events(examination: Examination, check: Check) -> str:
    """Each entry is canonical, its leaf names it, and the leaf is in the log."""
    bag = examination.bag
    entries, leaves = lines_of(bag, "data/events.jsonl"), lines_of(bag, "data/leaves.jsonl")
    if len(entries) != len(leaves):
        raise Tampered(f"There are {len(entries)} entries and {len(leaves)} leaves.")
    size, last = read_head(bag.read("data/checkpoint.txt")).size, -1
    events = []
    for entry, leaf in zip(entries, leaves, strict=True):
        event = read_event(entry, leaf)
        if event.seq <= last or event.seq >= size:
            raise Tampered(f"Entry {event.seq} is out of order, repeated, or after the state of the log.")
        require_included(examination, event, f"proof/events/{event.seq}.tlog-proof")
        last = event.seq
        events.append(event)
    extra = set(bag.under("proof/events")) - {f"proof/events/{event.seq}.tlog-proof" for event in events}
    if extra:
        raise Tampered(f"There is a proof without an entry: {min(extra)}.")
    examination.events = events
    return f"{len(events)} entries are in the log, each where its leaf says."


def check_completeness(examination: Examination, check: Check) -> str:
    """Every object in scope has its entries numbered 0 to count - 1, so that a left-out one shows as a gap."""
    rows = list(csv.reader(io.StringIO(examination.bag.read("data/objects.csv").decode("utf-8", "replace"))))
    if (
        not rows
        or rows[0] != ["subject", "count"]
        or any(len(row) != 2 or not COUNT.fullmatch(row[1]) for row in rows[1:])
    ):
        raise Tampered("data/objects.csv is not a list of subjects and counts.")
    counts = {subject: int(count) for subject, count in rows[1:]}
    numbers: dict[str, list[int]] = {subject: [] for subject in counts}
    for event in examination.events:
        if event.entry["subject"] not in numbers:
            raise Tampered(f"Entry {event.seq} is about {event.entry['subject']}, which is not in scope.")
        numbers[event.entry["subject"]].append(event.leaf["n"])
    for subject, count in counts.items():
        if numbers[subject] != list(range(count)):
            raise Tampered(f"{subject} should have the entries 0 to {count - 1}; {len(numbers[subject])} are here.")
    return f"{len(counts)} objects, all their entries up to the state of the log are here."


def check_signatures(examination: Examination, check: Check) -> str:
    """Each signature is the record that the log bound, made by the actor of the entry over a snapshot that is here."""
    signed = [event for event in examination.events if event.entry.get("verb") in SIGNED]
    for event in signed:
        said = signature_of(examination.bag, event)
        if facts_of(event).get("seen") != said["content"]:
            raise Tampered(f"Entry {event.seq} says that something else was seen than the signature covers.")
        if (
            event.entry.get("actor") != f"user:{said['signer_id']}"
            or event.entry["subject"] != f"review:{said['review']}"
        ):
            raise Tampered(f"The signature in entry {event.seq} belongs to another person or another review.")
        read_strict(examination.bag.read(f"data/rows/{hex_of(said['content'])}.json"))
        check.details.append(
            f"{said['printed_name']} ({said['role']}): {said['meaning']}, {said['signed_at']}, entry {event.seq}"
        )
    return f"{len(signed)} signatures, each over exactly the snapshot that was shown."


def check_rows(examination: Examination, check: Check) -> str:
    """Every record is the one whose digest an entry bound (or a signed snapshot); every file has its digest as name."""
    bag = examination.bag
    bound = [row.get("digest") for event in examination.events if isinstance(row := event.entry.get("row"), dict)]
    known = {f"data/rows/{hex_of(digest)}.json" for digest in bound} | snapshots_of(examination)
    for name in bag.under("data/rows"):
        content = bag.read(name)
        if name != f"data/rows/{sha256(content)}.json" or name not in known:
            raise Tampered(f"{name} is not a record that an entry of the log names.")
        read_strict(content)
    for name in bag.under("data/blobs"):
        if name != f"data/blobs/{sha256(bag.read(name))}":
            raise Tampered(f"{name} is not the file of that digest.")
    return f"{len(bag.under('data/rows'))} records and {len(bag.under('data/blobs'))} files have their digests."


def check_pdf(examination: Examination, check: Check) -> str:
    """The PDF is the file that the log names, to the byte, and its seal holds."""
    pdf = examination.bag.read(PDF)
    if examination.issued is None:
        raise CannotVerify("The entry of issue could not be read, so the PDF has nothing to be compared with.")
    said = facts_of(examination.issued)
    if said.get("sealed_sha256") != sha256(pdf):
        raise Tampered("The log says that another PDF was issued.")
    base_size = str(said.get("base_size", ""))
    if not COUNT.fullmatch(base_size) or sha256(pdf[: int(base_size)]) != said.get("base_sha256"):
        raise Tampered("The PDF does not begin with the document that was sealed.")
    check.details += check_seal(pdf, examination.trust.pdf_roots if examination.trust else [])
    return "It is the file that the log names, and its seal holds."


def check_stamp(examination: Examination, check: Check) -> str:
    """A time-stamping authority saw the signed head."""
    bag = examination.bag
    if "proof/checkpoint.tsr" not in bag.names:
        raise CannotVerify("No time stamp is in the bundle: when it was issued rests on the server's clock.")
    if examination.trust is None or not examination.trust.tsa_roots:
        raise CannotVerify("The trust file names no time-stamping authority (tsa_roots).")
    chain = bag.read("proof/tsa-chain.pem").decode() if "proof/tsa-chain.pem" in bag.names else ""
    roots = "\n".join(examination.trust.tsa_roots)
    is_good, said = check_time_stamp(bag.read("proof/checkpoint.tsr"), bag.read(HEAD), roots, chain)
    if not is_good:
        raise Tampered("The time stamp does not match the signed head or its authority is not trusted.")
    found = re.search(r"Time stamp: (.+)", said)
    examination.report.facts["Existed before"] = found[1] if found else "see the token"
    return f"The signed head existed before {found[1] if found else 'the time in the token'}."


def check_consistency(examination: Examination, check: Check) -> str:
    """The log that the dossier was made from is the beginning of the log whose head is signed."""
    at_issue = read_head(examination.bag.read("data/checkpoint.txt"))
    require_continued(examination, at_issue)
    return f"The first {at_issue.size} entries are the same."


def check_prior(examination: Examination, check: Check) -> str:
    """A head that the auditor held before is a beginning of this log."""
    if examination.prior is None:
        raise CannotVerify("None was given (--prior).")
    if examination.trust is None:
        raise CannotVerify("Without a trust file an earlier head means nothing.")
    prior, _ = check_head(examination.prior, examination.trust)
    if prior.size > examination.known_head().size:
        raise CannotVerify(f"Your head has {prior.size} entries; this bundle is older.")
    require_continued(examination, prior)
    return f"The {prior.size} entries that you knew are unchanged."


def read_event(entry: bytes, leaf: bytes) -> Event:
    """One entry with its leaf; both canonical, and the leaf names the entry."""
    value, place = read_strict(entry, has_numbers=False), read_strict(leaf)
    if not isinstance(value, dict) or not isinstance(place, dict):
        raise Tampered("An entry and its leaf are JSON objects.")
    if value.get("v") != VERSION or place.get("v") != LEAF_VERSION:
        raise CannotVerify(f"An entry has version {value.get('v')!r}, which this verifier does not know.")
    numbers = [place.get("seq"), place.get("n")]
    if set(place) != {"v", "log", "seq", "n", "entry"} or any(type(n) is not int or n < 0 for n in numbers):
        raise Tampered("A leaf does not name log, place and entry.")
    if not isinstance(value.get("subject"), str) or place["entry"] != "sha256:" + sha256(entry):
        raise Tampered(f"The leaf {place['seq']} names another entry.")
    return Event(value, place["entry"], place, leaf)


def require_included(examination: Examination, event: Event, name: str) -> None:
    """The event's leaf is in the tree of the signed head."""
    head = examination.known_head()
    index, hashes, note = read_proof(examination.bag.read(name))
    if note != head.note:
        raise Tampered(f"{name} leads to another head of the log.")
    if event.leaf["log"] != head.origin or index != event.seq:
        raise Tampered(f"{name} proves another place or another log.")
    if not is_included(index, head.size, leaf_of(event.leaf_bytes), hashes, head.root):
        raise Tampered(f"Entry {event.seq} is not in the log that was signed.")


def require_continued(examination: Examination, first: Head) -> None:
    """The signed head continues this earlier one, by a proof in the bundle or by all its leaf hashes."""
    head, bag = examination.known_head(), examination.bag
    if first.origin != head.origin:
        raise Tampered(f"The earlier head belongs to the log {first.origin}.")
    if "proof/leaves.bin" in bag.names:
        content = bag.read("proof/leaves.bin")
        hashes = [content[start : start + 32] for start in range(0, len(content), 32)]
        if len(content) != head.size * 32 or root_of_leaves(hashes) != head.root:
            raise Tampered("proof/leaves.bin is not the list of leaf hashes of the signed head.")
        if root_of_leaves(hashes[: first.size]) != first.root:
            raise Tampered(f"The first {first.size} entries are not those of the earlier head.")
        return
    proofs = read_strict(bag.read("proof/consistency.json"), has_numbers=False)
    proof = proofs.get(str(first.size)) if isinstance(proofs, dict) else None
    if first.size != head.size and not isinstance(proof, list):
        raise CannotVerify(f"The bundle has no proof from {first.size} entries; ask the server for one.")
    path = [from_base64(str(part), Tampered) for part in proof or []]
    if not is_continued(first.size, head.size, path, first.root, head.root):
        raise Tampered(f"The first {first.size} entries are not those of the earlier head.")


def bound_row(bag: Bag, event: Event) -> dict[str, Any]:
    """The record whose digest the entry binds."""
    row = event.entry.get("row")
    digest = row.get("digest") if isinstance(row, dict) else None
    content = bag.read(f"data/rows/{hex_of(digest)}.json")
    if "sha256:" + sha256(content) != digest:
        raise Tampered(f"The record of entry {event.seq} is not the one that the log bound.")
    value = read_strict(content)
    if not isinstance(value, dict):
        raise Tampered(f"The record of entry {event.seq} is not a JSON object.")
    return value


def signature_of(bag: Bag, event: Event) -> dict[str, str]:
    """What the signature of this entry says: who, in which role, what it means, why, when, and over which snapshot."""
    row = bound_row(bag, event)
    payload = row.get("payload")
    signer = payload.get("signer") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(signer, dict) or payload.get("type") != "signoff":
        raise Tampered(f"The record of entry {event.seq} is not a signature.")
    said = {
        "printed_name": row.get("printed_name"),
        "signer_id": signer.get("id"),
        "role": signer.get("role"),
        **{name: payload.get(name) for name in ("content", "meaning", "meaning_text", "reason", "review", "signed_at")},
    }
    lacking = [name for name, value in said.items() if not isinstance(value, str) or not value]
    if lacking:
        raise Tampered(f"The signature in entry {event.seq} does not say its {', '.join(lacking)}.")
    return {name: str(value) for name, value in said.items()}


def snapshots_of(examination: Examination) -> set[str]:
    """Names of the snapshots that the signatures in this bundle cover."""
    signed = [event for event in examination.events if event.entry.get("verb") in SIGNED]
    return {f"data/rows/{hex_of(signature_of(examination.bag, event)['content'])}.json" for event in signed}


def facts_of(event: Event) -> dict[str, Any]:
    """What the entry says beside its verb."""
    found = event.entry.get("data")
    return found if isinstance(found, dict) else {}


def hex_of(digest: object) -> str:
    """The 64 digits of `sha256:...`; Tampered for anything else, so that it can stand in a file name."""
    match = re.fullmatch(r"sha256:([0-9a-f]{64})", digest) if isinstance(digest, str) else None
    if not match:
        raise Tampered(f"{str(digest)[:80]!r} is not a digest.")
    return match[1]


def lines_of(bag: Bag, name: str) -> list[bytes]:
    """The lines of a file that ends in a line end."""
    content = bag.read(name)
    if content and not content.endswith(b"\n"):
        raise Tampered(f"{name} is cut off.")
    return content.split(b"\n")[:-1]

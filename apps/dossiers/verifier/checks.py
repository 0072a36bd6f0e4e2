"""The checks of a bundle, in order. Each answers with a sentence or raises Tampered, CannotVerify or Erased."""

import re
from datetime import UTC, datetime

from apps.dossiers.verifier.bag import check_bag
from apps.dossiers.verifier.examination import (
    HEAD_FILE,
    Event,
    Examination,
    facts_of,
    hex_of,
    lines_of,
    read_event,
    require_included,
)
from apps.dossiers.verifier.openssl import check_time_stamp
from apps.dossiers.verifier.pdf import attachments, check_seal
from apps.dossiers.verifier.people import check_commitments, check_signatures, snapshots_of
from apps.dossiers.verifier.signed import DECIMAL, Head, Signers, check_head, from_base64, read_head, read_proof
from apps.dossiers.verifier.strict import read_strict, sha256
from apps.dossiers.verifier.tree import is_continued, roots_of_beginnings
from apps.dossiers.verifier.verdict import CannotVerify, Check, Report, Tampered

ISSUED = "dossiers.issued"
ENTRY_PROOF = "entry.tlog-proof"
COUNT = re.compile(r'(?:"((?:[^"\r\n]|"")*)"|([^",\r\n]*)),(0|[1-9][0-9]{0,15})')
ALL_LEAVES, SOME_PROOFS = "proof/leaves.bin", "proof/consistency.json"
STAMP, STAMP_CHAIN = "proof/checkpoint.tsr", "proof/tsa-chain.pem"
PDF, CONTENT = "data/dossier.pdf", "data/dossier.json"


def examine(examination: Examination) -> Report:
    """All checks of a bundle."""
    is_prior_asked = examination.prior is not None
    needs_stamp = bool(examination.trust and examination.trust.needs_time_stamp)
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
    examination.run("commitments", "Personal values", check_commitments)
    note_tail(examination)
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
    return f"Entry {event.seq} is in the log of {examination.head.size} entries signed by {', '.join(signers.keys)}."


def check_checkpoint(examination: Examination, check: Check) -> str:
    """The head is signed by a key of the trust file, for the log of the trust file."""
    if examination.trust is None:
        claimed = examination.known_head()
        raise CannotVerify(
            f"No trust file was given (--trust). The bundle claims the log {claimed.origin}, {claimed.size} entries."
        )
    examination.head, signers = check_head(examination.bag.read(HEAD_FILE), examination.trust)
    note_signers(examination, examination.head, signers, check)
    return f"{examination.head.size} entries, signed by {', '.join(signers.keys)}."


def note_signers(examination: Examination, head: Head, signers: Signers, check: Check) -> None:
    """What people want to know of the head: whose log, how long, which root, which keys and witnesses."""
    facts = examination.report.facts
    facts["Log"], facts["Entries at the signed head"] = head.origin, str(head.size)
    facts["Root"], facts["Signed by"] = head.root.hex(), ", ".join(signers.keys)
    check.details += [f"{label} signed too, but is not trusted for this size: not counted" for label in signers.late]
    check.details += [f"witness {label} at {clock(at)}" for label, at in signers.witnesses.items()]
    if signers.witnesses and len(signers.witnesses) >= max(1, examination.trust.witness_k if examination.trust else 1):
        facts["Witnesses"], examination.anchored = ", ".join(signers.witnesses), head.size


def note_tail(examination: Examination) -> None:
    """How many entries rest on the operator's word alone: nobody outside has seen a head that covers them."""
    size = examination.head.size if examination.head else None
    if size is None:
        said = "not known: whose log this is was not established"
    elif examination.anchored >= size:
        said = "none: somebody outside has seen the signed head"
    else:
        said = f"{size - examination.anchored} of {size} entries, which nobody outside is known to have seen"
    examination.report.facts["Unanchored tail"] = said


def clock(seconds: int) -> str:
    """A POSIX time as people read it."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"


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
    counts = counts_in(examination.bag.read("data/objects.csv"))
    numbers: dict[str, list[int]] = {subject: [] for subject in counts}
    for event in examination.events:
        if event.entry["subject"] not in numbers:
            raise Tampered(f"Entry {event.seq} is about {event.entry['subject']}, which is not in scope.")
        numbers[event.entry["subject"]].append(event.leaf["n"])
    for subject, count in counts.items():
        if numbers[subject] != list(range(count)):
            raise Tampered(f"{subject} should have the entries 0 to {count - 1}; {len(numbers[subject])} are here.")
    return f"{len(counts)} objects, all their entries up to the state of the log are here."


def counts_in(content: bytes) -> dict[str, int]:
    """Subject -> how many entries are about it; Tampered when the list is not exactly that."""
    lines = content.decode("utf-8").split("\n")
    if lines[0] != "subject,count" or lines[-1] != "":
        raise Tampered("data/objects.csv is not a list of subjects and counts.")
    found: dict[str, int] = {}
    for line in lines[1:-1]:
        match = COUNT.fullmatch(line)
        subject = (match[2] if match[1] is None else match[1].replace('""', '"')) if match else None
        if match is None or not subject or subject in found:
            raise Tampered("data/objects.csv has a line that is not a subject and a count, or names a subject twice.")
        found[subject] = int(match[3])
    return found


def check_rows(examination: Examination, check: Check) -> str:
    """Every record is the one whose digest an entry bound (or a signed snapshot); every file has its digest as name."""
    bag = examination.bag
    bound = {f"data/rows/{hex_of(event.entry['row'].get('digest'))}.json" for event in events_with_row(examination)}
    known = bound | snapshots_of(examination)
    for name in bag.under("data/rows"):
        content = bag.read(name)
        if name != f"data/rows/{sha256(content)}.json" or name not in known:
            raise Tampered(f"{name} is not a record that an entry of the log names.")
        read_strict(content)
    for name in bag.under("data/blobs"):
        if name != f"data/blobs/{sha256(bag.read(name))}":
            raise Tampered(f"{name} is not the file of that digest.")
    withheld = len(bound - bag.names)
    if withheld:
        check.details.append(f"{withheld} records that entries bind are not in the bundle.")
    return f"{len(bag.under('data/rows'))} records and {len(bag.under('data/blobs'))} files have their digests."


def events_with_row(examination: Examination) -> list[Event]:
    """The entries that bind a record."""
    return [event for event in examination.events if event.entry.get("row") is not None]


def check_pdf(examination: Examination, check: Check) -> str:
    """The PDF is the file that the log names, to the byte, and its seal holds."""
    pdf = examination.bag.read(PDF)
    if examination.issued is None:
        raise CannotVerify("The entry of issue could not be read, so the PDF has nothing to be compared with.")
    said = facts_of(examination.issued)
    if said.get("sealed_sha256") != sha256(pdf):
        raise Tampered("The log says that another PDF was issued.")
    base_size = said.get("base_size")
    if (
        not isinstance(base_size, str)
        or not DECIMAL.fullmatch(base_size)
        or sha256(pdf[: int(base_size)]) != said.get("base_sha256")
    ):
        raise Tampered("The PDF does not begin with the document that was sealed.")
    require_attached(examination, pdf, check)
    check.details += check_seal(pdf, examination.trust.pdf_roots if examination.trust else [])
    return "It is the file that the log names, and its seal holds."


def require_attached(examination: Examination, pdf: bytes, check: Check) -> None:
    """What is attached to the PDF lies in the payload too, and data/dossier.json is attached."""
    bag = examination.bag
    attached = {sha256(content) for content in attachments(pdf)}
    lying = {sha256(bag.read(name)): name for name in bag.under("data")} if attached else {}
    if attached - set(lying):
        raise Tampered("The PDF carries an attachment that is not a file of the payload.")
    if CONTENT in bag.names and sha256(bag.read(CONTENT)) not in attached:
        raise Tampered(f"{CONTENT} is not attached to the PDF.")
    check.details += [f"Attached: {lying[digest]}" for digest in sorted(attached)]


def check_stamp(examination: Examination, check: Check) -> str:
    """A time-stamping authority saw the signed head."""
    bag = examination.bag
    if STAMP not in bag.names:
        raise CannotVerify("No time stamp is in the bundle: when it was issued rests on the server's clock.")
    if examination.trust is None or not examination.trust.tsa_roots:
        raise CannotVerify("The trust file names no time-stamping authority (tsa_roots).")
    chain = bag.read(STAMP_CHAIN).decode() if STAMP_CHAIN in bag.names else ""
    roots = "\n".join(examination.trust.tsa_roots)
    is_good, at = check_time_stamp(bag.read(STAMP), bag.read(HEAD_FILE), roots, chain)
    if not is_good:
        raise Tampered("The time stamp does not match the signed head or its authority is not trusted.")
    if examination.head is not None:
        examination.anchored = examination.head.size
    examination.report.facts["Existed before"] = f"{at} (time-stamping authority)"
    return f"The signed head existed before {at}."


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
    examination.anchored = max(examination.anchored, prior.size)
    return f"The {prior.size} entries that you knew are unchanged."


def require_continued(examination: Examination, first: Head) -> None:
    """The signed head continues this earlier one, by a proof in the bundle or by all its leaf hashes."""
    head, bag = examination.known_head(), examination.bag
    if first.origin != head.origin:
        raise Tampered(f"The earlier head belongs to the log {first.origin}.")
    proofs = proofs_in(examination)
    if ALL_LEAVES in bag.names:
        roots = roots_at(examination, {first.size, *proofs})
        for size, proof in proofs.items():
            if not is_continued(size, head.size, proof, roots[size], head.root):
                raise Tampered(f"The proof from {size} entries in {SOME_PROOFS} does not hold.")
        if roots[first.size] != first.root:
            raise Tampered(f"The first {first.size} entries are not those of the earlier head.")
        return
    if first.size != head.size and first.size not in proofs:
        raise CannotVerify(f"The bundle has no proof from {first.size} entries; ask the server for one.")
    if not is_continued(first.size, head.size, proofs.get(first.size, []), first.root, head.root):
        raise Tampered(f"The first {first.size} entries are not those of the earlier head.")


def roots_at(examination: Examination, sizes: set[int]) -> dict[int, bytes]:
    """The roots over the first leaf hashes in the bundle, which have to be those of the signed head."""
    head, content = examination.known_head(), examination.bag.read(ALL_LEAVES)
    if len(content) != head.size * 32 or max(sizes) > head.size:
        raise Tampered(f"{ALL_LEAVES} is not the list of leaf hashes of the signed head.")
    hashes = [content[start : start + 32] for start in range(0, len(content), 32)]
    roots = roots_of_beginnings(hashes, sizes | {head.size})
    if roots[head.size] != head.root:
        raise Tampered(f"{ALL_LEAVES} is not the list of leaf hashes of the signed head.")
    return roots


def proofs_in(examination: Examination) -> dict[int, list[bytes]]:
    """The consistency proofs in the bundle, by the size of the earlier head."""
    bag = examination.bag
    if SOME_PROOFS not in bag.names and ALL_LEAVES in bag.names:
        return {}
    value = read_strict(bag.read(SOME_PROOFS), has_numbers=False)
    if not isinstance(value, dict) or not all(DECIMAL.fullmatch(size) for size in value):
        raise Tampered(f"{SOME_PROOFS} is not a list of proofs by size.")
    return {int(size): [from_base64(part, Tampered) for part in proof] for size, proof in value.items()}

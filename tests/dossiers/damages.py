"""What can be wrong with a bundle, one damage to a name: what is changed, who makes it fit again, which exit code it must give.

"" leaves the damage bare; `relist` is a forger without keys who mends both manifests; `issue` is the server itself lying, with
fitting manifests, a true entry of issue and true proofs.
"""

import base64
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import merkle, note
from apps.dossiers.verifier.verdict import CANNOT_VERIFY, TAMPERED, VALID
from tests.dossiers import containers
from tests.dossiers.bundles import MOMENT, ORIGIN, Bundle, Passkey, Witness, digest, named, relist, signature

Change = Callable[[Bundle], None]
EVENTS, LEAVES, COUNTS = "data/events.jsonl", "data/leaves.jsonl", "data/objects.csv"
HEAD, ISSUED = "proof/checkpoint.txt", "proof/issued.tlog-proof"
OPENINGS, PROOFS = "data/openings.json", "proof/consistency.json"
AFTER: dict[str, Change] = {"": lambda bundle: None, "relist": relist, "issue": lambda bundle: bundle.issue()}


@dataclass(frozen=True)
class Damage:
    """One case of the corpus."""

    code: int
    change: Change = lambda bundle: None
    after: str = ""
    trust: Callable[[Bundle], dict[str, Any]] | None = field(default=lambda bundle: {})
    prior: Callable[[Bundle], bytes] | None = None
    shape: Callable[[Bundle, Path], Path] = containers.zipped
    passkeys: tuple[str, ...] = ("ES256",)
    is_stamped: bool = False

    def apply(self, bundle: Bundle) -> None:
        """Do the damage."""
        self.change(bundle)
        AFTER[self.after](bundle)


def edit(name: str, old: bytes, new: bytes) -> Change:
    """Replace the first place where some bytes stand; it is a defect of the corpus when they do not."""

    def change(bundle: Bundle) -> None:
        before = bundle.files[name]
        if old not in before or old == new:
            raise LookupError(f"{old!r} does not stand in {name}")
        bundle.files[name] = before.replace(old, new, 1)

    return change


def pattern(name: str, old: bytes, new: bytes) -> Change:
    """Replace the first match of a pattern."""

    def change(bundle: Bundle) -> None:
        bundle.files[name], count = re.subn(old, new, bundle.files[name], count=1)
        if not count:
            raise LookupError(f"{old!r} does not match in {name}")

    return change


def put(name: str, content: bytes) -> Change:
    """A file with this content."""
    return lambda bundle: bundle.files.update({name: content})


def drop(name: str) -> Change:
    """A file left out."""
    return lambda bundle: bundle.files.__delitem__(name)


def lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Another order or choice of the lines of a file."""
    return lambda bundle: bundle.files.update(
        {name: b"".join(line + b"\n" for line in change(bundle.files[name].split(b"\n")[:-1]))}
    )


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(bundle: Bundle) -> None:
        for part in changes:
            part(bundle)

    return change


def without_last(bundle: Bundle) -> None:
    """An entry is left out, with its leaf and its proof."""
    lines(EVENTS, lambda found: found[:-1])(bundle)
    lines(LEAVES, lambda found: found[:-1])(bundle)
    bundle.scope.pop()


def signed(change: Callable[[dict[str, Any]], Any], **facts: str) -> Change:
    """One more signature by password, damaged before it is logged."""

    def work(bundle: Bundle) -> None:
        row = signature("r1", bundle.snapshot, "u1", number=9)
        change(row)
        bundle.sign_off(row, **facts)
        bundle.enter("model_version:12", "review:r1")

    return work


def by_passkey(
    change: Callable[[dict[str, Any]], Any] = lambda row: None,
    *,
    said: dict[str, Any] | None = None,
    enrol: dict[str, str] | None = None,
    actor: str = "user:u1",
    revoke: bool = False,
    flags: int = 5,
    site: str = "models.example.org",
    page: str = "",
    algorithm: str = "ES256",
) -> Change:
    """One more passkey is enrolled and signs, with something wrong in it."""

    def work(bundle: Bundle) -> None:
        passkey = Passkey(algorithm, site, number=9)
        passkey.flags, passkey.origin = flags, page or passkey.origin
        subject = f"passkey:{passkey.id}"
        bundle.log.add("accounts.passkey_enrolled", subject, None, actor, **{**passkey.enrolment, **(enrol or {})})
        if revoke:
            bundle.log.add("accounts.passkey_revoked", subject, None, "user:u1")
        row = signature("r1", bundle.snapshot, "u1", number=9, method="passkey")
        row["assertion"] = passkey.sign(row["payload"], **(said or {}))
        change(row)
        bundle.sign_off(row)
        bundle.enter("model_version:12", "review:r1", subject)

    return work


def resigned(bundle: Bundle) -> None:
    """The whole log, signed by somebody else under the same name."""
    bundle.log.signer = note.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
    bundle.files["data/checkpoint.txt"] = bundle.log.head(bundle.size).encode()
    bundle.issue()


def with_head(change: Callable[[str], str]) -> Change:
    """Another head, which all proofs lead to."""

    def work(bundle: Bundle) -> None:
        head = bundle.files[HEAD].decode()
        other = change(head)
        if other == head:
            raise LookupError("the head is not changed")
        for name in [HEAD, ISSUED, *(f"proof/events/{seq}.tlog-proof" for seq in bundle.scope)]:
            bundle.files[name] = bundle.files[name].replace(head.encode(), other.encode())

    return work


def forked(bundle: Bundle) -> bytes:
    """A head of three entries that this log never had, signed by its key."""
    lie = note.Checkpoint(ORIGIN, 3, merkle.root_of(bundle.log.hashes(2)))
    return bundle.log.signer.sign(lie.text).encode()


def other_log(bundle: Bundle) -> bytes:
    """A head of another log."""
    signer = note.Signer("log.test/b", bundle.log.signer.private)
    return signer.sign(note.Checkpoint("log.test/b", 3, merkle.root_of(bundle.log.hashes(3))).text).encode()


def key_for(**limits: Any) -> Callable[[Bundle], dict[str, Any]]:
    """A trust file that limits the log's key."""
    return lambda bundle: {"vkeys": [{"vkey": str(bundle.log.signer.verifier), **limits}]}


def with_row(row: Any) -> Change:
    """One more entry that binds a record."""

    def work(bundle: Bundle) -> None:
        bundle.log.add("evidence.computed", "model_version:12", row)
        bundle.keep(row)
        bundle.enter("model_version:12", "review:r1")

    return work


def deep(levels: int) -> Any:
    """Lists in each other."""
    found: Any = "end"
    for _ in range(levels):
        found = [found]
    return {"deep": found} if levels else found


def cut_path(bundle: Bundle) -> None:
    """An inclusion proof without its last hash."""
    pattern(ISSUED, rb"\n[A-Za-z0-9+/=]+\n\n", b"\n\n")(bundle)


def replayed(bundle: Bundle) -> None:
    """All leaves claim another log."""
    for name in (LEAVES, "proof/issued.leaf.json"):
        bundle.files[name] = bundle.files[name].replace(b"log.test/a", b"log.test/b")


def witnessed(bundle: Bundle) -> dict[str, Any]:
    """A trust file that asks for a witness."""
    return {"witnesses": [Witness().vkey], "policy": {"witness_k": 1}}


def cosigned(seed: bytes = b"\x09" * 32, at: int = 1_795_600_800) -> Change:
    """A witness signs the head."""
    witness = Witness(seed=seed)
    return with_head(lambda head: witness.sign(head, at))


def falsely_cosigned(bundle: Bundle) -> None:
    """The witness's line, with another time in it."""
    cosigned()(bundle)
    head = bundle.files[HEAD].decode()
    line = head.splitlines()[-1].rsplit(" ", 1)
    content = bytearray(base64.b64decode(line[1]))
    content[4:12] = struct.pack(">Q", 1_795_600_801)
    with_head(lambda found: found.replace(line[1], base64.b64encode(content).decode()))(bundle)


def opened(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Other openings."""

    def work(bundle: Bundle) -> None:
        value = json.loads(bundle.files[OPENINGS])
        change(value)
        bundle.files[OPENINGS] = rfc8785.dumps(value)

    return work


def first_opening(openings: dict[str, Any], changes: dict[str, str]) -> None:
    """The first opening, changed."""
    next(iter(openings.values())).update(changes)


def version_1(row: dict[str, Any]) -> None:
    """A record as it was written before there were passkeys and commitments."""
    payload = row["payload"]
    for key in ("log", "id", "replaces"):
        del payload[key]
    del payload["signer"]["name_c"]
    payload["v"], payload["authentication"] = 1, {"at": MOMENT, "method": "password"}
    row["printed_name"] = "Risk officer"


def assertion(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """Parts of an assertion, changed."""
    return lambda row: row["assertion"].update(changes)


def payload(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """Parts of a signed payload, changed."""
    return lambda row: row["payload"].update(changes)


def record(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """Parts of a record beside its payload, changed."""
    return lambda row: row.update(changes)


EXTRA_NAME = named("Somebody else", b"\x06" * 32)
MENDED, LIED = "relist", "issue"
GOOD, BAD, UNKNOWN = VALID, TAMPERED, CANNOT_VERIFY
NO_LEAVES = both(drop("proof/leaves.bin"))
ROW_FILE = f"data/rows/{digest(rfc8785.dumps({'metric': 0.5, 'tiny': 1e-7}))[7:]}.json"

"""Signed notes, checkpoints and proof files (C2SP signed-note, tlog-checkpoint, tlog-proof, tlog-cosignature)."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from apps.dossiers.verifier.openssl import is_ed25519_signature
from apps.dossiers.verifier.strict import LARGEST
from apps.dossiers.verifier.trust import Key, Trust
from apps.dossiers.verifier.verdict import CannotVerify, Tampered

DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
SPACES = "\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SIGNATURE_LINE = re.compile(f"\u2014 ([^{SPACES}+]+) ([A-Za-z0-9+/]+=*)")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
MOST_SIGNATURES = 100
COSIGNATURE_BYTES = 72


@dataclass
class Head:
    """A checkpoint: whose log, how many leaves, which root; `note` is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass
class Signers:
    """Who signed a head: keys of the log, and witnesses with the times they say."""

    keys: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    witnesses: dict[str, int] = field(default_factory=dict)


def read_head(note: bytes) -> Head:
    """The checkpoint in a note, without asking who signed it."""
    try:
        text, separator, _ = note.decode("utf-8").rpartition("\n\n")
        origin, size, root = text.split("\n")
        decoded = from_base64(root)
    except ValueError as error:
        raise Tampered("A checkpoint is not three lines and signatures.") from error
    if not separator or not origin or CONTROL.search(text) or not DECIMAL.fullmatch(size) or len(decoded) != 32:
        raise Tampered("A checkpoint is not origin, size and root.")
    if int(size) > LARGEST:
        raise Tampered("A checkpoint names more entries than a log can have.")
    return Head(origin, int(size), decoded, note.decode("utf-8"))


def check_head(note: bytes, trust: Trust) -> tuple[Head, Signers]:
    """The checkpoint and who signed it; Tampered when a trusted key's line is wrong or out of its range."""
    head = read_head(note)
    if head.origin != trust.origin:
        raise Tampered(f"The checkpoint belongs to the log {head.origin}, not to {trust.origin}.")
    text, _, block = head.note.rpartition("\n\n")
    if not block.endswith("\n"):
        raise Tampered("The signature lines of the checkpoint are cut off.")
    lines = block[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Tampered(f"The checkpoint has more than {MOST_SIGNATURES} signatures.")
    signers = Signers()
    for line in lines:
        read_signature(line, (text + "\n").encode(), head.size, trust, signers)
    if not signers.keys and signers.late:
        raise Tampered(f"The key {signers.late[0]} is not trusted for a head of {head.size} entries.")
    if not signers.keys:
        raise CannotVerify("No key of the trust file signed this checkpoint.")
    if len(signers.witnesses) < trust.witness_k:
        raise CannotVerify(
            f"The trust file asks for {trust.witness_k} witnesses; {len(signers.witnesses)} signed this checkpoint."
        )
    return head, signers


def read_signature(line: str, text: bytes, size: int, trust: Trust, signers: Signers) -> None:
    """Note who signed this line. Unknown keys are passed over; a known key's wrong signature is Tampered."""
    match = SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise Tampered("A line below the checkpoint is not a signature.")
    content = from_base64(match[2], Tampered)
    if len(content) < 5:
        raise Tampered("A signature below the checkpoint is shorter than its key id.")
    for key in trust.keys:
        if (key.name, key.key_id) == (match[1], content[:4]):
            require_signature(key, content[4:], text)
            (signers.keys if key.may_sign(size) else signers.late).append(key.label)
    for key in trust.witnesses:
        if (key.name, key.key_id) == (match[1], content[:4]):
            if len(content) != 4 + COSIGNATURE_BYTES:
                raise Tampered(f"The cosignature of {key.label} is not a time and a signature.")
            at = int.from_bytes(content[4:12], "big")
            require_signature(key, content[12:], b"cosignature/v1\ntime %d\n" % at + text)
            signers.witnesses[key.label] = at


def require_signature(key: Key, signature: bytes, message: bytes) -> None:
    """Tampered unless these are 64 bytes with which the key signed the message."""
    if len(signature) != 64 or not is_ed25519_signature(key.public, signature, message):
        raise Tampered(f"The signature of {key.label} does not match the checkpoint.")


def read_proof(content: bytes) -> tuple[int, list[bytes], str]:
    """Index, hashes and checkpoint of a tlog-proof file."""
    head, separator, note = content.decode("utf-8", "replace").partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Tampered("A proof file does not begin with c2sp.org/tlog-proof@v1.")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    if not lines or not lines[0].startswith("index ") or not DECIMAL.fullmatch(lines[0][6:]):
        raise Tampered("A proof file names no index.")
    return int(lines[0][6:]), [from_base64(line, Tampered) for line in lines[1:]], note


def from_base64(text: str, error: type[Exception] = ValueError) -> bytes:
    """Strict base64: the one spelling of its bytes."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as damage:
        raise error(f"{text[:40]!r} is not base64.") from damage
    if base64.b64encode(found).decode() != text:
        raise error(f"{text[:40]!r} is not the one base64 spelling of its bytes.")
    return found

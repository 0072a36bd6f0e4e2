"""Signed notes, checkpoints and proof files (C2SP signed-note, tlog-checkpoint, tlog-proof), and the trust file."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from apps.dossiers.verifier.openssl import is_ed25519_signature
from apps.dossiers.verifier.verdict import CannotVerify, Tampered

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass
class Trust:
    """Whom the auditor trusts. Given from outside; a trust file inside a bundle only says what the issuer claims."""

    origin: str
    vkeys: list[str]
    pdf_roots: list[str] = field(default_factory=list)
    tsa_roots: list[str] = field(default_factory=list)
    needs_time_stamp: bool = False

    @classmethod
    def read(cls, content: bytes) -> "Trust":
        """Read a trust file; ValueError says what is wrong with it."""
        value = json.loads(content)
        if not isinstance(value, dict) or not isinstance(value.get("origin"), str) or not _texts(value.get("vkeys")):
            raise ValueError('a trust file holds "origin" and a list "vkeys"')
        for vkey in value["vkeys"]:
            read_vkey(vkey)
        policy = value.get("policy") or {}
        return cls(
            value["origin"],
            value["vkeys"],
            _texts(value.get("pdf_roots")),
            _texts(value.get("tsa_roots")),
            bool(isinstance(policy, dict) and policy.get("time_stamp")),
        )


@dataclass
class Head:
    """A checkpoint: whose log, how many leaves, which root; `note` is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str


def read_vkey(text: str) -> tuple[str, bytes, bytes]:
    """Name, key id and the 32 bytes of a verifier key."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = from_base64(encoded)
    if key[:1] != b"\x01" or len(key) != 33:
        raise ValueError(f"{text[:60]!r} is not an Ed25519 verifier key")
    if hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        raise ValueError(f"the id in {text[:60]!r} does not belong to the key")
    return name, bytes.fromhex(key_id), key[1:]


def read_head(note: bytes) -> Head:
    """The checkpoint in a note, without asking who signed it."""
    try:
        text, separator, _ = note.decode("utf-8").rpartition("\n\n")
        origin, size, root = text.split("\n")
        decoded = from_base64(root)
    except ValueError as error:
        raise Tampered("A checkpoint is not three lines and signatures.") from error
    if not separator or not origin or not DECIMAL.fullmatch(size) or len(decoded) != 32:
        raise Tampered("A checkpoint is not origin, size and root.")
    return Head(origin, int(size), decoded, note.decode("utf-8"))


def check_head(note: bytes, trust: Trust) -> tuple[Head, list[str]]:
    """The checkpoint and the names of trusted keys that signed it; Tampered when a trusted key's line is wrong."""
    head = read_head(note)
    if head.origin != trust.origin:
        raise Tampered(f"The checkpoint belongs to the log {head.origin}, not to {trust.origin}.")
    text, _, block = head.note.rpartition("\n\n")
    signed_text = (text + "\n").encode()
    known = [read_vkey(vkey) for vkey in trust.vkeys]
    signers = []
    if not block.endswith("\n"):
        raise Tampered("The signature lines of the checkpoint are cut off.")
    for line in block[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+=*)", line)
        if not match:
            raise Tampered("A line below the checkpoint is not a signature.")
        signature = from_base64(match[2], Tampered)
        for name, key_id, public in known:
            if name == match[1] and key_id == signature[:4]:
                if not is_ed25519_signature(public, signature[4:], signed_text):
                    raise Tampered(f"The signature of {name} does not match the checkpoint.")
                signers.append(f"{name}+{key_id.hex()}")
    if not signers:
        raise CannotVerify("No key of the trust file signed this checkpoint.")
    return head, signers


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
    except binascii.Error as damage:
        raise error(f"{text[:40]!r} is not base64.") from damage
    if base64.b64encode(found).decode() != text:
        raise error(f"{text[:40]!r} is not the one base64 spelling of its bytes.")
    return found


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

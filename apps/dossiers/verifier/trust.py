"""The trust file: whom the auditor trusts, handed over by another way than the bundle."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

LOG_KEY, WITNESS_KEY = b"\x01", b"\x04"
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class Key:
    """An Ed25519 key with a name, and for which heads of the log it counts."""

    name: str
    key_id: bytes
    public: bytes
    valid_from_size: int = 0
    revoked_after_size: int | None = None

    @property
    def label(self) -> str:
        """Name and id, as reports print them."""
        return f"{self.name}+{self.key_id.hex()}"

    def may_sign(self, size: int) -> bool:
        """Whether its signature under a head of this size counts."""
        return self.valid_from_size <= size and (self.revoked_after_size is None or size <= self.revoked_after_size)


@dataclass
class Trust:
    """Given from outside; a trust file inside a bundle only says what the issuer claims."""

    origin: str
    keys: list[Key] = field(default_factory=list)
    pdf_roots: list[str] = field(default_factory=list)
    tsa_roots: list[str] = field(default_factory=list)
    witnesses: list[Key] = field(default_factory=list)
    witness_k: int = 0
    needs_time_stamp: bool = False

    @classmethod
    def read(cls, content: bytes) -> "Trust":
        """Read a trust file; ValueError says what is wrong with it."""
        value = json.loads(content)
        vkeys = value.get("vkeys") if isinstance(value, dict) else None
        if not isinstance(vkeys, list) or not vkeys or not isinstance(value.get("origin"), str):
            raise ValueError('a trust file holds "origin" and a list "vkeys"')
        policy = value.get("policy", {})
        if not isinstance(policy, dict):
            raise ValueError('"policy" is not an object')
        return cls(
            value["origin"],
            [read_log_key(entry) for entry in vkeys],
            texts(value, "pdf_roots"),
            texts(value, "tsa_roots"),
            [read_vkey(text, WITNESS_KEY) for text in texts(value, "witnesses")],
            whole_number(policy.get("witness_k", 0), "witness_k"),
            truth(policy.get("time_stamp", False), "time_stamp"),
        )


def read_log_key(entry: Any) -> Key:
    """A key of the log: a verifier key, or an object with one and the sizes of heads that it may sign."""
    if isinstance(entry, str):
        return read_vkey(entry, LOG_KEY)
    if not isinstance(entry, dict) or not isinstance(entry.get("vkey"), str):
        raise ValueError('an entry of "vkeys" is neither a verifier key nor an object with "vkey"')
    unknown = set(entry) - {"vkey", "valid_from_size", "revoked_after_size"}
    if unknown:
        raise ValueError(f'"vkeys" holds {min(unknown)!r}, which this verifier does not know')
    key, last = read_vkey(entry["vkey"], LOG_KEY), entry.get("revoked_after_size")
    first = whole_number(entry.get("valid_from_size", 0), "valid_from_size")
    return Key(
        key.name, key.key_id, key.public, first, None if last is None else whole_number(last, "revoked_after_size")
    )


def read_vkey(text: str, kind: bytes) -> Key:
    """A C2SP verifier key: name, id and key with a plus sign between them."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as damage:
        raise ValueError(f"{text[:60]!r} is not a verifier key") from damage
    if key[:1] != kind or len(key) != 33 or base64.b64encode(key).decode() != encoded:
        raise ValueError(f"{text[:60]!r} is not an Ed25519 verifier key of the kind {kind.hex()}")
    if hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        raise ValueError(f"the id in {text[:60]!r} does not belong to the key")
    return Key(name, bytes.fromhex(key_id), key[1:])


def whole_number(value: Any, what: str) -> int:
    """A whole number that is not negative, also spelled as text."""
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f'"{what}" is not a whole number')
    return value


def truth(value: Any, what: str) -> bool:
    """True or false and nothing else."""
    if not isinstance(value, bool):
        raise ValueError(f'"{what}" is neither true nor false')
    return value


def texts(value: dict[str, Any], name: str) -> list[str]:
    """A list of texts; absent means empty."""
    found = value.get(name, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError(f'"{name}" is not a list of texts')
    return found

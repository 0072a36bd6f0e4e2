"""Commitments to personal data, and what opens them: docs/formats/signature.md is the specification. Pure.

The salt is kept under the person's key only, so that without the key nobody can test a guess against a commitment.
"""

import hashlib
import hmac
import json
import os
from dataclasses import dataclass

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "hmac-sha256:"
NONCE = 12


@dataclass(frozen=True)
class Opening:
    """What opens a commitment."""

    salt: bytes
    value: str

    @property
    def commitment(self) -> str:
        """The commitment that this opens."""
        return SCHEME + hmac.new(self.salt, rfc8785.dumps(self.value), hashlib.sha256).hexdigest()

    def as_json(self) -> dict[str, str]:
        """As a bundle discloses it."""
        return {"salt": self.salt.hex(), "value": self.value}


def commit(value: str) -> Opening:
    """A new commitment to a value, with a salt that nobody else has."""
    return Opening(os.urandom(32), value)


def is_commitment(text: str) -> bool:
    """Whether a text is a commitment and not the value itself."""
    return text.startswith(SCHEME)


def new_key() -> bytes:
    """A key for one person."""
    return AESGCM.generate_key(bit_length=256)


def seal(opening: Opening, key: bytes) -> bytes:
    """The opening, encrypted, bound to its commitment."""
    nonce = os.urandom(NONCE)
    content = rfc8785.dumps(opening.as_json())
    return nonce + AESGCM(key).encrypt(nonce, content, opening.commitment.encode())


def unseal(sealed: bytes, key: bytes, commitment: str) -> Opening | None:
    """The opening of this commitment; None when key, bytes and commitment do not belong together."""
    try:
        content = json.loads(AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], commitment.encode()))
    except InvalidTag:
        return None
    return Opening(bytes.fromhex(content["salt"]), content["value"])

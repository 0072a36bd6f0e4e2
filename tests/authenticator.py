"""An authenticator in software: makes a key pair and answers as a browser with a passkey would (WebAuthn Level 3)."""

import hashlib
import json
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from fido2 import cbor
from fido2.cose import ES256, EdDSA
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
NOBODY = bytes(16)


class Authenticator:
    """One passkey. Attributes may be set to make it misbehave."""

    def __init__(self, origin: str = "http://localhost", *, kind: str = "ES256") -> None:
        self.origin, self.kind = origin, kind
        self.key: Any = (
            ec.generate_private_key(ec.SECP256R1()) if kind == "ES256" else ed25519.Ed25519PrivateKey.generate()
        )
        self.credential_id = os.urandom(32)
        self.counter = 0
        self.flags = PRESENT | VERIFIED
        self.rp_id = ""
        self.cross_origin = False

    def client_data(self, kind: str, challenge: str) -> bytes:
        """What the browser says about the page and the question."""
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(said, separators=(",", ":")).encode()

    def state(self, rp_id: str, flags: int) -> bytes:
        """What the authenticator says about itself: whose page, whether it verified a person, how often it was used."""
        self.counter += 1
        return hashlib.sha256((self.rp_id or rp_id).encode()).digest() + struct.pack(">BI", flags, self.counter)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to `navigator.credentials.create`."""
        asked = options["publicKey"]
        cose: Any = (ES256 if self.kind == "ES256" else EdDSA).from_cryptography_key(self.key.public_key())
        attested = NOBODY + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor.encode(dict(cose))
        state = self.state(asked["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": state})
        return self.answer(
            clientDataJSON=self.client_data("webauthn.create", asked["challenge"]), attestationObject=attestation
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to `navigator.credentials.get`."""
        asked = options["publicKey"]
        assert any(websafe_decode(row["id"]) == self.credential_id for row in asked["allowCredentials"])
        assert asked["userVerification"] == "required"
        said = self.client_data("webauthn.get", asked["challenge"])
        state = self.state(asked["rpId"], self.flags)
        return self.answer(clientDataJSON=said, authenticatorData=state, signature=self.sign(state, said))

    def sign(self, state: bytes, said: bytes) -> bytes:
        """The signature over both."""
        message = state + hashlib.sha256(said).digest()
        if self.kind == "ES256":
            return bytes(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
        return bytes(self.key.sign(message))

    def answer(self, **parts: bytes) -> dict[str, Any]:
        """The browser's JSON."""
        key = websafe_encode(self.credential_id)
        spelled = {name: websafe_encode(part) for name, part in parts.items()}
        return {"id": key, "rawId": key, "type": "public-key", "response": spelled, "clientExtensionResults": {}}

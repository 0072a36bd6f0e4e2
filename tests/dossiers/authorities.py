"""What stands behind the signatures in test bundles: a seal, a time-stamping authority, a witness, passkeys. All real."""

import base64
import hashlib
import json
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GAP = 6000
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
TS_CONFIG = """[ts]
serial = serial
signer_digest = sha256
digests = sha256
default_policy = 1.2.3.4
certs = own.pem
"""


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(
    subject: str,
    key: Any,
    issuer: str,
    issuer_key: Any,
    *,
    is_ca: bool,
    days: tuple[int, int] = (-1, 30),
    use: Any = None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(found: x509.Certificate) -> str:
    return found.public_bytes(serialization.Encoding.PEM).decode()


class Seal:
    """A certificate of our own and PDF files sealed with it (CMS made by `cryptography`)."""

    def __init__(self) -> None:
        self.root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.root = certificate("Test root", self.root_key, "Test root", self.root_key, is_ca=True)
        self.own = certificate("Test seal", self.key, "Test root", self.root_key, is_ca=False)

    @property
    def root_pem(self) -> str:
        return pem(self.root)

    def pkcs12(self) -> bytes:
        """Key and certificates as one object, for signing programs."""
        plain = serialization.NoEncryption()
        return pkcs12.serialize_key_and_certificates(b"seal", self.key, self.own, [self.root], plain)

    def seal(self, base: bytes) -> bytes:
        """The base document, then a signature object whose byte range covers all but its own value."""
        head = (
            base + b"\n9 0 obj\n<< /Type /Sig /Reference [<< /TransformMethod /DocMDP /TransformParams << /P 1 >> >>] "
        )
        spelled = b"/ByteRange [0 %010d %010d %010d] /Contents "
        tail = b" >>\nendobj\n%%EOF\n"
        length = len(head) + len(spelled % (0, 0, 0))
        second = length + GAP + 2
        head += spelled % (length, second, len(tail))
        signer = pkcs7.PKCS7SignatureBuilder().set_data(head + tail).add_signer(self.own, self.key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        cms = signer.sign(serialization.Encoding.DER, options)
        return head + b"<" + cms.hex().encode().ljust(GAP, b"0") + b">" + tail


class Authority:
    """A time-stamping authority: `openssl ts` with a key and certificate of our own."""

    def __init__(self) -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.TIME_STAMPING
        self.root = certificate("Test time root", self.root_key, "Test time root", self.root_key, is_ca=True)
        self.own = certificate("Test time", self.key, "Test time root", self.root_key, is_ca=False, use=use)

    @property
    def root_pem(self) -> str:
        return pem(self.root)

    def stamp(self, content: bytes) -> bytes:
        """An RFC 3161 response over these bytes."""
        private = serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "key.pem").write_bytes(self.key.private_bytes(serialization.Encoding.PEM, private, plain))
            (place / "own.pem").write_text(pem(self.own))
            (place / "serial").write_text("01\n")
            (place / "ts.cnf").write_text(TS_CONFIG)
            (place / "content").write_bytes(content)
            for command in (
                "ts -query -config ts.cnf -data content -sha256 -cert -out asked.tsq",
                "ts -reply -config ts.cnf -section ts -queryfile asked.tsq -signer own.pem -inkey key.pem -out answer.tsr",
            ):
                subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
            return (place / "answer.tsr").read_bytes()


@dataclass
class Witness:
    """Somebody else who signs heads of the log (C2SP tlog-cosignature, Ed25519)."""

    name: str = "witness.test/w"
    seed: bytes = b"\x09" * 32

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        return b"\x04" + self.key.public_key().public_bytes(*RAW)

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.public).decode()}"

    def sign(self, head: str, at: int = 1_795_600_800) -> str:
        """The note with one more line."""
        text = head[: head.rindex("\n\n") + 1]
        signature = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        line = base64.b64encode(self.key_id + struct.pack(">Q", at) + signature).decode()
        return f"{head}\u2014 {self.name} {line}\n"


class Passkey:
    """An authenticator with one key pair, and the browser in front of it."""

    def __init__(self, algorithm: str = "ES256", site: str = "models.example.org", number: int = 1) -> None:
        self.algorithm, self.site, self.id = algorithm, site, f"00000000-0000-7000-9000-{number:012}"
        self.key: Any = (
            Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
        )
        self.flags, self.origin = 0x05, f"https://{site}"

    @property
    def enrolment(self) -> dict[str, str]:
        """What the entry of enrolment says."""
        spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {
            "credential_id": base64.b64encode(self.id.encode()).decode(),
            "algorithm": self.algorithm,
            "public_key": base64.b64encode(self.key.public_key().public_bytes(*spki)).decode(),
            "rp_id": self.site,
        }

    def sign(self, payload: dict[str, Any], **changes: Any) -> dict[str, str]:
        """The assertion over a payload; `changes` go into what the browser says."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(rfc8785.dumps(payload)).digest()).decode().rstrip("=")
        said = {"type": "webauthn.get", "challenge": challenge, "origin": self.origin, "crossOrigin": False, **changes}
        client_data = json.dumps(said).encode()
        authenticator = hashlib.sha256(self.site.encode()).digest() + bytes([self.flags]) + b"\x00\x00\x00\x07"
        message = authenticator + hashlib.sha256(client_data).digest()
        is_plain = self.algorithm == "EdDSA"
        made = self.key.sign(message) if is_plain else self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        return {
            "passkey": self.id,
            **self.enrolment,
            "origin": self.origin,
            "authenticator_data": base64.b64encode(authenticator).decode(),
            "client_data": base64.b64encode(client_data).decode(),
            "signature": base64.b64encode(made).decode(),
        }

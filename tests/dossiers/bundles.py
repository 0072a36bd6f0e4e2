"""Small bundles made by hand for the verifier's tests: the log, the seal and the signatures in them are real."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID

from apps.audit import merkle, note

ORIGIN = "log.test/a"
GAP = 6000


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject: str, key: Any, issuer: str, issuer_key: Any, *, is_ca: bool) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


class Seal:
    """A certificate of our own and PDF files sealed with it (CMS made by `cryptography`, checked by openssl)."""

    def __init__(self) -> None:
        self.root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.root = certificate("Test root", self.root_key, "Test root", self.root_key, is_ca=True)
        self.own = certificate("Test seal", self.key, "Test root", self.root_key, is_ca=False)

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

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


@dataclass
class Log:
    """A log in memory."""

    signer: note.Signer = field(
        default_factory=lambda: note.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
    )
    entries: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, verb: str, subject: str, row: Any = None, actor: str = "system:tests", **facts: Any) -> int:
        number = len(self.entries)
        value = {
            "v": "1", "id": f"00000000-0000-7000-8000-{number:012}", "at": "2026-11-25T10:00:00.000000Z", "actor": actor,
            "verb": verb, "subject": subject, "reason": "", "data": facts, "changes": [], "request": "",
            "row": {"id": "tests.row:1", "digest": digest(rfc8785.dumps(row))} if row else None,
        }  # fmt: skip
        body = rfc8785.dumps(value)
        n = self.counts.get(subject, 0)
        self.counts[subject] = n + 1
        self.entries.append(body)
        self.leaves.append(rfc8785.dumps({"v": 1, "log": ORIGIN, "seq": number, "n": n, "entry": digest(body)}))
        return number

    def hashes(self, size: int | None = None) -> list[bytes]:
        return [merkle.leaf_hash(body) for body in self.leaves[:size]]

    def head(self, size: int) -> str:
        return self.signer.sign(note.Checkpoint(ORIGIN, size, merkle.root_of(self.hashes(size))).text)

    def proof(self, seq: int, size: int) -> bytes:
        hashes_now = self.hashes(size)
        found = merkle.inclusion_proof(seq, size, merkle.node_from_leaves(hashes_now))
        return str(note.Proof(seq, tuple(found), self.head(size))).encode()

    def subject_of(self, seq: int) -> str:
        return str(json.loads(self.entries[seq])["subject"])


def signature(review: str, snapshot: Any, person: str, meaning: str = "approved") -> dict[str, Any]:
    payload = {
        "v": 1, "type": "signoff", "review": review, "content": digest(rfc8785.dumps(snapshot)), "meaning": meaning,
        "meaning_text": "I approve.", "reason": "It holds", "signer": {"id": person, "role": "risk_officer"},
        "signed_at": "2026-11-25T10:00:00+00:00",
    }  # fmt: skip
    return {"id": "s1", "payload": payload, "authentication": "password", "printed_name": "Risk officer"}


class Bundle:
    """A good bundle in memory: change `files` or `log`, then `write`."""

    def __init__(self, seal: Seal) -> None:
        self.seal, self.log, self.files = seal, Log(), dict[str, bytes]()
        self.snapshot = {"evidence": [{"id": "e1", "ratio": 0.76}], "reviewed": "version 12"}
        signed = signature("r1", self.snapshot, "u1")
        self.log.add("audit.key_added", "log:self", vkey=str(self.log.signer.verifier))
        self.log.add("registry.version_registered", "model_version:12")
        self.log.add("other.happened", "model:elsewhere")
        self.log.add("workflow.signed_off", "review:r1", signed, "user:u1", seen=digest(rfc8785.dumps(self.snapshot)))
        self.log.add("evidence.computed", "model_version:12", {"metric": 0.5, "tiny": 1e-7})
        self.log.add("dossiers.requested", "dossier:d1")
        self.size = 6
        base = b"%PDF-1.7\n1 0 obj\n(A dossier)\nendobj\n"
        sealed = seal.seal(base)
        scope = ("model_version:12", "review:r1")
        self.scope = [seq for seq in range(self.size) if self.log.subject_of(seq) in scope]
        for row in (signed, self.snapshot, {"metric": 0.5, "tiny": 1e-7}):
            content = rfc8785.dumps(row)
            self.files[f"data/rows/{digest(content)[7:]}.json"] = content
        self.files["data/blobs/" + digest(b"a file")[7:]] = b"a file"
        self.files["data/dossier.pdf"] = sealed
        self.files["data/checkpoint.txt"] = self.log.head(self.size).encode()
        objects = io.StringIO()
        csv.writer(objects, lineterminator="\n").writerows(
            [("subject", "count"), *((s, self.log.counts[s]) for s in scope)]
        )
        self.files["data/objects.csv"] = objects.getvalue().encode()
        self.files["data/events.jsonl"] = b"".join(self.log.entries[seq] + b"\n" for seq in self.scope)
        self.files["data/leaves.jsonl"] = b"".join(self.log.leaves[seq] + b"\n" for seq in self.scope)
        self.base, self.sealed = base, sealed
        self.issue()

    def issue(self) -> None:
        """Write the manifest, the entry of issue and the proofs as they follow from `files` and `log` now."""
        self.list_payload()
        root = merkle.root_of(self.log.hashes(self.size)).hex()
        self.issued = self.log.add(
            "dossiers.issued", "dossier:d1", size=str(self.size), root=root, base_size=str(len(self.base)),
            base_sha256=digest(self.base)[7:], sealed_sha256=digest(self.sealed)[7:],
            payload_manifest_sha256=digest(self.files["manifest-sha256.txt"])[7:],
        )  # fmt: skip
        self.log.add("other.happened", "model:elsewhere")
        self.prove()

    def prove(self) -> None:
        """Write everything below proof/."""
        end = len(self.log.leaves)
        self.files["proof/checkpoint.txt"] = self.log.head(end).encode()
        self.files["proof/issued.entry.json"] = self.log.entries[self.issued]
        self.files["proof/issued.leaf.json"] = self.log.leaves[self.issued]
        self.files["proof/issued.tlog-proof"] = self.log.proof(self.issued, end)
        for seq in self.scope:
            self.files[f"proof/events/{seq}.tlog-proof"] = self.log.proof(seq, end)
        self.files["proof/leaves.bin"] = b"".join(self.log.hashes())
        self.list_tags()

    def list_payload(self) -> None:
        self.files["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        self.files["bag-info.txt"] = b"Source-Organization: Test\n"
        self.files["manifest-sha256.txt"] = self.manifest("data/")

    def list_tags(self) -> None:
        self.files.pop("tagmanifest-sha256.txt", None)
        self.files["tagmanifest-sha256.txt"] = self.manifest("")

    def manifest(self, folder: str) -> bytes:
        names = [found for found in sorted(self.files) if found.startswith("data/") == bool(folder)]
        return "".join(f"{digest(self.files[found])[7:]}  {found}\n" for found in names).encode()

    def write(self, folder: Path) -> Path:
        for found, content in self.files.items():
            path = folder / found
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    def trust(self, **changes: Any) -> dict[str, Any]:
        return {
            "origin": ORIGIN,
            "vkeys": [str(self.log.signer.verifier)],
            "pdf_roots": [self.seal.root_pem],
            **changes,
        }

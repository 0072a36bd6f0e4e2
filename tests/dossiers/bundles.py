"""Small bundles made by hand for the verifier's tests: the log, the seal and the signatures in them are real."""

import base64
import csv
import hashlib
import hmac
import io
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import merkle, note
from tests.dossiers.authorities import Authority, Passkey, Seal, Witness

__all__ = ["Authority", "Bundle", "Log", "Passkey", "Seal", "Witness", "digest", "named", "relist", "signature"]
ORIGIN = "log.test/a"
MOMENT = "2026-11-25T10:00:00.000000Z"
SALT = b"\x05" * 32


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


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
            "v": "1", "id": f"00000000-0000-7000-8000-{number:012}", "at": MOMENT, "actor": actor,
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

    def proof(self, seq: int, size: int, head: str = "") -> bytes:
        hashes_now = self.hashes(size)
        found = merkle.inclusion_proof(seq, size, merkle.node_from_leaves(hashes_now))
        return str(note.Proof(seq, tuple(found), head or self.head(size))).encode()

    def continued(self, first: int) -> list[str]:
        found = merkle.consistency_proof(first, len(self.leaves), merkle.node_from_leaves(self.hashes()))
        return [base64.b64encode(part).decode() for part in found]

    def subject_of(self, seq: int) -> str:
        return str(json.loads(self.entries[seq])["subject"])


def named(text: str, salt: bytes = SALT) -> tuple[str, dict[str, str]]:
    """A commitment to a name, and what opens it."""
    made = hmac.new(salt, rfc8785.dumps(text), hashlib.sha256).hexdigest()
    return f"hmac-sha256:{made}", {"salt": salt.hex(), "value": text}


def signature(
    review: str, snapshot: Any, person: str, meaning: str = "approved", number: int = 1, method: str = "password",
    printed: str = "Risk officer",
) -> dict[str, Any]:  # fmt: skip
    """The record of a signature, version 2; `assertion` is the passkey's to add."""
    name = named(printed)[0]
    payload = {
        "v": 2, "type": "signoff", "log": ORIGIN, "id": f"s{number}", "review": review, "reference": "R-1", "round": "1",
        "version": "12", "artifact": digest(b"weights"), "step": "approve", "content": digest(rfc8785.dumps(snapshot)),
        "meaning": meaning, "meaning_text": "I approve.", "reason": "It holds", "report": {}, "conditions": [],
        "withdraws": None, "replaces": None, "signer": {"id": person, "name_c": name, "role": "risk_officer"},
        "signed_at": MOMENT, "authentication": {"method": method}, "rules": "part11/2",
    }  # fmt: skip
    return {
        "id": f"s{number}", "payload": payload, "authentication": method, "printed_name": name, "signer_id": person,
        "role": "risk_officer", "meaning": meaning, "round": 1, "seen_digest": payload["content"], "signed_at": MOMENT,
    }  # fmt: skip


def document(attached: bytes) -> bytes:
    """A base document with one attachment, as WeasyPrint writes attachments."""
    packed = zlib.compress(attached)
    head = b"<</Type /EmbeddedFile/Subtype /application#2fjson/Params <</Size %d>>/Filter /FlateDecode/Length %d>>"
    return (
        b"%PDF-1.7\n1 0 obj\n(A dossier)\nendobj\n2 0 obj\n"
        + head % (len(attached), len(packed))
        + b"\nstream\n"
        + packed
        + b"\nendstream\nendobj\n"
    )


class Bundle:
    """A good bundle in memory: change `files` or `log`, then `write`."""

    def __init__(self, seal: Seal, passkeys: tuple[Passkey, ...] = (), authority: Authority | None = None) -> None:
        self.seal, self.authority, self.log, self.files = seal, authority, Log(), dict[str, bytes]()
        self.witness: Witness | None = None
        self.snapshot = {"evidence": [{"id": "e1", "ratio": 0.76}], "reviewed": "version 12"}
        self.signed = signature("r1", self.snapshot, "u1")
        self.log.add("audit.key_added", "log:self", vkey=str(self.log.signer.verifier))
        self.log.add("registry.version_registered", "model_version:12")
        self.log.add("other.happened", "model:elsewhere")
        self.sign_off(self.signed)
        self.measured = {"metric": 0.5, "tiny": 1e-7}
        self.log.add("evidence.computed", "model_version:12", self.measured)
        for number, passkey in enumerate(passkeys, 2):
            self.sign_by(passkey, number)
        self.log.add("dossiers.requested", "dossier:d1")
        self.keep(self.snapshot)
        self.keep(self.measured)
        self.files["data/blobs/" + digest(b"a file")[7:]] = b"a file"
        opened = dict([named("Risk officer")])
        self.files["data/openings.json"] = rfc8785.dumps(opened)
        self.files["data/dossier.json"] = b'{"title":"A dossier"}'
        self.reseal()
        self.enter("model_version:12", "review:r1", *(f"passkey:{passkey.id}" for passkey in passkeys))
        self.issue()

    def sign_off(self, row: dict[str, Any], actor: str = "user:u1", **facts: str) -> int:
        """One more signature: its record and its entry."""
        self.keep(row)
        facts = {"seen": row["payload"]["content"], **facts}
        return self.log.add("workflow.signed_off", "review:r1", row, actor, **facts)

    def sign_by(self, passkey: Passkey, number: int) -> None:
        """A passkey is enrolled and signs."""
        self.log.add("accounts.passkey_enrolled", f"passkey:{passkey.id}", None, "user:u1", **passkey.enrolment)
        row = signature("r1", self.snapshot, "u1", number=number, method="passkey")
        self.sign_off({**row, "assertion": passkey.sign(row["payload"])})

    def keep(self, row: Any) -> None:
        """A record among the files."""
        content = rfc8785.dumps(row)
        self.files[f"data/rows/{digest(content)[7:]}.json"] = content

    def reseal(self) -> None:
        """The PDF with what is to be attached now."""
        self.base = document(self.files["data/dossier.json"])
        self.sealed = self.files["data/dossier.pdf"] = self.seal.seal(self.base)

    def enter(self, *subjects: str) -> None:
        """Everything about these objects, as the log is now."""
        self.size = len(self.log.entries)
        self.scope = [seq for seq in range(self.size) if self.log.subject_of(seq) in subjects]
        self.files["data/checkpoint.txt"] = self.log.head(self.size).encode()
        objects = io.StringIO()
        counted = [(subject, self.log.counts[subject]) for subject in subjects]
        csv.writer(objects, lineterminator="\n").writerows([("subject", "count"), *counted])
        self.files["data/objects.csv"] = objects.getvalue().encode()
        self.files["data/events.jsonl"] = b"".join(self.log.entries[seq] + b"\n" for seq in self.scope)
        self.files["data/leaves.jsonl"] = b"".join(self.log.leaves[seq] + b"\n" for seq in self.scope)

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
        head = self.log.head(end)
        head = self.witness.sign(head) if self.witness else head
        self.files["proof/checkpoint.txt"] = head.encode()
        for stale in [found for found in self.files if found.startswith("proof/events/")]:
            del self.files[stale]
        self.files["proof/issued.entry.json"] = self.log.entries[self.issued]
        self.files["proof/issued.leaf.json"] = self.log.leaves[self.issued]
        self.files["proof/issued.tlog-proof"] = self.log.proof(self.issued, end, head)
        for seq in self.scope:
            self.files[f"proof/events/{seq}.tlog-proof"] = self.log.proof(seq, end, head)
        self.files["proof/leaves.bin"] = b"".join(self.log.hashes())
        self.files["proof/consistency.json"] = rfc8785.dumps(
            {str(size): self.log.continued(size) for size in (3, self.size)}
        )
        if self.authority:
            self.files["proof/checkpoint.tsr"] = self.authority.stamp(head.encode())
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
            "tsa_roots": [self.authority.root_pem] if self.authority else [],
            **changes,
        }


def relist(bundle: Bundle) -> None:
    """What a careful forger does: make both manifests fit again."""
    bundle.list_payload()
    bundle.list_tags()

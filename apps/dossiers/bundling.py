"""The evidence bundle: a BagIt archive that proves itself with its own verifier. docs/formats/bundle.md is its specification."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from apps.accounts import queries as accounts
from apps.audit import canonical
from apps.audit import services as audit
from apps.audit.export import bound_rows
from apps.audit.models import Anchor, Checkpoint, Entry
from apps.audit.stamping import certificates
from apps.dossiers import oscal, tables, trust
from apps.dossiers.models import Dossier
from apps.dossiers.verifier import single
from apps.evidence.models import Evidence
from apps.evidence.services import stored_file
from apps.workflow.models import Signature, Snapshot

Files = dict[str, bytes]
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
SPECIFICATION = ("docs/formats/bundle.md", "docs/formats/signature.md")
COMMITMENT = re.compile(rb"hmac-sha256:[0-9a-f]{64}")
MOST_BLOB_BYTES = 256 * 1024 * 1024


def sha256(content: bytes) -> str:
    """The digest of some bytes, in digits."""
    return hashlib.sha256(content).hexdigest()


def payload(content: dict[str, Any], attached: bytes, sealed: bytes, head: Checkpoint) -> tuple[Files, audit.Export]:
    """Everything below data/, and the entries that it was made from. The same for the same content and head."""
    exported = audit.export(content["scope"], checkpoint=head)
    files = exported.payload(also=snapshots(exported))
    for row in content["left_out"]["records"]:
        files.pop(f"data/rows/{row['digest'].removeprefix('sha256:')}.json", None)
    if content["has_names"]:
        files |= openings_of(files)
    blobs, listed = blobs_of(exported, room=MOST_BLOB_BYTES if content["profile"] == Dossier.Profile.INSIDE else 0)
    files |= (
        blobs
        | tables.files_of(content)
        | oscal.file_of(content)
        | {
            "data/dossier.pdf": sealed,
            "data/dossier.json": attached,
            "data/files.json": json.dumps(listed, indent=1, sort_keys=True).encode() + b"\n",
            "data/left-out.json": tables.pretty(content["left_out"]),
        }
    )
    return files, exported


def openings_of(files: Mapping[str, bytes]) -> Files:
    """data/openings.json: the names behind the commitments in these entries and records, as far as nobody was erased."""
    wanted = {found.decode() for body in files.values() for found in COMMITMENT.findall(body)}
    opened = accounts.openings(sorted(wanted)) if wanted else {}
    return {"data/openings.json": canonical.encode(opened)} if opened else {}


def snapshots(exported: audit.Export) -> list[Snapshot]:
    """What signers were shown, for the signatures among these entries."""
    signed = [row.snapshot_id for row in bound_rows(exported.entries) if isinstance(row, Signature)]
    return list(Snapshot.objects.filter(pk__in=signed).order_by("digest"))


def blobs_of(exported: audit.Export, *, room: int) -> tuple[Files, list[dict[str, Any]]]:
    """Files that were handed in with evidence, as far as they fit, and the list of all of them."""
    rows = [row for row in bound_rows(exported.entries) if isinstance(row, Evidence)]
    files: Files = {}
    listed = []
    for item in rows:
        for file in item.files:
            name = f"data/blobs/{file['sha256']}"
            is_carried = name in files or file["size"] <= room
            if is_carried and name not in files:
                files[name] = stored_file(file["sha256"])
                room -= file["size"]
            listed.append(
                {"name": file["name"], "sha256": file["sha256"], "evidence": str(item.pk), "is_carried": is_carried}
            )
    return files, listed


def manifest(files: Mapping[str, bytes], names: Iterable[str]) -> bytes:
    """Digest and path of each, one to a line."""
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(names)).encode()


def proof_files(exported: audit.Export, issued: Entry, head: Checkpoint) -> Files:
    """Everything below proof/: proofs to the second head, the specification, the verifier, and what the issuer claims."""
    return {
        **audit.proofs(exported, issued, head),
        "proof/SPEC.md": b"\n".join((settings.ROOT / page).read_bytes() for page in SPECIFICATION),
        "proof/verify.py": single.source().encode(),
        "proof/trust.json": trust.trust_file(),
    }


def stamp_files(stamp: Anchor | None) -> Files:
    """What a time-stamping authority said about the head, and the certificates to check it with; nothing without one."""
    if stamp is None:
        return {}
    response = bytes(stamp.blob)
    chain = certificates(response)
    return {"proof/checkpoint.tsr": response} | ({"proof/tsa-chain.pem": chain} if chain else {})


def archive(dossier: Dossier, data: Mapping[str, bytes], proof: Mapping[str, bytes], moment: datetime) -> bytes:
    """The .zip: the same bytes for the same files."""
    files: Files = {**data, **proof, "bagit.txt": DECLARATION, "manifest-sha256.txt": manifest(data, data)}
    files["bag-info.txt"] = information(dossier, data, moment)
    files["tagmanifest-sha256.txt"] = manifest(files, [name for name in files if not name.startswith("data/")])
    target = io.BytesIO()
    stamp = moment.astimezone(UTC)
    with zipfile.ZipFile(target, "w") as bag:
        for name in sorted(files):
            entry = zipfile.ZipInfo(
                name, (stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second // 2 * 2)
            )
            entry.external_attr = (0o755 if name == "proof/verify.py" else 0o644) << 16
            bag.writestr(entry, files[name], compress_type=zipfile.ZIP_DEFLATED, compresslevel=6)
    return target.getvalue()


def information(dossier: Dossier, data: Mapping[str, bytes], moment: datetime) -> bytes:
    """bag-info.txt, for people."""
    lines = [
        ("Source-Organization", "Imprimatur"),
        ("Bagging-Date", f"{moment.astimezone(UTC):%Y-%m-%d}"),
        ("External-Identifier", f"{dossier.reference} {dossier.pk}"),
        ("Edition", dossier.edition),
        (
            "External-Description",
            f"Audit dossier about version {dossier.version.version} of {dossier.version.model.slug}",
        ),
        ("Payload-Oxum", f"{sum(map(len, data.values()))}.{len(data)}"),
        ("Internal-Sender-Description", "All times are UTC. Verify: python3 proof/verify.py --trust trust.json"),
    ]
    return "".join(f"{name}: {' '.join(text.split())}\n" for name, text in lines).encode()

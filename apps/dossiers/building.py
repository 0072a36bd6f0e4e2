"""How a dossier comes about, in the order that docs/formats/bundle.md gives. Each step may be interrupted and taken again.

What a step has settled stands in the row: the log's size, the content, the issue, the bundle. A second run continues there;
after the issue nothing is made anew that the log has named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from apps.audit import canonical
from apps.audit import services as audit
from apps.audit.models import Checkpoint, Entry
from apps.core import jobs
from apps.core.errors import WrongState
from apps.core.models import Job
from apps.dossiers import bundling, content, rendering, sealing
from apps.dossiers.models import Dossier, DossierIssue
from apps.evidence import services as evidence

STEPS = 7
Settle = Callable[[Entry], Checkpoint]


@dataclass
class Made:
    """What is at hand while a dossier is made."""

    document: dict[str, Any]
    attached: bytes
    head: Checkpoint


def build(dossier: Dossier, job: Job, *, settle: Settle = audit.settled) -> Dossier:
    """Make what is still missing of this dossier. `settle` waits until a signed head covers an entry."""
    if dossier.is_ready:
        return dossier
    job.progress("Waiting for a signed head of the log", 0, STEPS)
    head = frozen_head(dossier, settle)
    made = collected(dossier, head, job)
    issue = DossierIssue.objects.filter(dossier=dossier).first() or issued(dossier, made, job)
    job.progress("Waiting for the log to sign the issue", 5, STEPS)
    entry = Entry.objects.get(verb="dossiers.issued", subject=dossier.subject)
    second = settle(entry)
    job.progress("Packing the bundle with its proofs", 6, STEPS)
    pack(dossier, made, issue, entry, second, job)
    return dossier


def frozen_head(dossier: Dossier, settle: Settle) -> Checkpoint:
    """The signed head that the dossier is made from: the first that covers its own request."""
    if dossier.log_size is None:
        dossier.log_size = settle(Entry.objects.get(verb="dossiers.requested", subject=dossier.subject)).size
        Dossier.objects.filter(pk=dossier.pk).update(log_size=dossier.log_size)
    return Checkpoint.objects.get(size=dossier.log_size)


def collected(dossier: Dossier, head: Checkpoint, job: Job) -> Made:
    """The content: read once from the record, then kept under its digest."""
    if not dossier.content_sha256:
        job.progress("Reading the record", 1, STEPS)
        document, _ = content.build(dossier, head)
        dossier.content_sha256 = keep(canonical.encode(document))
        Dossier.objects.filter(pk=dossier.pk).update(content_sha256=dossier.content_sha256)
    attached = kept(dossier.content_sha256)
    return Made(canonical.parse(attached), attached, head)


def issued(dossier: Dossier, made: Made, job: Job) -> DossierIssue:
    """Lay out, seal, and enter the issue into the log with the digests of everything."""
    job.progress("Laying out the pages", 2, STEPS)
    rendered = rendering.render(made.document, made.attached)
    job.progress(f"Sealing {rendered.pages} pages", 3, STEPS)
    sealed = sealing.seal(rendered.base, box=rendered.seal_box, name=dossier.reference)
    job.progress("Entering the issue into the log", 4, STEPS)
    files, exported = bundling.payload(made.document, made.attached, sealed, made.head)
    issue = DossierIssue(
        dossier=dossier, log_size=exported.size, log_root=exported.root, content_sha256=dossier.content_sha256,
        base_sha256=rendered.sha256, base_size=len(rendered.base), sealed_sha256=keep(sealed), sealed_size=len(sealed),
        payload_manifest_sha256=bundling.sha256(bundling.manifest(files, files)), pages=rendered.pages,
    )  # fmt: skip
    return enter(issue, job)


@transaction.atomic
def enter(issue: DossierIssue, job: Job) -> DossierIssue:
    """Write the issue, its entry and the evidence of it, or find that another attempt was first."""
    jobs.still_mine(job)
    dossier = Dossier.objects.locked(issue.dossier_id)
    before = DossierIssue.objects.filter(dossier=dossier).first()
    if before is not None:
        return before
    issue.save()
    Dossier.objects.filter(pk=dossier.pk).update(sealed_sha256=issue.sealed_sha256)
    facts = {
        "version": str(dossier.version_id), "size": str(issue.log_size), "root": issue.log_root, "pages": str(issue.pages),
        "base_sha256": issue.base_sha256, "base_size": str(issue.base_size), "sealed_sha256": issue.sealed_sha256,
        "content_sha256": issue.content_sha256, "payload_manifest_sha256": issue.payload_manifest_sha256,
    }  # fmt: skip
    audit.record(audit.system("dossiers"), "dossiers.issued", dossier, data=facts, row=issue)
    evidence.record(
        dossier.version, type="technical_dossier", fields=supplied(issue), actor=audit.system("dossiers"),
        summary=f"Dossier {dossier.reference}, {issue.pages} pages, sealed; SHA-256 {issue.sealed_sha256}.",
    )  # fmt: skip
    return issue


def supplied(issue: DossierIssue) -> dict[str, Any]:
    """What the issue says for rules that ask for a technical dossier."""
    lacking = sections_lacking(canonical.parse(kept(issue.content_sha256)))
    return {
        "annex_iv_complete": not any(section.startswith("D") for section in lacking),
        "sections_missing": len(lacking),
        "version_frozen": True,
        "hash": issue.sealed_sha256,
    }


def sections_lacking(document: dict[str, Any]) -> list[str]:
    """The sections without evidence that a requirement asks for."""
    return [section["id"] for part in document["parts"] for section in part["sections"] if section["missing"]]


def pack(dossier: Dossier, made: Made, issue: DossierIssue, entry: Entry, head: Checkpoint, job: Job) -> None:
    """Write the bundle: the payload as it was issued, and the proofs to the second head. The log notes its digest."""
    files, exported = bundling.payload(made.document, made.attached, kept(issue.sealed_sha256), made.head)
    if bundling.sha256(bundling.manifest(files, files)) != issue.payload_manifest_sha256:
        raise WrongState(
            f"The payload of {dossier.reference} is no longer the one that was issued. Verify the database"
            " (manage.py verify --database), then ask for a new dossier.",
            code="PAYLOAD_CHANGED",
        )
    stamp = bundling.stamp_files(audit.time_stamp(head))
    proof = bundling.proof_files(exported, entry, head) | stamp
    dossier.sealed_sha256 = issue.sealed_sha256
    dossier.bundle_sha256 = keep(bundling.archive(dossier, files, proof, issue.created_at))
    dossier.has_time_stamp = bool(stamp)
    with transaction.atomic():
        jobs.still_mine(job)
        dossier.save(update_fields=["sealed_sha256", "bundle_sha256", "has_time_stamp"])
        facts = {"bundle_sha256": dossier.bundle_sha256, "sealed_sha256": dossier.sealed_sha256}
        audit.record(audit.system("dossiers"), "dossiers.packed", dossier, data=facts)


def stored_at(sha256: str) -> str:
    """Where the storage keeps the file with this digest."""
    return f"dossiers/{sha256[:2]}/{sha256}"


def keep(made: bytes) -> str:
    """Store under the digest and answer with it; what is there already stays."""
    sha256 = bundling.sha256(made)
    if not default_storage.exists(stored_at(sha256)):
        default_storage.save(stored_at(sha256), ContentFile(made))
    return sha256


def kept(sha256: str) -> bytes:
    """The stored bytes with this digest."""
    with default_storage.open(stored_at(sha256)) as file:
        found: bytes = file.read()
    if bundling.sha256(found) != sha256:
        raise WrongState(f"The stored file {sha256[:16]} is no longer what it was.", code="FILE_CHANGED")
    return found

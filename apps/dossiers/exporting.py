"""The content of a dossier once more as a Word document: for editing, without a seal, and it says so on every page."""

from django.db import transaction

from apps.audit import canonical
from apps.audit import services as audit
from apps.core import jobs
from apps.core.models import Job
from apps.dossiers.building import keep, kept
from apps.dossiers.models import Dossier

STEPS = 2


def write(dossier: Dossier, job: Job) -> str:
    """Write the document from the kept content unless it is there; answers with its SHA-256."""
    if dossier.word_sha256:
        return dossier.word_sha256
    from apps.dossiers import word

    job.progress("Reading the content of the dossier", 0, STEPS)
    content = canonical.parse(kept(dossier.content_sha256))
    job.progress("Writing the document", 1, STEPS)
    return enter(dossier, keep(word.document(content, dossier.sealed_sha256)), job)


@transaction.atomic
def enter(dossier: Dossier, sha256: str, job: Job) -> str:
    """Note the file on the row and in the log, or find that another attempt was first."""
    jobs.still_mine(job)
    row = Dossier.objects.locked(dossier.pk)
    if row.word_sha256:
        return str(row.word_sha256)
    row.word_sha256 = sha256
    row.save(update_fields=["word_sha256"])
    facts = {"format": "docx", "sha256": sha256, "sealed": "no", "content_sha256": row.content_sha256}
    audit.record(audit.system("dossiers"), "dossiers.exported", row, data=facts)
    return sha256

"""Celery doors of dossiers."""

from typing import Any

from apps.core import jobs
from apps.core.models import Job
from apps.dossiers import building, exporting
from apps.dossiers.models import Dossier


@jobs.task("dossiers.build", queue="heavy")
def build(job: Job, dossier: str) -> dict[str, Any]:
    """Read the record, lay out, seal, enter the issue into the log, pack the bundle."""
    row = Dossier.objects.select_related("version__model__use_case", "environment", "requested_by").get(pk=dossier)
    made = building.build(row, job)
    return {
        "dossier": made.reference,
        "url": f"/dossiers/{made.pk}/",
        "pages": made.issue.pages,
        "bundle": made.bundle_sha256,
    }


@jobs.task("dossiers.write_word", queue="heavy")
def write_word(job: Job, dossier: str) -> dict[str, Any]:
    """Write the content of a dossier as a Word document for editing."""
    row = Dossier.objects.select_related("version__model__use_case", "environment", "requested_by").get(pk=dossier)
    return {"dossier": row.reference, "url": f"/dossiers/{row.pk}/", "sha256": exporting.write(row, job)}

"""Celery doors of the log."""

from typing import Any

from celery import shared_task

from apps.audit import consumers, services
from apps.core import jobs
from apps.core.models import Job


@shared_task(name="audit.consume", ignore_result=True)
def consume() -> None:
    """Let every consumer of the log read what is new."""
    consumers.consume()


@jobs.task("audit.verify")
def verify(job: Job, **payload: Any) -> dict[str, Any]:
    """Verify the whole log and every immutable row."""
    job.progress("Reading the log and every immutable row")
    run = services.verify_database()
    return {"verdict": run.verdict, "entries": run.entries, "rows": run.rows, "findings": run.finding_count}


@shared_task(name="audit.verify_daily", ignore_result=True)
def verify_daily() -> None:
    """Once a day without being asked; the audit page shows what came of it."""
    services.plan_verification()

"""Celery doors of the log."""

from typing import Any

from celery import shared_task

from apps.audit import consumers, queries, services
from apps.core import jobs
from apps.core.errors import Unavailable
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


@jobs.task("audit.anchor")
def anchor(job: Job, *, at_once: bool, **payload: Any) -> dict[str, Any]:
    """Give the newest signed head outside. A way that fails is tried again, here a few times and then with pauses."""
    job.progress("Giving the signed head outside")
    if at_once:
        services.wait_for_head()
    made = services.anchor(at_once=at_once or job.attempts > 1)
    if trouble := queries.anchoring_troubles():
        raise Unavailable(" ".join(f"{kind}: {why}" for kind, why in trouble.items()))
    return {"anchored": [str(anchor.kind) for anchor in made]}


@shared_task(name="audit.anchor_due", ignore_result=True)
def anchor_due() -> None:
    """Every minute: is a way out of here due?"""
    services.plan_anchoring()


@shared_task(name="audit.verify_daily", ignore_result=True)
def verify_daily() -> None:
    """Once a day without being asked; the audit page shows what came of it."""
    services.plan_verification()

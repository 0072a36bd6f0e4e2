"""Judging ahead of time: clearances behind their facts are refreshed as the log tells of changes."""

from celery import shared_task

from apps.core import jobs
from apps.core.models import Job
from apps.gate import services
from apps.gate.models import Clearance


@jobs.task("gate.refresh")
def refresh(job: Job, *, clearances: list[str]) -> dict[str, int]:
    """Judge these clearances again where they are behind."""
    behind = 0
    rows = Clearance.objects.filter(pk__in=clearances).select_related("version__model__use_case", "environment")
    for done, row in enumerate(rows):
        job.progress("Judging again", done, len(clearances))
        if not services.is_current(row):
            services.refresh_clearance(row.version, row.environment)
            behind += 1
    return {"judged": behind}


@shared_task(name="gate.expire", ignore_result=True)
def expire() -> None:
    """Refresh the clearances whose end has come, so that pages show it before the next question does."""
    services.queue_ended()

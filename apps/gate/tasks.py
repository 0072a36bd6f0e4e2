"""Judging ahead of time: clearances behind their facts are refreshed as the log tells of changes."""

from celery import shared_task

from apps.core import jobs
from apps.core.models import Job
from apps.gate import services
from apps.gate.models import Clearance
from apps.registry.models import Environment, ModelVersion


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


@jobs.task("gate.first")
def first(job: Job, *, submitted: list[list[str]]) -> dict[str, int]:
    """Judge each version for the environment that it was submitted for, where nobody has asked yet."""
    for done, (version, environment) in enumerate(submitted):
        job.progress("Judging", done, len(submitted))
        found = ModelVersion.objects.select_related("model__use_case").get(pk=version)
        services.current_clearance(found, Environment.objects.get(slug=environment))
    return {"judged": len(submitted)}


@shared_task(name="gate.expire", ignore_result=True)
def expire() -> None:
    """Refresh the clearances whose end has come, so that pages show it before the next question does."""
    services.queue_ended()

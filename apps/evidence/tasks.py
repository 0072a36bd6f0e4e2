"""Celery door of evidence: fetch the runs, measure."""

from typing import Any

from apps.core import jobs
from apps.core.models import Job
from apps.evidence import measuring
from apps.evidence.models import CheckRun


@jobs.task("evidence.measure", queue="heavy")
def measure(job: Job, runs: list[str]) -> dict[str, Any]:
    """Measure what was asked for together."""
    asked = CheckRun.objects.filter(pk__in=runs).select_related("version__model__use_case")
    return measuring.measure(list(asked), job)

"""Who counts for a job, what that may use, and how it notices that it has to stop. Runs in workers only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.core import jobs
from apps.core.models import Job, JobState
from apps.evidence.drivers import Budget
from apps.evidence.drivers.cluster import Cluster
from apps.evidence.drivers.counting import Counting
from apps.evidence.drivers.here import Here
from apps.evidence.drivers.kept import Kept
from apps.evidence.drivers.processes import Processes


def watched(job: Job) -> Callable[[str, int, int], None]:
    """The job's progress, which also stops the work when the job was cancelled or another worker has taken it over."""

    def progress(stage: str, done: int, total: int) -> None:
        job.progress(stage, done, total)
        if not Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts).exists():
            raise jobs.Superseded

    return progress


@contextmanager
def copies(job: Job) -> Iterator[Any]:
    """The object stores that may be read, with a folder for this job's copies, which are removed at the end.

    After a kill they are still there for the next attempt; an attempt that another one has taken over leaves them to it."""
    from apps.evidence.inputs import objects

    parent = Path(settings.EVIDENCE_COPIES)
    objects.forget_stale(parent)
    folder = parent / str(job.pk)
    try:
        yield objects.Stores(settings.ALLOWED_DATA_STORES, folder, settings.STORE_ENDPOINTS, settings.S3_REGION)
    finally:
        others = Job.objects.filter(pk=job.pk, state=JobState.RUNNING).exclude(attempts=job.attempts)
        if not others.exists():
            objects.forget(folder)


def counting_for() -> Counting:
    """Who counts files, what that may use, and where the states of an interrupted job are."""
    own = Processes(settings.EVIDENCE_PROCESSES) if settings.EVIDENCE_PROCESSES > 1 else Here()
    budget = Budget(
        rows=settings.EVIDENCE_MOST_ROWS,
        memory=settings.EVIDENCE_MOST_MEMORY_MB * 2**20,
        seconds=settings.EVIDENCE_MOST_SECONDS,
    )
    driver = Cluster(settings.EVIDENCE_DASK) if settings.EVIDENCE_DASK else own
    return Counting(driver, budget, Kept(Path(settings.EVIDENCE_STATES)))

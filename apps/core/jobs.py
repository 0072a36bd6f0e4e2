"""Long work: a `Job` row written with the change that asks for it. The row is the promise; Celery only carries the id.

A message may be lost (filesystem broker, kill -9) or come twice (late acknowledgement): `claim` lets one worker win,
`sweep` sends again what shows no sign of life, and a result is kept only by the attempt that is still the current one.
"""

import functools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app, shared_task
from django.db import connection, connections, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from apps.core.errors import ProductError
from apps.core.models import Job, JobState

log = structlog.get_logger(__name__)

SILENT = timedelta(seconds=30)
BEAT_SECONDS = 5.0
MOST_ATTEMPTS = 5
WORKER = uuid.UUID("00000000-0000-7000-8000-000000000001")  # the row in which workers leave their sign of life

Work = Callable[..., dict[str, Any] | None]
_work: dict[str, Work] = {}
_queues: dict[str, str] = {}


class Superseded(Exception):
    """Another worker has taken this job over; what this one did is rolled back."""


def task(name: str, *, queue: str = "light") -> Callable[[Work], Any]:
    """Declare `f(job, **payload) -> dict | None` as the work behind jobs of this name ("app.verb")."""

    def declare(work: Work) -> Any:
        _work[name] = work
        _queues[name] = queue

        @shared_task(name=name, ignore_result=True)
        @functools.wraps(work)
        def carry(job_id: str) -> None:
            run(job_id)

        return carry

    return declare


def enqueue(name: str, *, subject: Any = "", by: Any = None, **payload: Any) -> Job:
    """Ask for work inside the caller's transaction; it is sent when that commits. `payload` must be JSON."""
    job = Job.objects.create(
        task=name,
        queue=_queues.get(name, "light"),
        subject=str(getattr(subject, "subject", subject)),
        requested_by=getattr(by, "pk", None),
        payload={key: str(value) if isinstance(value, uuid.UUID) else value for key, value in payload.items()},
    )
    transaction.on_commit(lambda: send(job))
    return job


def send(job: Job) -> None:
    """Put the id on the broker. A broker that does not answer is logged and left to the sweeper."""
    try:
        current_app.send_task(job.task, args=[str(job.pk)], queue=job.queue, retry=False)
    except (OSError, BrokerError) as refused:
        log.warning("job_not_sent", job=str(job.pk), task=job.task, error=str(refused))


def claim(job_id: Any) -> Job | None:
    """One UPDATE decides who works on it. None when it is done, being worked on, or given up."""
    now = timezone.now()
    free = Q(state=JobState.WAITING) | Q(state=JobState.RUNNING, heartbeat_at__lt=now - SILENT)
    taken = Job.objects.filter(free, pk=job_id).update(
        state=JobState.RUNNING, heartbeat_at=now, attempts=F("attempts") + 1, error=""
    )
    return Job.objects.get(pk=job_id) if taken else None


def run(job_id: Any) -> None:
    """Claim, work with a heartbeat beside it, and keep the result if this attempt is still the current one."""
    job = claim(job_id)
    if job is None:
        return
    structlog.contextvars.bind_contextvars(job=str(job.pk), task=job.task)
    try:
        with heartbeat(job):
            result = _work[job.task](job, **job.payload)
        finish(job, result)
    except Superseded:
        log.warning("job_superseded", attempt=job.attempts)
    except ProductError as refused:
        fail(job, refused.detail, final=refused.status < 500)
    except Exception as error:  # the task boundary: the reason goes into the row, in words, and into the log
        log.exception("job_failed", attempt=job.attempts)
        fail(job, f"{type(error).__name__}: {error}"[:2000])
    finally:
        structlog.contextvars.unbind_contextvars("job", "task")


def run_now(job: Job) -> Job:
    """Do the work in this process (tests, and the embedded journey); answers with the fresh row."""
    run(job.pk)
    job.refresh_from_db()
    return job


def finish(job: Job, result: dict[str, Any] | None) -> None:
    """Mark done, conditional on the attempt number, so a worker that was given up cannot finish over its successor."""
    mine = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts)
    if not mine.update(state=JobState.DONE, result=result, finished_at=timezone.now(), stage=""):
        raise Superseded


def still_mine(job: Job) -> None:
    """Inside the transaction of an effect: lock the row and raise Superseded when another attempt has taken over."""
    row = Job.objects.select_for_update().filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts)
    if not row.exists():
        raise Superseded


def fail(job: Job, reason: str, *, final: bool = False) -> None:
    """Record why it failed; try again unless the refusal is final or the attempts are used up."""
    is_over = final or job.attempts >= MOST_ATTEMPTS
    now = timezone.now()
    Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts).update(
        state=JobState.FAILED if is_over else JobState.WAITING,
        error=reason,
        queued_at=now,
        finished_at=now if is_over else None,
    )


def cancel(job: Job) -> bool:
    """Stop a job that is not over. A running one notices at its next effect. False when it was over already."""
    open_states = [JobState.WAITING, JobState.RUNNING]
    changed = Job.objects.filter(pk=job.pk, state__in=open_states).update(
        state=JobState.CANCELLED, finished_at=timezone.now(), error="Cancelled."
    )
    return bool(changed)


def sweep() -> int:
    """Send again what waits since long or has lost its worker. Answers with how many."""
    now = timezone.now()
    lost = Q(state=JobState.RUNNING, heartbeat_at__lt=now - SILENT) | Q(
        state=JobState.WAITING, queued_at__lt=now - SILENT
    )
    with transaction.atomic():
        jobs = list(Job.objects.select_for_update(skip_locked=True).filter(lost).order_by("queued_at")[:500])
        for job in jobs:
            if job.state == JobState.RUNNING and job.attempts >= MOST_ATTEMPTS:
                reason = f"Given up after {job.attempts} attempts: the worker showed no sign of life."
                Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, error=reason, finished_at=now)
            else:
                Job.objects.filter(pk=job.pk).update(state=JobState.WAITING, queued_at=now)
    for job in jobs:
        send(job)
    return len(jobs)


def note_worker() -> None:
    """Called by the scheduled sweep: a worker and the scheduler are alive now."""
    seen = {"task": "core.sweep", "state": JobState.DONE, "heartbeat_at": timezone.now()}
    Job.objects.update_or_create(pk=WORKER, defaults=seen)


def worker_seen_at() -> datetime | None:
    """When a worker last showed a sign of life; None when none ever did."""
    return Job.objects.filter(pk=WORKER).values_list("heartbeat_at", flat=True).first()


@contextmanager
def heartbeat(job: Job) -> Iterator[None]:
    """A timer thread with its own connection says every few seconds that this attempt lives."""
    stop = threading.Event()
    if connection.in_atomic_block:  # a test's transaction: another connection could not see the row
        yield
        return

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            alive = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts)
            alive.update(heartbeat_at=timezone.now())
        connections.close_all()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=BEAT_SECONDS)

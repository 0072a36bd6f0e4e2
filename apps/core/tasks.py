"""Celery doors of the core: the sweeper, which is also the workers' sign of life."""

from celery import shared_task

from apps.core import jobs


@shared_task(name="core.sweep", ignore_result=True)
def sweep() -> None:
    """Send again what was lost, and note that a worker and the scheduler are alive."""
    jobs.note_worker()
    jobs.sweep()

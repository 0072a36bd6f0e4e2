"""Celery doors of the log."""

from celery import shared_task

from apps.audit import consumers


@shared_task(name="audit.consume", ignore_result=True)
def consume() -> None:
    """Let every consumer of the log read what is new."""
    consumers.consume()

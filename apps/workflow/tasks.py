"""Celery doors of the workflow."""

from celery import shared_task

from apps.workflow import services


@shared_task(name="workflow.tick", ignore_result=True)
def tick() -> None:
    """Note approvals that ended by themselves since the last minute."""
    services.note_ended()

"""Celery door of lineage: the sweep that projects what waits."""

from __future__ import annotations

from celery import shared_task

from apps.lineage.services import project_waiting


@shared_task(name="lineage.project", ignore_result=True)
def project() -> None:
    """Project every waiting event; comes every few seconds and whenever the receiver is busy."""
    project_waiting()

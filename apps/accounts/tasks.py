"""Celery doors of accounts."""

from typing import Any

from celery import shared_task

from apps.accounts import services
from apps.core import jobs


@jobs.task("accounts.tell_signing_locked")
def tell_signing_locked(job: Any, until: str) -> dict[str, Any]:
    """Write to the person and to the administrators that signing is locked."""
    return {"told": services.tell_signing_locked(job.subject.removeprefix("user:"), until=until)}


@jobs.task("accounts.tell_accounts_due")
def tell_accounts_due(job: Any) -> dict[str, Any]:
    """Write to those who confirm accounts that some are due."""
    return {"told": services.tell_accounts_due()}


@shared_task(name="accounts.recheck_due", ignore_result=True)
def recheck_due() -> None:
    """Once an hour: are accounts to be confirmed of which nobody was written to this month?"""
    services.plan_telling_accounts_due()

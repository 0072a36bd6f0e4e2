"""Celery doors of accounts."""

from typing import Any

from apps.accounts import services
from apps.core import jobs


@jobs.task("accounts.tell_signing_locked")
def tell_signing_locked(job: Any, until: str) -> dict[str, Any]:
    """Write to the person and to the administrators that signing is locked."""
    return {"told": services.tell_signing_locked(job.subject.removeprefix("user:"), until=until)}

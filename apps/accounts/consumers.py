"""Reads the log: who was erased is kept outside the database, and erased again when an older one was restored."""

from collections.abc import Iterable

from apps.accounts import erased, services
from apps.audit.consumers import consumer
from apps.audit.models import Entry

RESTORED = "audit.restored"


@consumer("accounts.erasures")
def keep_erasures(entries: Iterable[Entry]) -> None:
    """Note those who were erased; after a restore that lost entries, erase whom it brought back."""
    found = list(entries)
    erased.keep(found)
    if any(entry.verb == RESTORED for entry in found):
        services.repeat_erasures()

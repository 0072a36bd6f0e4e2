"""Reads the log by cursor: whatever changed, the clearances that read it are judged again ahead of the next question."""

from collections.abc import Iterable

from apps.audit.consumers import consumer
from apps.audit.models import Entry
from apps.gate import services


@consumer("gate.clearances")
def refresh_clearances(entries: Iterable[Entry]) -> None:
    """Queue a refresh for each clearance that read a subject which one of these entries changed."""
    changed = {ref for entry in entries for ref in entry.changes}
    if changed:
        services.queue_refresh(sorted(changed))

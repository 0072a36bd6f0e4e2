"""Reads the log by cursor: whatever changed, the clearances that read it are judged again ahead of the next question."""

from collections.abc import Iterable

from apps.audit.consumers import consumer
from apps.audit.models import Entry
from apps.gate import services

SUBMITTED = "workflow.submitted"


@consumer("gate.clearances")
def refresh_clearances(entries: Iterable[Entry]) -> None:
    """Queue a refresh for each clearance that read a changed subject, and a first judgement of what was submitted."""
    found = list(entries)
    changed = {ref for entry in found for ref in entry.changes}
    if changed:
        services.queue_refresh(sorted(changed))
    submitted = {(entry.facts["version"], entry.facts["environment"]) for entry in found if entry.verb == SUBMITTED}
    if submitted:
        services.queue_first(sorted(submitted))

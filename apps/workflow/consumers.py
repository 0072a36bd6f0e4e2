"""Reads the log: what changed approvals is written down for those who are notified, and newer versions take over."""

from collections.abc import Iterable

from apps.audit.consumers import consumer
from apps.audit.models import Entry
from apps.workflow import services


@consumer("workflow.standings")
def note_standings(entries: Iterable[Entry]) -> None:
    """Judge again the approvals on record that one of these changes touches."""
    changed = {subject for entry in entries for subject in entry.changes}
    if changed:
        services.note_changed(changed)


@consumer("workflow.successions")
def note_successions(entries: Iterable[Entry]) -> None:
    """A version that started to run takes over from its elders."""
    for entry in entries:
        if entry.verb == "registry.deployment_started" and (key := entry.facts.get("deployment")):
            services.take_over(key)

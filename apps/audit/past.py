"""What the log told about subjects until a moment, and after it: for rows that keep only their present state."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.audit.models import Entry


@dataclass
class Told:
    """The entries about one subject, first things first, apart by whether they had been made at the moment."""

    until: list[Entry] = field(default_factory=list)
    since: list[Entry] = field(default_factory=list)

    def last(self, *verbs: str) -> Entry | None:
        """The newest entry with one of these verbs at the moment."""
        return next((entry for entry in reversed(self.until) if entry.verb in verbs), None)

    def first_since(self, *verbs: str) -> Entry | None:
        """The first entry with one of these verbs after the moment: it tells what was before it."""
        return next((entry for entry in self.since if entry.verb in verbs), None)

    def knows(self, *verbs: str) -> bool:
        """Whether the log ever told of one of these."""
        return any(entry.verb in verbs for entry in (*self.until, *self.since))


def told(subjects: Iterable[Any], at: datetime, *, app: str = "") -> dict[str, Told]:
    """What the log tells of each subject ("kind:key" or an object with `.subject`); `app` leaves out other apps' entries."""
    names = {str(getattr(subject, "subject", subject)) for subject in subjects}
    found = {name: Told() for name in names}
    rows = Entry.objects.filter(subject__in=names).order_by("at", "id")
    for entry in rows.filter(verb__startswith=f"{app}.") if app else rows:
        (found[entry.subject].until if entry.at <= at else found[entry.subject].since).append(entry)
    return found


def actor_id(entry: Entry) -> str | None:
    """The id of the person who acted; None for services and parts of the product."""
    kind, _, key = entry.actor.partition(":")
    return key if kind == "user" else None

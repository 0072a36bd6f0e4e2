"""The queue as a page: three lists, and for each line how much of what is required is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.cache import cache
from django.db import connection

from apps.accounts.models import User
from apps.policy.queries import waivers_for
from apps.workflow import queries as workflow
from apps.workflow.queries import OpenWork, Others, QueueRow

LISTS = ("needs-you", "others", "all")
COUNT_LASTS = 15
UNCHECKED = {"unchecked", "error", "answer_needed"}


@dataclass(frozen=True)
class Lists:
    """The three lists of a person."""

    work: OpenWork

    @property
    def needs_you(self) -> list[QueueRow]:
        """What waits for this person."""
        return self.work.yours

    @property
    def others(self) -> Others:
        """What waits for others."""
        return self.work.others

    @cached_property
    def every(self) -> Others:
        """Both, this person's first."""
        return self.others.after(self.needs_you)

    def named(self, name: str, *, text: str = "", tier: str = "") -> Sequence[QueueRow]:
        """The list with this name in the address, filtered. Words are looked for in what lines say, so all are made."""
        own = [row for row in self.needs_you if not tier or str(row.tier) == tier]
        if name == "needs-you":
            return matching(own, text)
        others = self.others.of_tier(tier) if tier else self.others
        found = others if name == "others" else self.every if not tier else others.after(own)
        return matching(found, text) if text else found


def lists(user: User) -> Lists:
    """Open work, apart by whose turn it is."""
    found = Lists(OpenWork(user))
    cache.set(f"queue-count:{user.pk}", len(found.needs_you), COUNT_LASTS)
    return found


def count_for(user: User) -> int:
    """How much needs this person, for the navigation of every page: at most some seconds old, fresh after the queue."""
    known: int | None = cache.get(f"queue-count:{user.pk}")
    return len(lists(user).needs_you) if known is None else known


def matching(rows: Iterable[QueueRow], text: str) -> list[QueueRow]:
    """The rows with these words anywhere a reader sees them."""
    words = text.casefold()
    return [row for row in rows if words in _visible(row)]


def _visible(row: QueueRow) -> str:
    parts = [str(row.version), row.asked_for, row.to_do, row.why, str(row.version.model.owner)]
    return " ".join(parts).casefold()


def meters(rows: Iterable[QueueRow]) -> dict[Any, dict[str, int]]:
    """For each version under review how many counted requirements are met, waived, open and unchecked; one query."""
    wanted = {(row.version.pk, row.review.environment_id) for row in rows if row.review is not None}
    found: dict[Any, dict[str, int]] = {}
    if not wanted:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.version_id, r.value->>'outcome', count(*)"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS asked(version_id, environment_id)"
            " JOIN gate_clearance c ON c.version_id = asked.version_id AND c.environment_id = asked.environment_id"
            " JOIN policy_assessment a ON a.id = c.assessment_id, jsonb_array_elements(a.results) AS r(value)"
            " WHERE (r.value->>'is_counted')::boolean GROUP BY 1, 2",
            [list(keys) for keys in zip(*wanted, strict=True)],
        )
        for version, outcome, number in cursor.fetchall():
            meter = found.setdefault(version, {"met": 0, "waived": 0, "open": 0, "unchecked": 0})
            meter[_cell(outcome)] += number
    return found


def _cell(outcome: str) -> str:
    if outcome == "satisfied":
        return "met"
    if outcome == "waived":
        return "waived"
    return "unchecked" if outcome in UNCHECKED else "open"


def ending(user: User, today: Any, until: Any) -> list[dict[str, Any]]:
    """Approvals, conditions and waivers that end within the window, the nearest first."""
    waivers = waivers_for(user).filter(state="granted", ends_on__range=(today, until)).select_related("version__model")
    rows = [
        {"kind": "waiver", "waiver": row, "name": f"Waiver {row.reference}, {row.version}", "on": row.ends_on,
         "then": "The requirement counts as not met again", "who": "Who asked for it asks again"}
        for row in waivers[:50]
    ]  # fmt: skip
    rows += workflow.ending_soon(user, days=(until - today).days)
    return sorted(rows, key=lambda row: row["on"])

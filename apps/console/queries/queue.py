"""The queue as a page: three lists, and for each line how much of what is required is met."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connection

from apps.accounts.models import User
from apps.gate.models import Clearance
from apps.policy.queries import waivers_for
from apps.workflow import queries as workflow
from apps.workflow.queries import QueueRow

LISTS = ("needs-you", "others", "all")
COUNT_LASTS = 15
UNCHECKED = {"unchecked", "error", "answer_needed"}


@dataclass(frozen=True)
class Lists:
    """The three lists of a person."""

    needs_you: list[QueueRow]
    others: list[QueueRow]

    @property
    def every(self) -> list[QueueRow]:
        """Both, this person's first."""
        return [*self.needs_you, *self.others]

    def named(self, name: str) -> list[QueueRow]:
        """The list with this name in the address."""
        return {"needs-you": self.needs_you, "others": self.others}.get(name, self.every)


def lists(user: User) -> Lists:
    """Open work, apart by whose turn it is."""
    rows = workflow.open_reviews_for(user)
    found = Lists([row for row in rows if row.is_yours], [row for row in rows if not row.is_yours])
    cache.set(f"queue-count:{user.pk}", len(found.needs_you), COUNT_LASTS)
    return found


def count_for(user: User) -> int:
    """How much needs this person, for the navigation of every page: at most some seconds old, fresh after the queue."""
    known: int | None = cache.get(f"queue-count:{user.pk}")
    return len(lists(user).needs_you) if known is None else known


def matching(rows: Iterable[QueueRow], *, text: str = "", tier: str = "") -> list[QueueRow]:
    """The rows with these words anywhere a reader sees them."""
    words = text.casefold()
    found = [row for row in rows if not tier or str(row.tier) == tier]
    return [row for row in found if words in _visible(row)]


def _visible(row: QueueRow) -> str:
    parts = [str(row.version), row.asked_for, row.to_do, row.why, str(row.version.model.owner)]
    return " ".join(parts).casefold()


def meters(rows: Iterable[QueueRow]) -> dict[Any, dict[str, int]]:
    """For each version under review how many counted requirements are met, waived, open and unchecked; one query."""
    wanted = {(row.version.pk, row.review.environment_id) for row in rows if row.review is not None}
    found: dict[Any, dict[str, int]] = {}
    clearances = Clearance.objects.filter(version__in=[version for version, _environment in wanted])
    named = clearances.values_list("assessment_id", "version_id", "environment_id")
    by_assessment = {key: version for key, version, place in named if (version, place) in wanted}
    if not by_assessment:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, r.value->>'outcome', count(*) FROM policy_assessment a, jsonb_array_elements(a.results) AS r(value)"
            " WHERE a.id = ANY(%s) AND (r.value->>'is_counted')::boolean GROUP BY 1, 2",
            [list(by_assessment)],
        )
        for assessment, outcome, number in cursor.fetchall():
            meter = found.setdefault(by_assessment[assessment], {"met": 0, "waived": 0, "open": 0, "unchecked": 0})
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

"""What rules make of an item. Evidence knows no rules; the app that judges says here how to ask it.

An app that reads evidence declares a function, for example:

    @teller
    def uses_of(item, at): return [Use("open", "HOUSE-RATIO", "Lowest approval ratio", "0.63", "at least 0.80", "Retail credit 4")]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.evidence.models import Evidence


@dataclass(frozen=True)
class Use:
    """One requirement that read the item, with the newest judgement of it."""

    outcome: str
    requirement: str
    title: str
    found: str
    required: str
    policy: str


Teller = Callable[[Evidence, datetime | None], Sequence[Use]]
_tellers: list[Teller] = []


def teller(tell: Teller) -> Teller:
    """Declare a function that says which requirements read an item."""
    _tellers.append(tell)
    return tell


def uses_of(item: Evidence, at: datetime | None = None) -> list[Use]:
    """The requirements that read this item, now or then, those that are not met first."""
    found = [use for tell in _tellers for use in tell(item, at)]
    return sorted(found, key=lambda use: use.outcome == "satisfied")

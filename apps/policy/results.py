"""What a judgement reads and what it says: values only. Pure: no Django."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from apps.policy import wording

SATISFIED, OPEN, MISSING, EXPIRED, WAIVED = "satisfied", "open", "missing", "expired", "waived"
ANSWER_NEEDED, NOT_APPLICABLE, NOT_YET = "answer_needed", "not_applicable", "not_yet_effective"
UNCHECKED, ERROR = "unchecked", "error"

SETTLED = frozenset({SATISFIED, WAIVED, NOT_APPLICABLE, NOT_YET})
WAIVABLE = frozenset({OPEN, MISSING, EXPIRED, UNCHECKED})
#: When several items fail, the result takes the first of these: what hides most from the reader comes first.
GRAVITY = (ERROR, ANSWER_NEEDED, EXPIRED, OPEN, MISSING, UNCHECKED)


@dataclass(frozen=True)
class TypeView:
    """What stands for one evidence type: the merged fields of its accepted items."""

    accepted: bool = False
    status: str = ""
    age_days: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Mapping[str, str], ...] = ()
    expires_at: datetime | None = None
    is_expired: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class WaiverView:
    """A granted waiver for one requirement."""

    id: str
    requirement: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """Everything a judgement may read. `sources` says which evidence a measured name came from."""

    facts: Mapping[str, Any]
    types: Mapping[str, TypeView] = field(default_factory=dict)
    sources: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    waivers: Mapping[str, WaiverView] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None


@dataclass(frozen=True)
class RequirementResult:
    """One requirement, judged, in values and in a sentence."""

    id: str
    title: str
    framework: str
    outcome: str
    code: str
    observed: str = ""
    required: str = ""
    evidence: tuple[Mapping[str, str], ...] = ()
    owner: str = ""
    sentence: str = ""
    fix: str = ""
    fix_url: str = ""
    is_blocking: bool = False
    waiver_id: str | None = None
    ends_at: datetime | None = None
    ref: str = ""
    kind: str = ""
    severity: str = ""
    fix_target: str = ""
    is_counted: bool = False

    @property
    def is_waivable(self) -> bool:
        """Somebody may ask for a waiver: it is not met, and it is no legal prohibition."""
        return self.outcome in WAIVABLE and self.kind != "prohibition" and self.code != "MADE_LATER"

    @property
    def is_settled(self) -> bool:
        """Nothing is asked of anyone for this requirement now."""
        return self.outcome in SETTLED


def summary(results: Iterable[RequirementResult]) -> tuple[str, bool, dict[str, int]]:
    """The sentence, whether nothing blocks, and how many of which outcome."""
    rows = list(results)
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in wording.OUTCOME_WORDS}
    counted = [row for row in rows if row.is_counted]
    blocking = sum(row.is_blocking for row in counted)
    met = sum(row.outcome == SATISFIED for row in counted)
    waived = sum(row.outcome == WAIVED for row in counted)
    counts |= {"counted": len(counted), "blocking": blocking, "met": met}
    if blocking:
        verb = "is" if blocking == 1 else "are"
        return f"Not ready: {blocking} of {_count(len(counted))} {verb} not met", False, counts
    verb = "is" if met == 1 else "are"
    tail = f", {waived} waived" if waived else ""
    return f"Ready: {met} of {_count(len(counted))} {verb} met{tail}", True, counts


def earliest_end(results: Iterable[RequirementResult]) -> datetime | None:
    """When the first of these results may change by itself."""
    return min((row.ends_at for row in results if row.ends_at), default=None)


def _count(number: int) -> str:
    return f"{number} requirement{'' if number == 1 else 's'}"

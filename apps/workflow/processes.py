"""What a process definition may say, and the arithmetic of its dates. Pure: no Django, no database.

A definition is data that a firm edits; the rules of independence are not. `check_tier` refuses a definition that would
let someone approve their own work.
"""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

ATTEST, VALIDATION, REVIEW, APPROVAL = "attest", "validation", "review", "approval"
KINDS = (ATTEST, VALIDATION, REVIEW, APPROVAL)

NOT_DEVELOPER, NOT_AUTHOR, NOT_SAME_LINE = "not_developer", "not_author", "not_same_reporting_line"
RULES = (NOT_DEVELOPER, NOT_AUTHOR, NOT_SAME_LINE)

JUDGE_AGAIN, APPROVE_AGAIN = "judge again", "approve again"

#: What a signature may mean, by the kind of step; the first is what the page offers. Every step may also reject.
MEANINGS = {
    ATTEST: ("responsible", "authored"),
    VALIDATION: ("reviewed", "approved"),
    REVIEW: ("reviewed", "approved"),
    APPROVAL: ("approved",),
}
REJECTED = "rejected"

#: The parts of a validation report that the signer of a validation step declares.
OPINION_PARTS = {
    "conceptual_soundness": "The concept is sound",
    "data_reviewed": "The data were reviewed",
    "replication": "Results were replicated",
    "outcomes": "Outcomes were analysed",
    "limits": "Limits are stated",
}


class InvalidProcess(ValueError):
    """A definition that cannot be published; the message says why."""


@dataclass(frozen=True)
class StepPlan:
    """One step of a definition, read."""

    key: str
    title: str
    kind: str
    role: str
    quorum: int
    rules: tuple[str, ...]
    condition: str


def step_plans(body: Mapping[str, Any]) -> tuple[StepPlan, ...]:
    """The steps of one tier's definition, in order."""
    return tuple(
        StepPlan(
            key=step["step"],
            title=step["title"],
            kind=step["kind"],
            role=step["role"],
            quorum=int(step["quorum"]),
            rules=tuple(step["independence"]),
            condition=str(step["when"]),
        )
        for step in body["steps"]
    )


def check_tier(body: Mapping[str, Any], roles: Iterable[str]) -> None:
    """Raise InvalidProcess when the definition of a tier is incomplete or would void the four-eyes principle."""
    try:
        plans = step_plans(body)
        tier, four_eyes = int(body["tier"]), bool(body["four_eyes"])
        int(body["approval_valid_months"]), int(body["target_working_days"])
    except (KeyError, TypeError, ValueError) as missing:
        raise InvalidProcess(f"The definition of a tier lacks or misspells {missing}.") from missing
    if not plans:
        raise InvalidProcess(f"Tier {tier} has no step.")
    if len({plan.key for plan in plans}) != len(plans):
        raise InvalidProcess(f"Tier {tier} names a step twice.")
    for plan in plans:
        _check_step(tier, plan, frozenset(roles))
    last = plans[-1]
    if tier <= 2 and last.role == "model_owner":
        raise InvalidProcess(f"Tier {tier} may not be approved by the model owner alone.")
    if four_eyes and not any(plan.rules and plan.condition.strip() == "true" for plan in plans):
        raise InvalidProcess(f"Tier {tier} asks for four eyes, but no step that always applies excludes the developer.")
    if body.get("on_policy_change", JUDGE_AGAIN) not in {JUDGE_AGAIN, APPROVE_AGAIN}:
        raise InvalidProcess(f"Tier {tier}: on_policy_change is “{JUDGE_AGAIN}” or “{APPROVE_AGAIN}”.")


def _check_step(tier: int, plan: StepPlan, roles: frozenset[str]) -> None:
    if plan.kind not in KINDS:
        raise InvalidProcess(f"Tier {tier}, step {plan.key}: the kind is one of {', '.join(KINDS)}.")
    if plan.role not in roles or plan.role in {"administrator", "auditor", "service"}:
        raise InvalidProcess(f"Tier {tier}, step {plan.key}: the role {plan.role} cannot sign.")
    if unknown := set(plan.rules) - set(RULES):
        raise InvalidProcess(
            f"Tier {tier}, step {plan.key}: unknown rule of independence {', '.join(sorted(unknown))}."
        )
    if plan.quorum < 1:
        raise InvalidProcess(f"Tier {tier}, step {plan.key}: the quorum is at least 1.")
    if tier <= 3 and plan.kind in {VALIDATION, APPROVAL} and not plan.rules:
        raise InvalidProcess(f"Tier {tier}, step {plan.key}: developers of a version never validate or approve it.")


def meanings_for(kind: str, *, is_last: bool) -> tuple[str, ...]:
    """What a signature on such a step may mean; the last step of a process always approves."""
    return ("approved", REJECTED) if is_last else (*MEANINGS[kind], REJECTED)


def working_day_after(start: date, days: int) -> date:
    """The day that lies so many working days (Monday to Friday) after another."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def working_days_between(start: date, end: date) -> int:
    """Working days after `start` up to and with `end`; 0 when it does not lie later."""
    return sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, (end - start).days + 1))


def months_after(start: datetime, months: int) -> datetime:
    """The end of the day so many months later; the last day of a shorter month."""
    index = start.month - 1 + months
    year, month = start.year + index // 12, index % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return datetime.combine(date(year, month, day), time(23, 59, 59), tzinfo=UTC)


def step_due_on(opened: date, review_due: date, steps_left: int) -> date:
    """The day until which a step should be signed: an equal share of the working days that the review has left."""
    left = working_days_between(opened, review_due)
    return working_day_after(opened, max(1, left // max(1, steps_left)))

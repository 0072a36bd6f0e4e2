"""Whether one item of evidence, or one limit, holds: the part of a judgement that looks at the proof. Pure: no Django."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from apps.policy import expressions, phrases, wording
from apps.policy.expressions import Truth, Verdict
from apps.policy.requirements import Item, Limit, Requirement
from apps.policy.results import ANSWER_NEEDED, ERROR, EXPIRED, MISSING, OPEN, SATISFIED, UNCHECKED, Snapshot, TypeView


@dataclass(frozen=True)
class Part:
    """How one item of evidence, or one limit, fared."""

    outcome: str
    code: str
    observed: str
    required: str
    why: str = ""
    fix: str = ""
    target: str = ""
    owner: str = ""
    evidence: tuple[Mapping[str, str], ...] = ()
    ends_at: datetime | None = None


def judge_limit(requirement: Requirement, snapshot: Snapshot) -> Part:
    """Compare a measured value with its limit."""
    limit, condition = requirement.limit, requirement.condition
    if limit is None or condition is None:
        raise ValueError(f"{requirement.id} has no limit")
    bound = expressions.lookup(snapshot.facts, limit.value_of) if limit.value_of else None
    words = expressions.lookup(snapshot.facts, limit.found_name) if limit.found_name else bound
    required = wording.required(limit, bound)
    verdict = expressions.explain(condition, snapshot.facts)
    title, who = requirement.title, wording.role(requirement.role)
    base = Part(UNCHECKED, "CHECK_NOT_RUN", "not measured", required, owner=requirement.role, target=target_of(requirement, limit),
                evidence=snapshot.sources.get(limit.name, ()))  # fmt: skip
    if verdict.truth is Truth.UNKNOWN:
        check = requirement.check.replace("_", " ")
        fix = (
            f"To fix this, {who} lets a worker run the check {check}."
            if check
            else f"To fix this, {who} has to record it."
        )
        return replace(base, why=f"{title} has not been measured: {required} is required.", fix=fix)
    if verdict.truth is Truth.ERROR:
        why = f"{title} could not be compared with its limit: {verdict.error}."
        fix = "To fix this, run the check again or correct the limit."
        return replace(base, outcome=ERROR, code="CHECK_FAILED", observed="no usable value", why=why, fix=fix)
    observed = wording.found(limit, expressions.lookup(snapshot.facts, limit.name), words)
    if verdict.truth is Truth.FALSE:
        why = f"{title}: found {observed}, required {required}."
        fix = f"To fix this, {who} brings it to {required}, or asks for a waiver."
        return replace(base, outcome=OPEN, code="REQUIREMENT_FAILED", observed=observed, why=why, fix=fix)
    return replace(base, outcome=SATISFIED, code="SATISFIED", observed=observed)


def target_of(requirement: Requirement, limit: Limit) -> str:
    """Where a measured value is mended: by a check, at the data, or in the intake."""
    if requirement.check:
        return f"check:{requirement.check}"
    return "data" if limit.name.startswith("terms.") else "facts"


def judge_item(item: Item, snapshot: Snapshot, at: datetime) -> Part:
    """Look at one item of evidence: is it there, does it count, does it pass."""
    view = snapshot.types.get(item.type) or TypeView()
    needed = wording.needed([part.text for part in item.parts])
    checks = sorted(set(item.computed.values()))
    target = f"evidence:{item.type}"
    base = Part(
        MISSING, "EVIDENCE_MISSING", "nothing", needed, owner=item.role, target=target, evidence=tuple(view.evidence)
    )
    if view.trouble:
        return replace(
            base,
            outcome=ERROR,
            code="CHECK_FAILED",
            observed="check failed",
            target=f"check:{checks[0]}" if checks else target,
            why=f"{item.title}: the check failed to run. {view.trouble}",
            fix="To fix this, run the check again.",
        )
    if not view.accepted:
        return _not_accepted(item, view, base, checks)
    verdict = expressions.explain(item.passes, _readable(view, snapshot))
    if verdict.truth is Truth.TRUE:
        dated = min((day for row in view.evidence if (day := row.get("dated"))), default="")
        observed = wording.day(date.fromisoformat(dated)) if dated else "accepted"
        return replace(base, outcome=SATISFIED, code="SATISFIED", observed=observed, ends_at=_ends(item, view, at))
    if verdict.truth is Truth.ERROR:
        return replace(
            base,
            outcome=ERROR,
            code="POLICY_ERROR",
            observed="no result",
            why=f"{item.title} could not be judged: {verdict.error}.",
            fix="To fix this, correct the value or the rule.",
        )
    return _not_passed(item, view, base, snapshot, verdict)


def _readable(view: TypeView, snapshot: Snapshot) -> dict[str, Any]:
    return {**snapshot.facts, "accepted": True, "age_days": view.age_days, "e": view.fields}


def _not_accepted(item: Item, view: TypeView, base: Part, checks: list[str]) -> Part:
    who = wording.role(item.role)
    if view.is_expired:
        ended = f" on {wording.day(view.expires_at)}" if view.expires_at else ""
        return replace(
            base,
            outcome=EXPIRED,
            code="EVIDENCE_EXPIRED",
            observed=f"ended{ended}",
            why=f"{item.title} expired{ended}.",
            fix=f"To fix this, {who} renews it.",
        )
    if view.evidence:
        state = view.status or "not accepted"
        return replace(
            base,
            outcome=OPEN,
            code="EVIDENCE_UNVERIFIED",
            observed=state,
            why=f"{item.title} is {state}, and only accepted evidence counts.",
            fix="To fix this, a reviewer accepts it, or it is replaced.",
        )
    if checks and all(name in item.computed for name in _fields_read(item)):
        listed = wording.listing([check.replace("_", " ") for check in checks])
        return replace(
            base,
            outcome=UNCHECKED,
            code="CHECK_NOT_RUN",
            observed="not measured",
            target=f"check:{checks[0]}",
            why=f"{item.title} has not been measured.",
            fix=f"To fix this, let a worker run: {listed}.",
        )
    verb = "writes" if item.role == "system" else "supplies"
    stated = [wording.condition(part.text) for part in item.parts if part.text != "accepted"]
    what = f", stating: {', '.join(stated)}" if stated else ""
    return replace(base, why=f"{item.title} is missing.", fix=f"To fix this, {who} {verb} it{what}.")


def _fields_read(item: Item) -> list[str]:
    read = [name.removeprefix("e.") for name in item.passes.names if name.startswith("e.")]
    return read or list(item.computed)


def _not_passed(item: Item, view: TypeView, base: Part, snapshot: Snapshot, verdict: Verdict) -> Part:
    unknown = [name for name in verdict.missing if not name.startswith("e.") and name != "age_days"]
    if verdict.truth is Truth.UNKNOWN and unknown and len(unknown) == len(verdict.missing):
        asked = wording.listing(phrases.asked(unknown, snapshot.questions))
        return replace(
            base,
            outcome=ANSWER_NEEDED,
            code="FACT_UNANSWERED",
            observed="no answer",
            required="an answer",
            owner="model_owner",
            target="facts",
            why=f"{item.title} cannot be judged until somebody answers {asked}.",
            fix="To fix this, the model owner answers it in the intake.",
        )
    facts = _readable(view, snapshot)
    failed = [part.text for part in item.parts if expressions.evaluate(part, facts) is not Truth.TRUE] or [item.text]
    needed = wording.listing([wording.condition(text) for text in failed])
    seen = "; ".join(wording.state_of(text, view.fields, view.age_days) for text in failed)
    return replace(
        base,
        outcome=OPEN,
        code="REQUIREMENT_FAILED",
        observed=seen,
        required=needed,
        why=f"{item.title}: found {seen}, required {needed}.",
        fix=f"To fix this, {wording.role(item.role)} supplies it with {needed}.",
    )


def _ends(item: Item, view: TypeView, at: datetime) -> datetime | None:
    ends = view.expires_at
    for part in item.parts:
        head, _, limit = part.text.partition("<=")
        if head.strip() == "age_days" and limit.strip().isdigit() and view.age_days is not None:
            days = int(limit) - view.age_days + 1
            turn = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
            ends = min(ends, turn) if ends else turn
    return ends

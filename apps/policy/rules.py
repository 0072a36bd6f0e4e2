"""The judgement: requirements applied to facts at a moment. Pure: no Django, no clock, no database.

The same compiled policy, snapshot, moment and stage always give the same results, so a stored snapshot can be judged again.
Only a TRUE expression over accepted evidence satisfies; what is unknown asks for an answer, and every other trouble is an
outcome of its own that blocks.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from apps.policy import expressions, phrases, wording
from apps.policy.expressions import Truth
from apps.policy.proof import Part, judge_item, judge_limit
from apps.policy.requirements import STAGES, CompiledPolicy, Item, Requirement
from apps.policy.results import (
    ANSWER_NEEDED,
    ERROR,
    GRAVITY,
    NOT_APPLICABLE,
    NOT_YET,
    SATISFIED,
    UNCHECKED,
    WAIVABLE,
    WAIVED,
    RequirementResult,
    Snapshot,
)


def judge(policy: CompiledPolicy, snapshot: Snapshot, *, at: datetime, stage: str = "gate") -> list[RequirementResult]:
    """Judge every requirement of a policy, in the policy's order."""
    return [
        judge_requirement(row, snapshot, at=at, stage=stage, blocks_on=policy.blocks_on) for row in policy.requirements
    ]


def judge_requirement(
    requirement: Requirement, snapshot: Snapshot, *, at: datetime, stage: str, blocks_on: frozenset[str]
) -> RequirementResult:
    """Judge one requirement: does it apply, is it in force, does the evidence hold, is there a waiver."""
    result = _applies(requirement, snapshot) or _in_force(requirement, snapshot, at) or _later(requirement, stage)
    if result is None:
        result = _waive(requirement, _on_evidence(requirement, snapshot, at, stage), snapshot, at)
    counts = requirement.severity in blocks_on and result.outcome not in (NOT_APPLICABLE, NOT_YET)
    counts = counts and result.code != "MADE_LATER"
    return replace(result, is_counted=counts, is_blocking=counts and not result.is_settled)


def _result(requirement: Requirement, outcome: str, code: str, **values: Any) -> RequirementResult:
    return RequirementResult(
        id=requirement.id,
        title=requirement.title,
        framework=requirement.framework,
        outcome=outcome,
        code=code,
        ref=requirement.ref,
        kind=requirement.kind,
        severity=requirement.severity,
        **values,
    )


def _unanswered(requirement: Requirement, missing: Iterable[str], snapshot: Snapshot) -> RequirementResult:
    asked = phrases.asked(missing, snapshot.questions)
    return _result(
        requirement,
        ANSWER_NEEDED,
        "FACT_UNANSWERED",
        observed="no answer",
        required="an answer",
        owner="model_owner",
        sentence=f"Whether this applies is not known until somebody answers {wording.listing(asked)}.",
        fix=f"The model owner answers {'it' if len(asked) == 1 else 'them'} in the intake.",
        fix_target="facts",
    )


def _failed(requirement: Requirement, error: str) -> RequirementResult:
    return _result(
        requirement,
        ERROR,
        "POLICY_ERROR",
        observed="no result",
        required="true or false",
        owner="risk_officer",
        sentence=f"The rule could not be evaluated: {error}. Until it can, it counts as not met.",
        fix="A risk officer corrects the fact or the rule.",
        fix_target="facts",
    )


def _applies(requirement: Requirement, snapshot: Snapshot) -> RequirementResult | None:
    verdict = expressions.explain(requirement.applies, snapshot.facts)
    if verdict.truth is Truth.TRUE:
        return None
    if verdict.truth is Truth.UNKNOWN:
        return _unanswered(requirement, verdict.missing, snapshot)
    if verdict.truth is Truth.ERROR:
        return _failed(requirement, verdict.error)
    names = requirement.applies.names
    reason = "; ".join(
        f"{phrases.called(name)}: {phrases.value(expressions.lookup(snapshot.facts, name))}" for name in names
    )
    return _result(
        requirement,
        NOT_APPLICABLE,
        "NOT_APPLICABLE",
        observed="does not apply",
        sentence=f"Does not apply: {reason}." if reason else "Does not apply.",
    )


def _in_force(requirement: Requirement, snapshot: Snapshot, at: datetime) -> RequirementResult | None:
    starts = None
    for start, when in requirement.effective:
        verdict = expressions.explain(when, snapshot.facts) if when else expressions.Verdict(Truth.TRUE)
        if verdict.truth is Truth.UNKNOWN:
            return _unanswered(requirement, verdict.missing, snapshot)
        if verdict.truth is Truth.ERROR:
            return _failed(requirement, verdict.error)
        if verdict.truth is Truth.TRUE:
            starts = midnight(start, snapshot.zone, at)
            break
    if starts is None or starts <= at or requirement.is_early:
        return None
    return _result(
        requirement,
        NOT_YET,
        "NOT_YET_EFFECTIVE",
        observed="not asked yet",
        required=f"from {wording.day(starts)}",
        sentence=f"Not yet in force: it applies from {wording.day(starts)}.",
        ends_at=starts,
    )


def midnight(day: date, zone: tzinfo | None, at: datetime) -> datetime:
    """The first moment of a day in the organisation's zone."""
    return datetime.combine(day, time.min, tzinfo=zone or at.tzinfo)


def _later(requirement: Requirement, stage: str) -> RequirementResult | None:
    if not requirement.items or any(_due(item, stage) for item in requirement.items):
        return None
    names = wording.listing([item.title for item in requirement.items])
    return _result(
        requirement,
        UNCHECKED,
        "MADE_LATER",
        observed="not made yet",
        required="before the gate",
        owner="system",
        sentence=f"{names}: written later, when the work is done. It is not needed at this step.",
    )


def _due(item: Item, stage: str) -> bool:
    return STAGES.index(item.stage) <= STAGES.index(stage)


def _on_evidence(requirement: Requirement, snapshot: Snapshot, at: datetime, stage: str) -> RequirementResult:
    parts = [judge_limit(requirement, snapshot)] if requirement.limit else []
    parts += [judge_item(item, snapshot, at) for item in requirement.items if _due(item, stage)]
    good = [part for part in parts if part.outcome == SATISFIED]
    bad = sorted((part for part in parts if part.outcome != SATISFIED), key=lambda part: GRAVITY.index(part.outcome))
    if requirement.is_any and good:
        bad = []
    if not bad:
        return _satisfied(requirement, good)
    worst = bad[-1] if requirement.is_any else bad[0]
    others = [part.why for part in bad if part is not worst and part.why]
    sentence = " ".join([worst.why, *(others if not requirement.is_any else ())])
    return _result(
        requirement,
        worst.outcome,
        worst.code,
        observed=worst.observed,
        required=worst.required,
        owner=worst.owner,
        evidence=tuple(row for part in parts for row in part.evidence),
        sentence=sentence,
        fix=requirement.fix or worst.fix,
        fix_target=worst.target,
    )


def _satisfied(requirement: Requirement, good: list[Part]) -> RequirementResult:
    ends = min((part.ends_at for part in good if part.ends_at), default=None)
    first = good[0] if good else Part(SATISFIED, "SATISFIED", "nothing asked", "nothing")
    observed = first.observed if len(good) < 2 or requirement.limit else f"{len(good)} items"
    required = first.required if len(good) < 2 or requirement.limit else f"{len(good)} items accepted"
    return _result(
        requirement,
        SATISFIED,
        "SATISFIED",
        observed=observed,
        required=required,
        ends_at=ends,
        evidence=tuple(row for part in good for row in part.evidence),
        sentence=f"Met: found {observed}, required {required}.",
    )


def _waive(requirement: Requirement, result: RequirementResult, snapshot: Snapshot, at: datetime) -> RequirementResult:
    waiver = snapshot.waivers.get(requirement.id)
    usable = waiver is not None and waiver.starts_at <= at < waiver.ends_at
    if not usable or waiver is None or result.outcome not in WAIVABLE or not requirement.is_waivable:
        return result
    word = wording.OUTCOME_WORDS[result.outcome].lower()
    last = wording.day(waiver.ends_at - timedelta(microseconds=1))
    return replace(
        result,
        outcome=WAIVED,
        code="WAIVED",
        waiver_id=waiver.id,
        ends_at=waiver.ends_at,
        fix="",
        fix_target="",
        sentence=f"Waived until {last}. Without the waiver this would be {word}: {result.sentence}",
    )

"""The judgement: requirements applied to facts at a moment. Pure: no Django, no clock, no database.

The same compiled policy, snapshot, moment and stage always give the same results, so a stored snapshot can be judged again.
Only a TRUE expression over accepted evidence satisfies; what is unknown asks for an answer, and every other trouble is an
outcome of its own that blocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from apps.policy import expressions, wording
from apps.policy.expressions import Truth
from apps.policy.requirements import STAGES, CompiledPolicy, Item, Requirement

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
    def is_settled(self) -> bool:
        """Nothing is asked of anyone for this requirement now."""
        return self.outcome in SETTLED


@dataclass(frozen=True)
class _Part:
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


def judge(policy: CompiledPolicy, snapshot: Snapshot, *, at: datetime, stage: str = "gate") -> list[RequirementResult]:
    """Judge every requirement of a policy, in the policy's order."""
    return [judge_requirement(row, snapshot, at=at, stage=stage, blocks_on=policy.blocks_on) for row in policy.requirements]


def judge_requirement(requirement: Requirement, snapshot: Snapshot, *, at: datetime, stage: str,
                      blocks_on: frozenset[str]) -> RequirementResult:
    """Judge one requirement: does it apply, is it in force, does the evidence hold, is there a waiver."""
    result = _applies(requirement, snapshot) or _in_force(requirement, snapshot, at) or _later(requirement, stage)
    if result is None:
        result = _waive(requirement, _on_evidence(requirement, snapshot, at, stage), snapshot, at)
    counts = requirement.severity in blocks_on and result.outcome not in (NOT_APPLICABLE, NOT_YET)
    counts = counts and result.code != "MADE_LATER"
    return replace(result, is_counted=counts, is_blocking=counts and not result.is_settled)


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


def _result(requirement: Requirement, outcome: str, code: str, **values: Any) -> RequirementResult:
    return RequirementResult(
        id=requirement.id, title=requirement.title, framework=requirement.framework, outcome=outcome, code=code,
        ref=requirement.ref, kind=requirement.kind, severity=requirement.severity, **values,
    )


def _unanswered(requirement: Requirement, missing: Iterable[str], snapshot: Snapshot) -> RequirementResult:
    names = list(missing)
    asked = wording.listing([f"“{snapshot.questions.get(name, wording.words(name))}” ({name})" for name in names])
    return _result(
        requirement, ANSWER_NEEDED, "FACT_UNANSWERED", observed="no answer", required="an answer", owner="model_owner",
        sentence=f"Whether this applies is not known until somebody answers {asked}.",
        fix=f"The model owner answers {wording.listing(names)} in the intake.", fix_target="facts",
    )


def _failed(requirement: Requirement, error: str) -> RequirementResult:
    return _result(
        requirement, ERROR, "POLICY_ERROR", observed="no result", required="true or false", owner="risk_officer",
        sentence=f"The rule could not be evaluated: {error}. Until it can, it counts as not met.",
        fix="A risk officer corrects the fact or the rule.", fix_target="facts",
    )


def _applies(requirement: Requirement, snapshot: Snapshot) -> RequirementResult | None:
    verdict = expressions.explain(requirement.applies, snapshot.facts)
    if verdict.truth is Truth.TRUE:
        return None
    if verdict.truth is Truth.UNKNOWN:
        return _unanswered(requirement, verdict.missing, snapshot)
    if verdict.truth is Truth.ERROR:
        return _failed(requirement, verdict.error)
    facts = [f"{name} is {_shown(expressions.lookup(snapshot.facts, name))}" for name in requirement.applies.names]
    reason = wording.listing(facts)
    return _result(requirement, NOT_APPLICABLE, "NOT_APPLICABLE", observed="does not apply",
                   sentence=f"Does not apply: {reason}." if reason else "Does not apply.")


def _shown(value: Any) -> str:
    if value is None:
        return "not answered"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "empty"
    return wording.measure(value, "", None)


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
        requirement, NOT_YET, "NOT_YET_EFFECTIVE", observed="not asked yet", required=f"from {wording.day(starts)}",
        sentence=f"Not yet in force: it applies from {wording.day(starts)}.", ends_at=starts,
    )


def midnight(day: date, zone: tzinfo | None, at: datetime) -> datetime:
    """The first moment of a day in the organisation's zone."""
    return datetime.combine(day, time.min, tzinfo=zone or at.tzinfo)


def _later(requirement: Requirement, stage: str) -> RequirementResult | None:
    if not requirement.items or any(_due(item, stage) for item in requirement.items):
        return None
    names = wording.listing([item.title for item in requirement.items])
    return _result(
        requirement, UNCHECKED, "MADE_LATER", observed="not made yet", required="before the gate", owner="system",
        sentence=f"{names}: written later, when the work is done. It is not needed at this step.",
    )


def _due(item: Item, stage: str) -> bool:
    return STAGES.index(item.stage) <= STAGES.index(stage)


def _on_evidence(requirement: Requirement, snapshot: Snapshot, at: datetime, stage: str) -> RequirementResult:
    parts = [_limit(requirement, snapshot)] if requirement.limit else []
    parts += [_item(item, snapshot, at) for item in requirement.items if _due(item, stage)]
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
        requirement, worst.outcome, worst.code, observed=worst.observed, required=worst.required, owner=worst.owner,
        evidence=tuple(row for part in parts for row in part.evidence), sentence=sentence,
        fix=requirement.fix or worst.fix, fix_target=worst.target,
    )


def _satisfied(requirement: Requirement, good: list[_Part]) -> RequirementResult:
    ends = min((part.ends_at for part in good if part.ends_at), default=None)
    first = good[0] if good else _Part(SATISFIED, "SATISFIED", "nothing asked", "nothing")
    observed = first.observed if len(good) < 2 or requirement.limit else f"{len(good)} items"
    required = first.required if len(good) < 2 or requirement.limit else f"{len(good)} items accepted"
    return _result(
        requirement, SATISFIED, "SATISFIED", observed=observed, required=required, ends_at=ends,
        evidence=tuple(row for part in good for row in part.evidence),
        sentence=f"Met: found {observed}, required {required}.",
    )


def _limit(requirement: Requirement, snapshot: Snapshot) -> _Part:
    limit, condition = requirement.limit, requirement.condition
    if limit is None or condition is None:
        raise ValueError(f"{requirement.id} has no limit")
    value = expressions.lookup(snapshot.facts, limit.name)
    other = expressions.lookup(snapshot.facts, limit.found_name or limit.value_of) if limit.found_name or limit.value_of else None
    required = wording.required(limit, expressions.lookup(snapshot.facts, limit.value_of) if limit.value_of else None)
    verdict = expressions.explain(condition, snapshot.facts)
    evidence = snapshot.sources.get(limit.name, ())
    owner, target = requirement.role, f"check:{requirement.check}" if requirement.check else "facts"
    if verdict.truth is Truth.UNKNOWN:
        how = f"run the check {requirement.check.replace('_', ' ')}" if requirement.check else "record it"
        return _Part(UNCHECKED, "CHECK_NOT_RUN", "not measured", required, target=target, owner=owner,
                     why=f"{requirement.title} has not been measured: {required} is required.",
                     fix=f"To fix this, {wording.role(owner)} lets a worker {how}." if requirement.check
                     else f"To fix this, {wording.role(owner)} has to {how}.")
    observed = wording.found(limit, value, other)
    if verdict.truth is Truth.ERROR:
        return _Part(ERROR, "CHECK_FAILED", "no usable value", required, target=target, owner=owner, evidence=evidence,
                     why=f"{requirement.title} could not be compared with its limit: {verdict.error}.",
                     fix="To fix this, run the check again or correct the limit.")
    if verdict.truth is Truth.FALSE:
        return _Part(OPEN, "REQUIREMENT_FAILED", observed, required, target=target, owner=owner, evidence=evidence,
                     why=f"{requirement.title}: found {observed}, required {required}.",
                     fix=f"To fix this, {wording.role(owner)} brings it to {required}, or asks for a waiver.")
    return _Part(SATISFIED, "SATISFIED", observed, required, evidence=evidence)


def _item(item: Item, snapshot: Snapshot, at: datetime) -> _Part:
    view = snapshot.types.get(item.type) or TypeView()
    needed = wording.listing([wording.condition(part.text) for part in item.parts])
    checks = sorted(set(item.computed.values()))
    target = f"evidence:{item.type}"
    base = _Part(MISSING, "EVIDENCE_MISSING", "nothing", needed, owner=item.role, target=target, evidence=tuple(view.evidence))
    if view.trouble:
        return replace(base, outcome=ERROR, code="CHECK_FAILED", observed="check failed", target=f"check:{checks[0]}" if checks else target,
                       why=f"{item.title}: the check failed to run. {view.trouble}", fix="To fix this, run the check again.")
    if not view.accepted:
        return _not_accepted(item, view, base, checks)
    verdict = expressions.explain(item.passes, _readable(view, snapshot))
    if verdict.truth is Truth.TRUE:
        dated = min((day for row in view.evidence if (day := row.get("dated"))), default="")
        observed = wording.day(date.fromisoformat(dated)) if dated else "accepted"
        return replace(base, outcome=SATISFIED, code="SATISFIED", observed=observed, ends_at=_ends(item, view, at))
    if verdict.truth is Truth.ERROR:
        return replace(base, outcome=ERROR, code="POLICY_ERROR", observed="no result",
                       why=f"{item.title} could not be judged: {verdict.error}.", fix="To fix this, correct the value or the rule.")
    return _not_passed(item, view, base, snapshot, verdict)


def _readable(view: TypeView, snapshot: Snapshot) -> dict[str, Any]:
    return {**snapshot.facts, "accepted": True, "age_days": view.age_days, "e": view.fields}


def _not_accepted(item: Item, view: TypeView, base: _Part, checks: list[str]) -> _Part:
    who = wording.role(item.role)
    if view.is_expired:
        ended = f" on {wording.day(view.expires_at)}" if view.expires_at else ""
        return replace(base, outcome=EXPIRED, code="EVIDENCE_EXPIRED", observed=f"ended{ended}",
                       why=f"{item.title} expired{ended}.", fix=f"To fix this, {who} renews it.")
    if view.evidence:
        state = view.status or "not accepted"
        return replace(base, outcome=OPEN, code="EVIDENCE_UNVERIFIED", observed=state,
                       why=f"{item.title} is {state}, and only accepted evidence counts.",
                       fix="To fix this, a reviewer accepts it, or it is replaced.")
    if checks and all(name in item.computed for name in _fields_read(item)):
        listed = wording.listing([check.replace("_", " ") for check in checks])
        return replace(base, outcome=UNCHECKED, code="CHECK_NOT_RUN", observed="not measured", target=f"check:{checks[0]}",
                       why=f"{item.title} has not been measured.", fix=f"To fix this, let a worker run: {listed}.")
    verb = "writes" if item.role == "system" else "supplies"
    return replace(base, why=f"{item.title} is missing.", fix=f"To fix this, {who} {verb} it.")


def _fields_read(item: Item) -> list[str]:
    read = [name.removeprefix("e.") for name in item.passes.names if name.startswith("e.")]
    return read or list(item.computed)


def _not_passed(item: Item, view: TypeView, base: _Part, snapshot: Snapshot, verdict: expressions.Verdict) -> _Part:
    unknown = [name for name in verdict.missing if not name.startswith("e.") and name != "age_days"]
    if verdict.truth is Truth.UNKNOWN and unknown and len(unknown) == len(verdict.missing):
        asked = wording.listing([f"“{snapshot.questions.get(name, wording.words(name))}” ({name})" for name in unknown])
        return replace(base, outcome=ANSWER_NEEDED, code="FACT_UNANSWERED", observed="no answer", required="an answer",
                       owner="model_owner", target="facts", why=f"{item.title} cannot be judged until somebody answers {asked}.",
                       fix="To fix this, the model owner answers it in the intake.")
    facts = _readable(view, snapshot)
    failed = [part.text for part in item.parts if expressions.evaluate(part, facts) is not Truth.TRUE] or [item.text]
    needed = wording.listing([wording.condition(text) for text in failed])
    seen = "; ".join(wording.state_of(text, view.fields, view.age_days) for text in failed)
    return replace(base, outcome=OPEN, code="REQUIREMENT_FAILED", observed=seen, required=needed,
                   why=f"{item.title}: found {seen}, required {needed}.",
                   fix=f"To fix this, {wording.role(item.role)} supplies it with {needed}.")


def _ends(item: Item, view: TypeView, at: datetime) -> datetime | None:
    ends = view.expires_at
    for part in item.parts:
        head, _, limit = part.text.partition("<=")
        if head.strip() == "age_days" and limit.strip().isdigit() and view.age_days is not None:
            days = int(limit) - view.age_days + 1
            turn = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
            ends = min(ends, turn) if ends else turn
    return ends


def _waive(requirement: Requirement, result: RequirementResult, snapshot: Snapshot, at: datetime) -> RequirementResult:
    waiver = snapshot.waivers.get(requirement.id)
    usable = waiver is not None and waiver.starts_at <= at < waiver.ends_at
    if not usable or waiver is None or result.outcome not in WAIVABLE or not requirement.is_waivable:
        return result
    word = wording.OUTCOME_WORDS[result.outcome].lower()
    last = wording.day(waiver.ends_at - timedelta(microseconds=1))
    return replace(result, outcome=WAIVED, code="WAIVED", waiver_id=waiver.id, ends_at=waiver.ends_at, fix="", fix_target="",
                   sentence=f"Waived until {last}. Without the waiver this would be {word}: {result.sentence}")

"""A drafted policy tried on what was judged before: the facts recorded then, under the rules proposed now. Nothing is stored."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.policy import phrases, queries, rules, wording
from apps.policy.models import Assessment, PolicyVersion
from apps.policy.requirements import CompiledPolicy, Requirement
from apps.policy.results import RequirementResult, summary
from apps.policy.services.assessing import snapshot_from

MOST_REPLAYED = 2_000
DAYS = 90


@dataclass(frozen=True)
class RuleChange:
    """A requirement that the draft adds, drops or changes."""

    id: str
    title: str
    before: str
    after: str


@dataclass(frozen=True)
class Flip:
    """A past judgement that would come out otherwise."""

    assessment: Assessment
    was_ready: bool
    would_be_ready: bool
    deciding: list[RequirementResult]


@dataclass(frozen=True)
class Simulation:
    """What a draft would have changed."""

    draft: PolicyVersion
    in_force: PolicyVersion | None
    since: datetime
    replayed: int
    excluded: int
    closes: list[Flip] = field(default_factory=list)
    opens: list[Flip] = field(default_factory=list)
    changes: list[RuleChange] = field(default_factory=list)

    @property
    def same(self) -> int:
        """How many judgements would be the same."""
        return self.replayed - len(self.closes) - len(self.opens)

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        many = "" if self.replayed == 1 else "s"
        return (
            f"{self.replayed} judgement{many} replayed: {self.same} same, {len(self.closes)} would become not ready, "
            f"{len(self.opens)} would become ready"
        )


def simulate(draft: PolicyVersion, *, days: int = DAYS) -> Simulation:
    """Replay the judgements of the last days that were made under any version of this policy."""
    since = timezone.now() - timedelta(days=days)
    rows = Assessment.objects.filter(policy_version__policy=draft.policy, stage="gate", at__gte=since)
    total = rows.count()
    ready = queries.compiled(draft)
    held = queries.policies_in_force().get(draft.policy_id)
    recent = (
        rows.select_related("version__model", "environment", "policy_version")
        .defer("policy_version__body")
        .order_by("-at", "-id")
    )
    replayed = 0
    closes: list[Flip] = []
    opens: list[Flip] = []
    for assessment in recent[:MOST_REPLAYED].iterator(chunk_size=100):
        replayed += 1
        flip = replay_under(assessment, ready)
        if flip is not None:
            (opens if flip.would_be_ready else closes).append(flip)
    changes = rule_changes(queries.compiled(held), ready) if held else []
    return Simulation(draft, held, since, replayed, total - replayed, closes, opens, changes)


def replay_under(assessment: Assessment, policy: CompiledPolicy) -> Flip | None:
    """The judgement under other rules, when it comes out otherwise."""
    results = rules.judge(policy, snapshot_from(assessment.snapshot), at=assessment.at, stage=assessment.stage)
    would_be_ready = summary(results)[1]
    if would_be_ready == assessment.is_ready:
        return None
    blocked_before = {row["id"] for row in assessment.results if row["is_blocking"]}
    if would_be_ready:
        deciding = [row for row in results if row.id in blocked_before]
    else:
        deciding = [row for row in results if row.is_blocking and row.id not in blocked_before]
    return Flip(assessment, assessment.is_ready, would_be_ready, deciding)


def rule_changes(before: CompiledPolicy, after: CompiledPolicy) -> list[RuleChange]:
    """Requirements that differ between two compiled policies, in the order of the newer one."""
    old = {row.id: row for row in before.requirements}
    new = {row.id: row for row in after.requirements}
    found = [
        change(row, old.get(row.id), before, after)
        for row in after.requirements
        if written(old.get(row.id), before) != written(row, after)
    ]
    return found + [
        RuleChange(row.id, row.title, described(row, before), "") for row in before.requirements if row.id not in new
    ]


def change(row: Requirement, old: Requirement | None, before: CompiledPolicy, after: CompiledPolicy) -> RuleChange:
    """What a requirement asked and will ask: in words, or as the rules are written where the words are the same."""
    told = (described(old, before), described(row, after))
    if told[0] == told[1]:
        told = (written(old, before), written(row, after))
    return RuleChange(row.id, row.title, *told)


def written(row: Requirement | None, policy: CompiledPolicy) -> str:
    """What a requirement asks in the terms of its rule, so that no difference is lost; '' for one that is not there."""
    if row is None:
        return ""
    parts: list[Any] = [wording.required(row.limit, None)] if row.limit else [item.text for item in row.items]
    return f"{'; '.join(parts)} ({ends_of(row, policy, row.applies.text)})"


def described(row: Requirement | None, policy: CompiledPolicy) -> str:
    """What a requirement asks, and whether it blocks, for people; '' for one that is not there."""
    if row is None:
        return ""
    parts = [wording.required(row.limit, None)] if row.limit else []
    parts = parts or [
        f"{item.title}: {wording.listing([wording.condition(part.text) for part in item.parts])}" for item in row.items
    ]
    return f"{'; '.join(parts)} ({ends_of(row, policy, phrases.said(row.applies.text) or row.applies.text)})"


def ends_of(row: Requirement, policy: CompiledPolicy, applies: str) -> str:
    """Whether a requirement blocks, when it applies, and whether it is asked before its date."""
    weight = "blocks" if row.severity in policy.blocks_on else "shown"
    when = "" if row.applies.text == "true" else f", when {applies}"
    return f"{weight}{when}{', before its date' if row.is_early else ''}"

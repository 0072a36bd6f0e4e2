"""What a version still has to show, type by type, with the field values that would satisfy and who supplies them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.evidence.catalogue import EvidenceType, catalogue
from apps.policy import expressions, requirements, rules
from apps.policy.expressions import Truth
from apps.policy.queries.facts import facts_of
from apps.policy.queries.policies import compiled, policy_for
from apps.policy.requirements import Item, Requirement
from apps.policy.results import NOT_YET, Snapshot
from apps.registry.models import Environment, ModelVersion


@dataclass(frozen=True)
class NeededEvidence:
    """One evidence type that applying requirements ask for."""

    type: str
    title: str
    stage: str
    produced_by: str
    scope: str
    fields: dict[str, Any]
    attested_fields: dict[str, Any]
    computed_by: list[str]
    why: list[str]
    is_blocking: bool
    is_record: bool


def needed_evidence(
    version: ModelVersion, environment: Environment, *, at: datetime | None = None
) -> list[NeededEvidence]:
    """Every evidence type asked for by requirements that apply and are in force, whether it is there already or not.

    `fields` are the values with which the requirements hold, when they are true of the version; `attested_fields` those of
    them that no check computes; "" stands for any text.
    """
    at = at or timezone.now()
    policy = compiled(policy_for(version, environment, at=at))
    facts = facts_of(version)
    asked: dict[str, list[tuple[Requirement, Item]]] = {}
    for requirement in policy.requirements:
        if is_asked(requirement, facts, at):
            for item in requirement.items:
                asked.setdefault(item.type, []).append((requirement, item))
    blocks = policy.blocks_on
    rows = [needed_row(catalogue()[type_id], pairs, blocks, version) for type_id, pairs in asked.items()]
    return sorted(rows, key=lambda row: (not row.is_blocking, requirements.STAGES.index(row.stage), row.type))


def is_asked(requirement: Requirement, facts: dict[str, Any], at: datetime) -> bool:
    """Whether a requirement applies, or may apply once a fact is answered, and is in force."""
    if expressions.evaluate(requirement.applies, facts) is Truth.FALSE:
        return False
    snapshot = Snapshot(facts=facts)
    probe = rules.judge_requirement(requirement, snapshot, at=at, stage=requirements.STAGES[-1], blocks_on=frozenset())
    return probe.outcome != NOT_YET


def needed_row(
    kind: EvidenceType, pairs: list[tuple[Requirement, Item]], blocks: frozenset[str], version: ModelVersion
) -> NeededEvidence:
    """One type with everything that asks for it."""
    fields = {
        name: filled(kind, name, value, version)
        for name, value in requirements.passing_fields(*(item.text for _, item in pairs)).items()
        if name in kind.fields
    }
    return NeededEvidence(
        type=kind.id, title=kind.title, stage=pairs[0][1].stage, produced_by=kind.produced_by, scope=kind.scope, fields=fields,
        attested_fields={name: value for name, value in fields.items() if name not in kind.computed},
        computed_by=sorted(set(kind.computed.values())), why=[requirement.id for requirement, _ in pairs],
        is_blocking=any(requirement.severity in blocks for requirement, _ in pairs), is_record=kind.is_record,
    )  # fmt: skip


def filled(kind: EvidenceType, name: str, value: Any, version: ModelVersion) -> Any:
    """A value that only has to be given: the tier where the record is about the tier, any text elsewhere."""
    if value != "":
        return value
    return version.use_case.tier if (kind.id, name) == ("intake_assessment", "tier") else ""

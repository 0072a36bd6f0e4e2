"""One judgement for the gate: the policy's assessment and the standing approval, read together."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.gate.models import Clearance, Decision, Outcome
from apps.lineage import queries as lineage_queries
from apps.policy import queries as policy_queries
from apps.policy import services as policy
from apps.policy.models import Assessment
from apps.policy.services import Judgement, RequirementResult
from apps.registry.models import Environment, ModelVersion
from apps.workflow import queries as workflow_queries
from apps.workflow.queries import Standing

ALLOWING = {"satisfied", "waived", "not_applicable", "not_yet_effective"}
CODES = {
    "missing": "EVIDENCE_MISSING",
    "expired": "EVIDENCE_EXPIRED",
    "unchecked": "EVIDENCE_UNVERIFIED",
    "error": "POLICY_ERROR",
    "answer_needed": "ANSWER_NEEDED",
    "open": "REQUIREMENT_FAILED",
}


@dataclass(frozen=True)
class Verdict:
    """Everything a clearance keeps: the judgement, the approval, and what was read for them."""

    judgement: Judgement
    standing: Standing
    reads: frozenset[str]
    assessment: Any
    judged_at: datetime

    @property
    def blocking(self) -> list[RequirementResult]:
        """The requirements that hold the gate closed."""
        return [row for row in self.judgement.results if row.is_blocking and row.outcome not in ALLOWING]

    @property
    def is_allowed(self) -> bool:
        """Every blocking requirement holds and an approval stands."""
        return not self.blocking and self.standing.is_standing


def subjects_of(version: ModelVersion, environment: Environment) -> frozenset[str]:
    """The subjects a judgement is known to read before it is made: the version, where it runs, for what, on which data."""
    closure = lineage_queries.closure_subjects(version)
    rules = policy_queries.policy_for(version, environment).policy.subject
    own = {version.subject, version.use_case.subject, environment.subject, "organisation:self", rules}
    return frozenset(own | set(closure))


def judge(version: ModelVersion, environment: Environment) -> Verdict:
    """Judge now. The assessment is stored, so that the decision can be replayed from its facts."""
    now = timezone.now()
    with lineage_queries.subjects_read_once():
        judgement = policy.assess(version, environment, at=now, stage="gate", store=True)
        standing = workflow_queries.standing_approval(version, environment=environment, at=now)
        reads = frozenset(judgement.reads) | subjects_of(version, environment)
    return Verdict(judgement, standing, reads, judgement.assessment, now)


def answers_as_at(version: ModelVersion, at: datetime) -> list[Clearance]:
    """What the gate would have answered then, from the judgements that were kept for each environment and the approval."""
    rows = Assessment.objects.filter(version=version.pk, stage="gate", at__lte=at).order_by(
        "environment_id", "-at", "-id"
    )
    kept = rows.distinct("environment_id").select_related("environment", "policy_version__policy")
    found = []
    for assessment in sorted(kept, key=lambda row: (not row.environment.is_production, row.environment.name)):
        place = assessment.environment
        standing = workflow_queries.standing_as_at(version, at, environment=place)
        judgement = policy.judgement_from(assessment, version, place)
        verdict = Verdict(judgement, standing, judgement.reads, assessment, assessment.at)
        found.append(Clearance(version=version, environment=place, **clearance_values(verdict)))
    return found


def sentence_of(verdict: Verdict) -> str:
    """The answer in one sentence: result first, then the count or the reason."""
    where = verdict.judgement.environment.name
    if verdict.is_allowed:
        waived = verdict.judgement.counts.get("waived", 0)
        note = f", {waived} by waiver" if waived else ""
        return f"Allowed in {where}: every blocking requirement holds{note} and the approval stands."
    reasons = []
    if verdict.blocking:
        total = sum(row.is_counted for row in verdict.judgement.results)
        verb = "is" if len(verdict.blocking) == 1 else "are"
        reasons.append(f"{len(verdict.blocking)} of {total} requirements {verb} not met")
    if not verdict.standing.is_standing:
        reasons.append(verdict.standing.sentence.rstrip("."))
    return f"Not allowed in {where}: {'; '.join(reasons)}."


def codes_of(verdict: Verdict) -> list[str]:
    """Stable codes, the approval's first, each once, in order."""
    found = [] if verdict.standing.is_standing else [verdict.standing.code]
    found += [row.code or CODES.get(row.outcome, "REQUIREMENT_FAILED") for row in verdict.blocking]
    return list(dict.fromkeys(found)) or (["OK"] if verdict.is_allowed else ["INTERNAL"])


def outcomes_of(results: Iterable[RequirementResult]) -> dict[str, list[str]]:
    """The requirements by how they came out, in the order of the policy."""
    found: dict[str, list[str]] = {}
    for row in results:
        found.setdefault(row.outcome, []).append(row.id)
    return found


def evidence_of(results: Iterable[RequirementResult]) -> list[dict[str, Any]]:
    """Every piece of evidence that a requirement names, each once."""
    found = {item["id"]: dict(item) for row in results for item in row.evidence}
    return [found[key] for key in sorted(found)]


def requirement_rows(decision: Decision) -> list[dict[str, Any]]:
    """What a decision rests on, requirement by requirement: the list that the version's page showed then, as JSON."""
    rows: list[dict[str, Any]] = json.loads(written_requirements(decision.assessment_id))
    return rows


@lru_cache(maxsize=64)
def written_requirements(assessment_id: UUID | None) -> bytes:
    """The same as JSON text. An assessment never changes, so the many questions it answers need it written once."""
    if assessment_id is None:
        return b"[]"
    found = Assessment.objects.defer("snapshot").select_related("version__model__use_case").get(pk=assessment_id)
    rows = [requirement_row(row) for row in policy.results_of(found, found.version)]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def requirement_row(row: RequirementResult) -> dict[str, Any]:
    """One requirement with what was found, what is required, who can mend it and how."""
    return {
        "id": row.id,
        "title": str(row.title),
        "framework": row.framework,
        "outcome": row.outcome,
        "code": row.code or CODES.get(row.outcome, ""),
        "observed": row.observed,
        "required": row.required,
        "evidence": list(row.evidence),
        "owner": row.owner,
        "sentence": str(row.sentence),
        "fix": str(row.fix),
        "fix_url": row.fix_url,
        "is_blocking": row.is_blocking,
        "waiver": str(row.waiver_id) if row.waiver_id else None,
    }


def approval_row(standing: Standing) -> dict[str, Any]:
    """The approval as the decision keeps it."""
    manifest = standing.manifest
    return {
        "state": standing.state,
        "code": standing.code,
        "sentence": str(standing.sentence),
        "review": str(standing.approval.pk) if standing.approval else None,
        "manifest": manifest.digest if manifest else None,
        "valid_until": standing.valid_until.isoformat() if standing.valid_until else None,
    }


def clearance_values(verdict: Verdict) -> dict[str, Any]:
    """The columns of a clearance."""
    ends = [end for end in (verdict.judgement.ends_at, verdict.standing.valid_until) if end is not None]
    policy_version = verdict.judgement.policy
    return {
        "outcome": Outcome.ALLOW if verdict.is_allowed else Outcome.DENY,
        "codes": codes_of(verdict),
        "sentence": sentence_of(verdict),
        "outcomes": outcomes_of(verdict.judgement.results),
        "blocking": [row.id for row in verdict.blocking],
        "evidence": evidence_of(verdict.judgement.results),
        "waivers": sorted({row.waiver_id for row in verdict.judgement.results if row.waiver_id}),
        "approval": approval_row(verdict.standing),
        "assessment_id": verdict.assessment.pk,
        "assessment_digest": verdict.assessment.digest,
        "policy_id": policy_version.pk,
        "policy_name": policy_version.policy.name,
        "policy_version": policy_version.version,
        "policy_digest": policy_version.digest,
        "judged_at": verdict.judged_at,
        "ends_at": min(ends) if ends else None,
    }


def decision_values(clearance: Clearance) -> dict[str, Any]:
    """The columns of a decision that come from the clearance it rests on."""
    return {
        "outcome": clearance.outcome,
        "codes": clearance.codes,
        "sentence": clearance.sentence,
        "outcomes": clearance.outcomes,
        "blocking": clearance.blocking,
        "approval": clearance.approval,
        "evidence": clearance.evidence,
        "waivers": clearance.waivers,
        "policy_id": clearance.policy_id,
        "policy_name": clearance.policy_name,
        "policy_version": clearance.policy_version,
        "policy_digest": clearance.policy_digest,
        "assessment_id": clearance.assessment_id,
        "assessment_digest": clearance.assessment_digest,
        "reads": [list(pair) for pair in zip(clearance.read_refs, clearance.read_epochs, strict=True)],
        "judged_at": clearance.judged_at,
        "expires_at": clearance.ends_at,
    }

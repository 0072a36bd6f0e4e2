"""Judgements and intake as pages and callers read them."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.core import moment
from apps.core.errors import Invalid
from apps.policy import packs, queries
from apps.policy.models import Assessment, PolicyVersion
from apps.policy.services.assessing import Judgement, assess, judgement_from, result_row
from apps.policy.services.tiers import arithmetic_of, proposal_for
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.registry.past import version_at


def judged_as_of(version: ModelVersion, environment: Environment, at: datetime | None, stage: str) -> dict[str, Any]:
    """The judgement now, or at a moment: as it was stored then, else from what was recorded until then."""
    if at is None or at >= timezone.now():
        return judgement_row(assess(version, environment, stage=stage), "now")
    stored = kept_then(version, environment, at, stage)
    if stored is not None:
        return stored_row(stored)
    return judgement_row(judged_again(version, environment, at, stage), "reconstructed")


def judgement_as_at(
    version: ModelVersion, environment: Environment, at: datetime, stage: str = "gate"
) -> tuple[Judgement, str]:
    """The judgement that stood at a moment and its basis: "stored" when it was kept then, else "reconstructed" from the record."""
    stored = kept_then(version, environment, at, stage)
    if stored is not None:
        return judgement_from(stored, version, environment), "stored"
    return judged_again(version, environment, at, stage), "reconstructed"


def kept_then(version: ModelVersion, environment: Environment, at: datetime, stage: str) -> Assessment | None:
    """The newest judgement that was kept until then."""
    rows = queries.assessments_of(version, environment).filter(at__lte=at, stage=stage)
    return rows.order_by("-at", "-id").first()


def judged_again(version: ModelVersion, environment: Environment, at: datetime, stage: str) -> Judgement:
    """A judgement of a moment for which none was kept, from facts as they were then."""
    refuse_before_time(version, environment, at)
    then = version_at(version, at)
    return assess(then, environment, stage=stage, past=at)


def refuse_before_time(version: ModelVersion, environment: Environment, at: datetime) -> None:
    """Raises Invalid when there was nothing to judge, or nothing to judge by, at that moment."""
    said = ""
    if at < version.created_at:
        said = f"Version {version.version} was registered at {moment.in_words(version.created_at)}. Ask for a later moment."
    elif queries.policy_in_force(queries.tier_of(version), environment, at=at) is None:
        said = f"No policy was in force for {environment.name} at that moment. Ask for a later one."
    if said:
        raise Invalid(errors=[{"pointer": "/as_of", "code": "BEFORE_TIME", "detail": said}])


def judgement_row(judgement: Judgement, basis: str) -> dict[str, Any]:
    """A judgement as an answer."""
    return {
        "version": str(judgement.version.pk), "environment": judgement.environment.slug, "policy": policy_row(judgement.policy),
        "stage": judgement.stage, "basis": basis, "at": judgement.at, "ends_at": judgement.ends_at, "sentence": judgement.sentence,
        "is_ready": judgement.is_ready, "counts": judgement.counts,
        "requirements": [{**result_row(row), "fix_url": row.fix_url} for row in judgement.results],
    }  # fmt: skip


def stored_row(stored: Assessment) -> dict[str, Any]:
    """A stored judgement as an answer."""
    counts: dict[str, int] = {}
    for row in stored.results:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    counts["counted"] = sum(row["is_counted"] for row in stored.results)
    counts["blocking"] = sum(row["is_blocking"] for row in stored.results)
    return {
        "version": str(stored.version_id), "environment": stored.environment.slug, "policy": policy_row(stored.policy_version),
        "stage": stored.stage, "basis": "stored", "at": stored.at, "ends_at": stored.ends_at, "sentence": stored.sentence,
        "is_ready": stored.is_ready, "counts": counts, "requirements": [{**row, "fix_url": ""} for row in stored.results],
    }  # fmt: skip


def policy_row(version: PolicyVersion) -> dict[str, Any]:
    """The policy version that was applied."""
    return {"id": str(version.pk), "name": version.policy.name, "version": version.version, "digest": version.digest}


def intake_of(use_case: UseCase) -> dict[str, Any]:
    """What was answered, what was not, and the tier that follows with its arithmetic."""
    proposal = proposal_for(use_case)
    known = queries.known_facts(use_case)
    return {
        "use_case": use_case.slug,
        "facts": {name: known[name] for name in packs.facts() if name in known},
        "answers": use_case.intake_answers,
        "unanswered_facts": queries.unanswered_facts(use_case),
        "unanswered_questions": list(proposal.unanswered),
        "proposed_tier": proposal.tier if proposal.is_complete and not proposal.is_blocked else None,
        "tier": use_case.tier,
        "is_tier_confirmed": use_case.is_tier_confirmed,
        "is_blocked": proposal.is_blocked,
        "sentence": proposal.sentence,
        "arithmetic": arithmetic_of(proposal),
    }

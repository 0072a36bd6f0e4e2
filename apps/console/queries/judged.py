"""The judgement that a version page shows: the gate's own, as long as nothing it read has changed."""

from datetime import datetime

from apps.core.errors import ProductError
from apps.gate import queries as gate_queries
from apps.gate import services as gate
from apps.policy import services as policy
from apps.policy.models import Assessment
from apps.registry.models import Environment, ModelVersion


def judgement_of(version: ModelVersion, environment: Environment) -> policy.Judgement:
    """What the gate judged last where it is current, which costs two reads; otherwise judged now. Stores nothing."""
    clearance = gate_queries.clearance_of(version, environment)
    if clearance is not None and gate.is_current(clearance):
        rows = Assessment.objects.select_related("policy_version__policy")
        kept = rows.filter(pk=clearance.assessment_id).first()
        if kept is not None:
            return policy.judgement_from(kept, version, environment)
    return policy.assess(version, environment)


def judged(
    version: ModelVersion, environment: Environment | None, at: datetime | None = None
) -> tuple[policy.Judgement | None, str]:
    """The judgement, now or as it stood, or the sentence why there is none."""
    if environment is None:
        return None, "No environment is registered yet, so there is nothing to be ready for."
    try:
        if at is not None:
            return policy.judgement_as_at(version, environment, at)[0], ""
        return judgement_of(version, environment), ""
    except ProductError as refused:
        return None, refused.detail

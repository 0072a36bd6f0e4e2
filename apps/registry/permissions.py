"""Conditions on the inventory. The docstring of a condition is the sentence that a refused person reads."""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role, is_not_auditor_only, is_person
from apps.accounts.queries import holds
from apps.core import moment
from apps.core.permissions import Condition, permit
from apps.registry.models import Environment, Involvement, ModelVersion

BUILDERS = (Role.DEVELOPER, Role.MODEL_OWNER, Role.SERVICE)
MODEL_RISK = (Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK)


def version_of(obj: Any) -> ModelVersion:
    """The version an object is about: itself, or its `version`."""
    return obj if isinstance(obj, ModelVersion) else obj.version


def is_not_involved_as(*capacities: str) -> Condition:
    """A condition: the user did none of these things to the version. Involvement is never taken back, so roles do not matter."""
    named = [Involvement.Capacity(capacity) for capacity in capacities]

    def is_not_involved(user: Any, obj: Any) -> bool | str:
        version = version_of(obj)
        found = (
            Involvement.objects.filter(version=version, user=user.pk, capacity__in=named).order_by("created_at").first()
        )
        if found is None:
            return True
        return f"You may not do this to {version}, because you {found.get_capacity_display()} on {moment.day_in_words(found.at)}."

    is_not_involved.__doc__ = f"Nobody may do this who {' or '.join(str(capacity.label) for capacity in named)}."
    is_not_involved.code = "INVOLVED"  # type: ignore[attr-defined]
    return is_not_involved


def confirmer_is_someone_else(user: Any, obj: Any) -> bool | str:
    """A second person confirms the tier: not the owner, not who answered the questions, not who proposed it."""
    use_case = obj.use_case
    if use_case.owner_id == user.pk:
        return f"You own {use_case}. Someone else confirms its tier."
    if use_case.answers.filter(by=user.pk).exists():
        return f"You answered questions from which the tier of {use_case} follows. Someone else confirms it."
    return use_case.tier_proposed_by_id != user.pk


def asker_is_the_gate(user: Any, obj: Any) -> bool:
    """Deployments are authorised by the gate alone, for whoever asked it with a role in this use case."""
    return holds(user, *Role.values, use_case=obj.use_case)


def reporter_runs_the_pipeline(user: Any, obj: Any) -> bool:
    """Starts and ends are reported by the pipeline that deploys, or by a developer, the owner or model risk."""
    return holds(user, *BUILDERS, *MODEL_RISK, use_case=obj.use_case)


def production_is_guarded(user: Any, obj: Environment) -> bool:
    """Only the head of model risk lets a production environment run without enforcement."""
    is_lax = obj.is_production and obj.mode != Environment.Mode.ENFORCE
    return not is_lax or holds(user, Role.HEAD_OF_MODEL_RISK)


def confirms_not_own_proposal(user: Any, obj: Any) -> bool:
    """The person who proposed the move does not confirm it."""
    return obj.proposed_by_id != user.pk


permit(
    "registry.create_use_case",
    is_not_auditor_only,
    is_person,
    holds_role(Role.DEVELOPER, Role.MODEL_OWNER, *MODEL_RISK, Role.COMPLIANCE),
)
permit(
    "registry.change_use_case",
    is_person,
    holds_role(Role.DEVELOPER, Role.MODEL_OWNER, *MODEL_RISK),
)
permit(
    "registry.answer_facts",
    is_person,
    holds_role(Role.DEVELOPER, Role.MODEL_OWNER, Role.PRIVACY_OFFICER, Role.COMPLIANCE, *MODEL_RISK),
)
permit("registry.confirm_tier", is_person, holds_role(*MODEL_RISK, Role.COMPLIANCE), confirmer_is_someone_else)
permit("registry.create_model", holds_role(*BUILDERS))
permit("registry.change_owner", is_person, holds_role(Role.MODEL_OWNER, *MODEL_RISK))
permit("registry.propose_state", is_person, holds_role(Role.MODEL_OWNER))
permit("registry.confirm_state", is_person, holds_role(*MODEL_RISK), confirms_not_own_proposal)
permit("registry.register_version", holds_role(*BUILDERS))
permit("registry.link_dataset", holds_role(*BUILDERS, Role.DATA_STEWARD))
permit(
    "registry.set_environment",
    is_person,
    holds_role(Role.ADMINISTRATOR, Role.HEAD_OF_MODEL_RISK, Role.SECURITY),
    production_is_guarded,
)
permit("registry.authorise_deployment", asker_is_the_gate)
permit("registry.report_deployment", reporter_runs_the_pipeline)

"""Conditions on policy. The docstring of a condition is the sentence that a refused person reads."""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role, is_not_auditor_only, is_person
from apps.core.permissions import permit
from apps.policy.models import FrameworkChoice, PolicyVersion, Waiver
from apps.registry.models import Involvement
from apps.registry.permissions import is_not_involved_as

Capacity = Involvement.Capacity
MODEL_RISK = (Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK)
GRANTING = (*MODEL_RISK, Role.RISK_COMMITTEE, Role.ACCOUNTABLE_EXECUTIVE)


def granter_did_not_request(user: Any, obj: Waiver) -> bool:
    """You asked for this waiver. Someone else decides about it."""
    return obj.requested_by_id != user.pk


def granter_does_not_benefit(user: Any, obj: Waiver) -> bool:
    """The owner of the use case or of the model gains from a waiver, and does not decide about it."""
    return user.pk not in {obj.use_case.owner_id, obj.version.model.owner_id}


def withdrawer_is_concerned(user: Any, obj: Waiver) -> bool:
    """A waiver is withdrawn by who asked for it, or by model risk."""
    roles = holds_role(*GRANTING)
    return obj.requested_by_id == user.pk or roles(user, obj) is True


def publisher_is_someone_else(user: Any, obj: PolicyVersion) -> bool:
    """You drafted this version of the policy. A second person publishes it."""
    return obj.drafted_by_id != user.pk


def confirmer_is_someone_else(user: Any, obj: FrameworkChoice) -> bool:
    """You asked for this change. A second person confirms it."""
    return obj.requested_by_id != user.pk


permit(
    "policy.request_waiver",
    is_person,
    is_not_auditor_only,
    holds_role(Role.DEVELOPER, Role.MODEL_OWNER, Role.VALIDATOR, Role.DATA_STEWARD, Role.PRIVACY_OFFICER),
)
permit(
    "policy.decide_waiver",
    is_person,
    holds_role(*GRANTING),
    granter_did_not_request,
    granter_does_not_benefit,
    is_not_involved_as(
        Capacity.REGISTERED, Capacity.BUILT, Capacity.TRAINED, Capacity.SUBMITTED_EVIDENCE, Capacity.VALIDATED,
        Capacity.REQUESTED_WAIVER, Capacity.OWNS,
    ),
)  # fmt: skip
permit("policy.withdraw_waiver", is_person, withdrawer_is_concerned)
permit("policy.draft_policy", is_person, holds_role(*MODEL_RISK, Role.COMPLIANCE))
permit("policy.publish_policy", is_person, holds_role(*MODEL_RISK, Role.COMPLIANCE), publisher_is_someone_else)
permit("policy.request_framework", is_person, holds_role(*MODEL_RISK, Role.COMPLIANCE, Role.ADMINISTRATOR))
permit("policy.confirm_framework", is_person, holds_role(*MODEL_RISK, Role.COMPLIANCE), confirmer_is_someone_else)

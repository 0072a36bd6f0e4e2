"""Conditions on data. The docstring of a condition is the sentence that a refused person reads."""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role_somewhere, is_not_auditor_only
from apps.accounts.queries import roles_anywhere
from apps.core.permissions import permit

STEWARDS = (Role.DATA_STEWARD, Role.PRIVACY_OFFICER)


def answers_for_the_data(user: Any, obj: Any) -> bool:
    """Only the owner of the dataset, a data steward or a privacy officer says what the data hold and what they may serve."""
    return obj.owner_id == user.pk or not roles_anywhere(user).isdisjoint(STEWARDS)


permit(
    "catalog.register_dataset",
    is_not_auditor_only,
    holds_role_somewhere(Role.DATA_STEWARD, Role.PRIVACY_OFFICER, Role.DEVELOPER, Role.MODEL_OWNER, Role.SERVICE),
)
permit("catalog.declare_fields", is_not_auditor_only, answers_for_the_data)
permit("catalog.declare_version", is_not_auditor_only, answers_for_the_data)
permit("catalog.change_terms", is_not_auditor_only, answers_for_the_data)
permit("catalog.record_event", is_not_auditor_only, answers_for_the_data)

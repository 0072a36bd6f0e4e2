"""Who may do what with evidence. Each condition's docstring is the sentence a refused person reads."""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role, is_person
from apps.core.permissions import permit
from apps.registry.permissions import is_not_involved_as

BUILDERS = (Role.DEVELOPER, Role.MODEL_OWNER)
SECOND_LINE = (
    Role.VALIDATOR, Role.REVIEWER, Role.DATA_STEWARD, Role.PRIVACY_OFFICER, Role.RISK_OFFICER, Role.COMPLIANCE, Role.SECURITY,
    Role.HEAD_OF_MODEL_RISK, Role.ACCOUNTABLE_EXECUTIVE,
)  # fmt: skip


def accepter_is_not_the_author(user: Any, evidence: Any) -> bool:
    """Evidence is accepted by someone other than the person who submitted it."""
    return evidence.produced_by_id != user.pk


def withdrawer_is_the_author(user: Any, evidence: Any) -> bool:
    """Only the person or service that submitted an item may withdraw it. Flag it instead, with a reason."""
    return evidence.produced_by_id == user.pk


has_part_in_work = holds_role(*BUILDERS, *SECOND_LINE, Role.SERVICE)
checks_others_work = holds_role(Role.MODEL_OWNER, *SECOND_LINE)

permit("evidence.request_checks", has_part_in_work)
permit("evidence.try_case", is_person, has_part_in_work)
permit("evidence.submit", has_part_in_work)
permit("evidence.attest", is_person, has_part_in_work)
permit("evidence.write_document", is_person, has_part_in_work)
permit(
    "evidence.accept", is_person, checks_others_work, accepter_is_not_the_author,
    is_not_involved_as("registered", "built", "trained"),
)  # fmt: skip
permit("evidence.flag", is_person, holds_role(*BUILDERS, *SECOND_LINE))
permit("evidence.withdraw", withdrawer_is_the_author)

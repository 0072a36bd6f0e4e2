"""Conditions on who is asking. The docstring of a condition is the sentence that a refused person reads."""

from typing import Any

from django.utils.text import capfirst

from apps.accounts.models import Passkey, Role, RoleAssignment, Token, User
from apps.accounts.queries import holds, roles_anywhere, sees_everything
from apps.audit.permissions import READ_EVERYTHING
from apps.core.permissions import Condition, permit

DECIDING_ROLES = frozenset(Role.values) - {Role.DEVELOPER, Role.AUDITOR, Role.ADMINISTRATOR, Role.SERVICE}
"""Roles whose holders sign, validate, confirm or waive."""

SCOPES = (
    "read", "registry:write", "lineage:write", "evidence:write", "workflow:write",
    "gate:ask", "gate:doors", "dossiers:write", "audit:read", "admin",
)  # fmt: skip


def role_names(*roles: str) -> str:
    """The roles as words: "model owner or risk officer"."""
    words = [str(Role(role).label).lower() for role in roles]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def holds_role(*roles: str) -> Condition:
    """A condition: one of these roles, for everything or for the use case of the object (`obj.use_case`)."""

    def holds_role_for_this(user: Any, obj: Any) -> bool:
        return holds(user, *roles, use_case=getattr(obj, "use_case", None))

    holds_role_for_this.__doc__ = (
        f"This needs the role {role_names(*roles)} for this use case or for everything. "
        "An administrator grants roles under Administration."
    )
    holds_role_for_this.code = "ROLE_MISSING"  # type: ignore[attr-defined]
    return holds_role_for_this


def holds_role_somewhere(*roles: str) -> Condition:
    """A condition for objects that belong to no use case: one of these roles, whatever its scope."""

    def holds_role_for_any_use_case(user: Any, obj: Any) -> bool:
        return not roles_anywhere(user).isdisjoint(roles)

    holds_role_for_any_use_case.__doc__ = (
        f"This needs the role {role_names(*roles)}. An administrator grants roles under Administration."
    )
    holds_role_for_any_use_case.code = "ROLE_MISSING"  # type: ignore[attr-defined]
    return holds_role_for_any_use_case


def is_person(user: Any, obj: Any) -> bool:
    """Service accounts never do this, in any configuration. A person signs in and does it."""
    return isinstance(user, User) and user.is_person


def is_not_auditor_only(user: Any, obj: Any) -> bool:
    """Auditors read everything and change nothing."""
    return roles_anywhere(user) != {Role.AUDITOR}


def role_suits_kind(user: Any, obj: RoleAssignment) -> bool | str:
    """Service accounts hold the role service account and no other; people never hold it."""
    return (obj.role == Role.SERVICE) == (not obj.user.is_person)


def administrator_decides_nothing(user: Any, obj: RoleAssignment) -> bool | str:
    """An administrator never holds a role that signs, validates, confirms or waives, and nobody who holds one administers."""
    held = roles_anywhere(obj.user)
    if obj.role in DECIDING_ROLES and obj.user == user:
        name = str(Role(obj.role).label).lower()
        return f"You are an administrator and cannot make yourself {name}. Administrators set up and never decide."
    if obj.role in DECIDING_ROLES and Role.ADMINISTRATOR in held:
        return f"{obj.user} is an administrator, and administrators never decide. End that role first."
    if obj.role == Role.ADMINISTRATOR and held & DECIDING_ROLES:
        names = role_names(*sorted(held & DECIDING_ROLES))
        return f"{capfirst(str(obj.user))} is {names}, and administrators never decide. End that role first."
    return True


def administrator_is_unlimited(user: Any, obj: RoleAssignment) -> bool:
    """The role administrator holds for everything; it cannot be limited to one use case."""
    return obj.role != Role.ADMINISTRATOR or not obj.use_case_slug


def token_is_own_or_of_service(user: Any, obj: Token) -> bool:
    """People issue and revoke their own tokens. An administrator does it for service accounts, and may revoke any."""
    if obj.user == user and obj.user.is_person:
        return True
    is_administrator = holds(user, Role.ADMINISTRATOR)
    return is_administrator and (not obj.user.is_person or not obj._state.adding)


def token_claims_no_more_than_its_user(user: Any, obj: Token) -> bool:
    """The scope admin is only for tokens of administrators."""
    return "admin" not in obj.scopes or holds(obj.user, Role.ADMINISTRATOR)


def verifier_is_someone_else(user: Any, obj: User) -> bool:
    """Identity is verified by a second person: neither the person concerned nor the one who set the password."""
    return user.pk not in {obj.pk, obj.password_set_by_id}


def confirmer_is_someone_else(user: Any, obj: User) -> bool:
    """What an account may do is confirmed by a second person, not by the one who holds it."""
    return bool(user.pk != obj.pk)


def passkey_is_own(user: Any, obj: Passkey) -> bool:
    """A passkey is ended by its holder, or by an administrator."""
    return obj.user_id == user.pk or holds(user, Role.ADMINISTRATOR)


def approver_is_someone_else(user: Any, obj: User) -> bool:
    """Erasing a person is done and approved by others than the person."""
    return bool(user.pk != obj.pk)


def sees_every_use_case(user: Any, obj: Any) -> bool:
    """The whole log is read by people whose role is not limited to some use cases."""
    return sees_everything(user)


# The log stands below the roles and asks for this name without knowing who holds it.
permit(READ_EVERYTHING, sees_every_use_case)
permit("accounts.manage_users", is_person, holds_role(Role.ADMINISTRATOR))
permit(
    "accounts.grant_role",
    is_person,
    holds_role(Role.ADMINISTRATOR),
    role_suits_kind,
    administrator_decides_nothing,
    administrator_is_unlimited,
)
permit("accounts.revoke_role", is_person, holds_role(Role.ADMINISTRATOR))
permit("accounts.issue_token", is_person, token_is_own_or_of_service, token_claims_no_more_than_its_user)
permit("accounts.revoke_token", is_person, token_is_own_or_of_service)
permit(
    "accounts.verify_identity",
    is_person,
    holds_role(Role.ADMINISTRATOR, Role.HEAD_OF_MODEL_RISK, Role.COMPLIANCE),
    verifier_is_someone_else,
)
permit(
    "accounts.confirm_rights",
    is_person,
    holds_role(Role.ADMINISTRATOR, Role.HEAD_OF_MODEL_RISK, Role.COMPLIANCE),
    confirmer_is_someone_else,
)
permit("accounts.revoke_passkey", is_person, passkey_is_own)
permit(
    "accounts.erase_person",
    is_person,
    holds_role(Role.ADMINISTRATOR, Role.PRIVACY_OFFICER),
    approver_is_someone_else,
)
permit(
    "accounts.approve_erasure",
    is_person,
    holds_role(Role.PRIVACY_OFFICER, Role.COMPLIANCE, Role.ADMINISTRATOR),
    approver_is_someone_else,
)
permit(
    "accounts.decline_erasure",
    is_person,
    holds_role(Role.PRIVACY_OFFICER, Role.COMPLIANCE, Role.ADMINISTRATOR),
    approver_is_someone_else,
)
permit(
    "accounts.set_organisation_fact",
    is_person,
    holds_role(Role.ADMINISTRATOR, Role.RISK_OFFICER, Role.COMPLIANCE, Role.HEAD_OF_MODEL_RISK),
)

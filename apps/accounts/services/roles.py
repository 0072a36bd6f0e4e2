"""Granting and ending roles. A role change never touches what a person already did: involvement stays."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Role, RoleAssignment, User
from apps.audit.services import record
from apps.core import moment
from apps.core.errors import Conflict, Invalid, WrongState
from apps.core.permissions import authorise


@transaction.atomic
def grant_role(
    user: User, *, role: str, use_case_slug: str = "", ends_at: datetime | None = None, reason: str = "", actor: User
) -> RoleAssignment:
    """Give a user a role, for everything or for one use case, until an end."""
    if role not in Role.values:
        raise Invalid(f"There is no role {role!r}. Roles: {', '.join(Role.values)}.")
    user = User.objects.locked(user.pk)
    assignment = RoleAssignment(
        user=user, role=role, use_case_slug=use_case_slug, ends_at=ends_at, reason=reason, granted_by=actor
    )
    authorise(actor, "accounts.grant_role", assignment)
    if not user.is_active:
        raise WrongState(f"{user} is deactivated and holds no roles. Reactivate the account first.")
    if ends_at is not None and ends_at <= timezone.now():
        raise Invalid(f"The end, {moment.in_words(ends_at)}, has passed already.")
    earlier = user.assignments.filter(role=role, use_case_slug=use_case_slug, revoked_at__isnull=True).first()
    if earlier is not None and earlier.is_current:
        raise Conflict(f"{user} holds this role already. End it first to change its end.")
    if earlier is not None:
        earlier.revoked_at, earlier.revoked_by = timezone.now(), actor
        earlier.save(update_fields=["revoked_at", "revoked_by"])
    assignment.save()
    granted = {"role": role, "use_case": use_case_slug, "ends_at": ends_at.isoformat() if ends_at else None}
    record(actor, "accounts.role_granted", user, data={**granted, "assignment": str(assignment.pk)}, reason=reason)
    return assignment


@transaction.atomic
def revoke_role(assignment: RoleAssignment, *, reason: str = "", actor: User) -> RoleAssignment:
    """End a role now. The last administrator keeps theirs."""
    assignment = RoleAssignment.objects.locked(assignment.pk)
    authorise(actor, "accounts.revoke_role", assignment)
    if assignment.revoked_at is not None:
        raise WrongState("This role was ended before.")
    if assignment.role == Role.ADMINISTRATOR:
        require_another_administrator(assignment.user)
    assignment.revoked_at, assignment.revoked_by = timezone.now(), actor
    assignment.save(update_fields=["revoked_at", "revoked_by"])
    ended = {"role": assignment.role, "use_case": assignment.use_case_slug, "assignment": str(assignment.pk)}
    record(actor, "accounts.role_revoked", assignment.user, data=ended, reason=reason)
    return assignment


def require_another_administrator(user: User) -> None:
    """Raise WrongState when this user is the only one left who can administer without an end in sight."""
    others = (
        RoleAssignment.objects.select_for_update(of=("self",)).current().filter(~Q(user=user), role=Role.ADMINISTRATOR)
    )
    if not others.filter(ends_at__isnull=True).exists():
        raise WrongState(f"{user} is the last administrator. Make someone else administrator first.")

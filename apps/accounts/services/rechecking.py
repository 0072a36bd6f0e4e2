"""Confirming, from time to time, that an account is still needed with the roles it holds (21 CFR 11.300(b))."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.rechecks import rights_of
from apps.audit.services import record
from apps.core.errors import Conflict, WrongState
from apps.core.permissions import authorise


@transaction.atomic
def confirm_rights(user: User, *, seen: Sequence[str], reason: str, actor: User) -> User:
    """A second person has made sure that this account still needs these roles. Conflict when it holds others by now."""
    user = User.objects.locked(user.pk)
    authorise(actor, "accounts.confirm_rights", user)
    if not user.is_active:
        raise WrongState(f"{user} is deactivated and may do nothing.")
    held = rights_of(user)
    if sorted(seen) != held:
        now = ", ".join(held) or "none"
        sentence = f"The roles changed while you were reading. They are now: {now}. Look again, then confirm."
        raise Conflict(sentence, code="ROLES_CHANGED", rights=held)
    user.rights_confirmed_by, user.rights_confirmed_at = actor, timezone.now()
    user.save(update_fields=["rights_confirmed_by", "rights_confirmed_at"])
    record(actor, "accounts.rights_confirmed", user, data={"rights": held}, reason=reason)
    return user

"""What erasing a person would take away and what it leaves, before anybody asks for it; and the requests there are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import Erasure, Passkey, PersonalValue, Reauthentication, Token, User
from apps.accounts.queries import sees_everything
from apps.core.errors import NotFound

RETAINED_FOR = timedelta(days=3653)
"""Ten years from the last signature: Regulation (EU) 2024/1689 Art. 18; 21 CFR 11.10(c), 11.50."""


def signatures_of(user: User) -> QuerySet[Reauthentication]:
    """The proofs of identity with which this person signed."""
    rows: QuerySet[Reauthentication] = Reauthentication.objects.filter(user=user, used_at__isnull=False)
    return rows.filter(bound_to__startswith="sha256:")


def retained_until(user: User) -> datetime | None:
    """Until when the printed name has to be kept because the person signed; None when it never did."""
    last = signatures_of(user).order_by("-used_at").values_list("used_at", flat=True).first()
    return last + RETAINED_FOR if last else None


@dataclass(frozen=True)
class Preview:
    """Counts behind the sentences of the page: what becomes unreadable, what ends, what stays."""

    names: int
    signatures: int
    passkeys: int
    tokens: int
    roles: int
    kept_until: datetime | None


def preview(user: User) -> Preview:
    """What erasing this person would do now."""
    return Preview(
        names=PersonalValue.objects.filter(user=user).count(),
        signatures=signatures_of(user).count(),
        passkeys=Passkey.objects.filter(user=user).count(),
        tokens=Token.objects.usable().filter(user=user).count(),
        roles=user.assignments.current().count(),
        kept_until=retained_until(user),
    )


def erasures_for(user: Any) -> QuerySet[Erasure]:
    """Requests that this user may see: all for those who see everything."""
    rows: QuerySet[Erasure] = Erasure.objects.select_related("person", "requested_by", "decided_by")
    return rows if sees_everything(user) else rows.none()


def erasure_for(user: Any, key: Any) -> Erasure:
    """One request. Raises NotFound."""
    found = erasures_for(user).filter(pk=key).first()
    if found is None:
        raise NotFound("There is no such request, or you may not see it.")
    return found

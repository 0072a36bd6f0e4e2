"""Accounts whose holder or whose roles nobody confirmed for long (21 CFR 11.300(b)): which, and since when."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.queries import users_for


def confirmed_since() -> datetime | None:
    """What was confirmed before this moment is to be confirmed again; None where nobody is asked to."""
    days = settings.ACCOUNT_RECHECK_DAYS
    return timezone.now() - timedelta(days=days) if days > 0 else None


def rights_of(user: User) -> list[str]:
    """The roles that hold now, as words that can be compared: "validator", or "validator for retail-credit"."""
    held = [row for row in user.assignments.all() if row.is_current]
    return sorted(f"{row.role} for {row.use_case_slug}" if row.use_case_slug else row.role for row in held)


def with_confirmations(rows: QuerySet[User]) -> QuerySet[Any]:
    """Accounts with `identity_is_due`, `rights_are_due` and `quiet_since`, the older of the two confirmations.

    Who never was confirmed counts from the day the account was made. A service account has no identity to confirm.
    """
    limit, person = confirmed_since(), Q(kind=User.Kind.PERSON)
    rows = rows.annotate(
        identity_seen=Coalesce("identity_verified_at", "created_at"),
        rights_seen=Coalesce("rights_confirmed_at", "created_at"),
    )
    if limit is None:
        never = Value(False, BooleanField())
        return rows.annotate(
            identity_is_due=never, rights_are_due=never, quiet_since=Least("identity_seen", "rights_seen")
        )
    return rows.annotate(
        identity_is_due=_flag(person & Q(identity_seen__lt=limit)),
        rights_are_due=_flag(Q(rights_seen__lt=limit)),
        quiet_since=Least("identity_seen", "rights_seen"),
    )


def _flag(condition: Q) -> Any:
    return ExpressionWrapper(condition, output_field=BooleanField())


def accounts_to_confirm(user: Any) -> QuerySet[Any]:
    """Active accounts whose identity or roles are to be confirmed again, among those that this user may see."""
    return due_among(users_for(user).select_related("rights_confirmed_by"))


def due_among(rows: QuerySet[User]) -> QuerySet[Any]:
    """Those of these accounts that are active and to be confirmed again."""
    return with_confirmations(rows.filter(is_active=True)).filter(Q(identity_is_due=True) | Q(rights_are_due=True))

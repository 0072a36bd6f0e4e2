"""How old a password may be, and which ones are over (21 CFR 11.300(b)): a setting of the installation, off unless somebody turns it on.

NIST SP 800-63B advises against changing passwords by the calendar; docs/trust.md says what is done instead.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable
from django.utils import timezone

from apps.accounts.models import FormerPassword, User
from apps.core import moment
from apps.core.errors import NotAllowed

REMEMBERED = 5


def ends_at(user: User) -> datetime | None:
    """When the password of this person gets too old; None where passwords have no age, or there is none."""
    if settings.PASSWORD_MAX_AGE_DAYS <= 0 or not user.has_usable_password():
        return None
    return (user.password_changed_at or user.created_at) + timedelta(days=settings.PASSWORD_MAX_AGE_DAYS)


def refusal(user: User) -> NotAllowed | None:
    """Why this password opens and signs nothing any more, or None."""
    end = ends_at(user)
    if end is None or end > timezone.now():
        return None
    sentence = (
        f"This password got too old on {moment.day_in_words(end)}: here passwords are changed every {settings.PASSWORD_MAX_AGE_DAYS} days. "
        "Until you change it, it opens and signs nothing."
    )
    return NotAllowed(sentence, code="PASSWORD_TOO_OLD")


def was_had(user: User, password: str) -> bool:
    """Whether this is the password of now or, while passwords have an age, one of the last five before it."""
    if user.has_usable_password() and user.check_password(password):
        return True
    if settings.PASSWORD_MAX_AGE_DAYS <= 0 or user._state.adding:
        return False
    return any(check_password(password, former.encoded) for former in _newest(user))


def remember(user: User, encoded: str) -> None:
    """Keep the hash of a password that ended, and no more than five of one person; none while passwords have no age."""
    rows = FormerPassword.objects.filter(user=user)
    if settings.PASSWORD_MAX_AGE_DAYS <= 0:
        rows.delete()
        return
    if encoded and is_password_usable(encoded):
        FormerPassword.objects.create(user=user, encoded=encoded)
    rows.exclude(pk__in=[row.pk for row in _newest(user)]).delete()


def _newest(user: User) -> list[FormerPassword]:
    return list(FormerPassword.objects.filter(user=user).order_by("-created_at", "-pk")[:REMEMBERED])

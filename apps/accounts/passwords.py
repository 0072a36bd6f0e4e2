"""How old a password may be (21 CFR 11.300(b)): a setting of the installation, off unless somebody turns it on.

NIST SP 800-63B advises against changing passwords by the calendar; docs/trust.md says what is done instead.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.core import moment
from apps.core.errors import NotAllowed


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

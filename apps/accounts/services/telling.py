"""Mail about things that a person should know of although they did not do them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail

from apps.accounts.models import Role, User
from apps.accounts.queries import people_with


def tell_signing_locked(user: Any, *, until: str) -> int:
    """Tell the person, and who administers, that signing is locked. How many were written to; no mail without EMAIL_URL."""
    person = User.objects.get(pk=user)
    at = datetime.fromisoformat(until)
    text = (
        f"Somebody failed five times to confirm to be {person.username} when signing. Signing is locked until {at:%H:%M} UTC "
        "and nothing was signed. If that was not you, change your password and tell an administrator.\n\n"
        f"{settings.BASE_URL}/profile/"
    )
    people = [person, *people_with(Role.ADMINISTRATOR)]
    addresses = sorted({one.email for one in people if one.email})
    for address in addresses:
        send_mail("Imprimatur: signing is locked", text, None, [address])
    return len(addresses)

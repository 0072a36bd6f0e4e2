"""Mail about things that a person should know of although they did not do them."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.accounts.queries import people_with
from apps.accounts.rechecks import due_among
from apps.audit.models import Entry
from apps.audit.services import record, system
from apps.core import jobs
from apps.core.models import Job, JobState

CONFIRMING = (Role.ADMINISTRATOR, Role.HEAD_OF_MODEL_RISK, Role.COMPLIANCE)
TOLD_AGAIN_AFTER = timedelta(days=30)
MOST_NAMED = 20
TELLING = "accounts.tell_accounts_due"
TOLD = "accounts.accounts_due_told"


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


def accounts_due() -> list[str]:
    """Printed names of all accounts that are to be confirmed again, the longest unconfirmed first."""
    rows = due_among(User.objects.all()).order_by("quiet_since", "username")
    return list(rows.values_list("printed_name", flat=True))


def plan_telling_accounts_due() -> Job | None:
    """The job that writes about accounts to confirm, where mail can be sent, some are due, and none was sent for 30 days."""
    if (
        not settings.EMAIL_URL
        or Job.objects.filter(task=TELLING, state__in=[JobState.WAITING, JobState.RUNNING]).exists()
    ):
        return None
    told = Entry.objects.filter(verb=TOLD, subject="organisation:self", at__gt=timezone.now() - TOLD_AGAIN_AFTER)
    if told.exists() or not due_among(User.objects.all()).exists():
        return None
    return jobs.enqueue(TELLING, subject="organisation:self", by=None)


def tell_accounts_due() -> int:
    """Write to those who confirm accounts which are due, and where they are confirmed. How many were written to; an entry."""
    names = accounts_due()
    addresses = sorted({one.email for role in CONFIRMING for one in people_with(role) if one.email})
    if not names or not addresses:
        return 0
    listed = "\n".join(names[:MOST_NAMED])
    more = f"\nand {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    text = (
        f"Nobody has confirmed these accounts for {settings.ACCOUNT_RECHECK_DAYS} days or longer. They go on working. Somebody who "
        "administers accounts confirms who holds them and that their roles are still needed, or ends them.\n\n"
        f"{listed}{more}\n\n{settings.BASE_URL}/admin/accounts-to-confirm/\n\n"
        "This is sent once in 30 days at most, as long as there is something to confirm."
    )
    for address in addresses:
        send_mail(f"Imprimatur: accounts to confirm ({len(names)})", text, None, [address])
    with transaction.atomic():
        told = {"accounts": str(len(names)), "told": str(len(addresses))}
        record(system("accounts"), TOLD, "organisation:self", data=told)
    return len(addresses)

"""Erasing a person by two people at the screen: one asks, a second one confirms or declines. The erasing itself is `erase_person`."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import Erasure, User
from apps.accounts.services.personal import erase_person, require_approver, require_erasable, require_nameless
from apps.audit.services import record
from apps.core.errors import Conflict, Invalid, NotAllowed, WrongState
from apps.core.permissions import Refusal, authorise


@transaction.atomic
def request_erasure(user: User, *, basis: str, reason: str, actor: User) -> Erasure:
    """Ask that a person is erased. Refused at once where it could not be done; nothing is erased yet."""
    authorise(actor, "accounts.erase_person", user)
    user = User.objects.locked(user.pk)
    require_erasable(user, basis)
    require_nameless(user, reason)
    try:
        with transaction.atomic():
            erasure: Erasure = Erasure.objects.create(person=user, basis=basis, reason=reason, requested_by=actor)
    except IntegrityError as twice:
        raise Conflict("Somebody has asked for this already, and a second person is awaited.") from twice
    details = {"erasure": str(erasure.pk), "basis": basis}
    record(actor, "accounts.erasure_requested", user, data=details, reason=reason)
    return erasure


@transaction.atomic
def confirm_erasure(erasure: Erasure, *, username: str, actor: User) -> Erasure:
    """A second person confirms, and the person is erased now. `username` is typed again, so that it is the right one.

    Both rights are asked for at this moment: who asked may still erase, who confirms may approve.
    """
    erasure = _open(erasure)
    require_approver(erasure.person, actor, erasure.requested_by)
    if username.casefold() != erasure.person.username.casefold():
        sentence = "This is not the user name of the person whom the request is about. Nobody was erased."
        raise Invalid(errors=[{"pointer": "/username", "code": "OTHER_PERSON", "detail": sentence}])
    record(actor, "accounts.erasure_confirmed", erasure.person, data={"erasure": str(erasure.pk)})
    erase_person(erasure.person, basis=erasure.basis, reason=erasure.reason, approver=actor, actor=erasure.requested_by)
    return _decide(erasure, Erasure.State.ERASED, actor)


def confirmation_refusals(erasure: Erasure, actor: User) -> list[Refusal]:
    """Why this person may not confirm, for the page; empty when they may."""
    try:
        require_approver(erasure.person, actor, erasure.requested_by)
    except NotAllowed as refused:
        return list(refused.refusals)
    return []


@transaction.atomic
def decline_erasure(erasure: Erasure, *, reason: str, actor: User) -> Erasure:
    """Say no to a request, or take back one's own. The person stays; the reason is in the log."""
    erasure = _open(erasure)
    authorise(actor, "accounts.decline_erasure", erasure.person)
    details = {"erasure": str(erasure.pk)}
    record(actor, "accounts.erasure_declined", erasure.person, data=details, reason=reason)
    return _decide(erasure, Erasure.State.DECLINED, actor)


def _open(erasure: Erasure) -> Erasure:
    found: Erasure = Erasure.objects.select_related("person", "requested_by").locked(erasure.pk)
    if found.state != Erasure.State.OPEN:
        raise WrongState(f"This request was decided before: {found.get_state_display().lower()}.")
    return found


def _decide(erasure: Erasure, state: Any, actor: User) -> Erasure:
    erasure.state, erasure.decided_by, erasure.decided_at = state, actor, timezone.now()
    erasure.save(update_fields=["state", "decided_by", "decided_at"])
    erasure.person.refresh_from_db()
    return erasure

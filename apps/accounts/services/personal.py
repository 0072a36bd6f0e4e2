"""Names in records: committed to, kept under one key for each person, and erased by deleting that key."""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts import commitments
from apps.accounts.erased import come_back, listed
from apps.accounts.erasures import retained_until
from apps.accounts.models import (
    Erasure,
    FormerPassword,
    Passkey,
    PersonalKey,
    PersonalValue,
    Role,
    RoleAssignment,
    Token,
    User,
)
from apps.accounts.permissions import approver_is_someone_else
from apps.accounts.services.roles import require_another_administrator
from apps.audit.services import record, system
from apps.core import moment
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.permissions import Refusal, authorise

PRINTED_NAME = "printed_name"
OVERRIDING = frozenset({Erasure.Basis.COURT_ORDER, Erasure.Basis.AUTHORITY_ORDER})


def commit_name(user: User) -> str:
    """The commitment to the name of this person as it is printed now; one for each person and name. In a transaction."""
    holder, _made = PersonalKey.objects.select_for_update().get_or_create(
        user=user, defaults={"key": commitments.new_key()}
    )
    key = bytes(holder.key)
    for row in PersonalValue.objects.filter(user=user, kind=PRINTED_NAME).order_by("-created_at"):
        opening = commitments.unseal(bytes(row.sealed), key, row.commitment)
        if opening is not None and opening.value == user.printed_name:
            return str(row.commitment)
    opening = commitments.commit(user.printed_name)
    sealed = commitments.seal(opening, key)
    PersonalValue.objects.create(user=user, kind=PRINTED_NAME, commitment=opening.commitment, sealed=sealed)
    return opening.commitment


@transaction.atomic
def erase_person(user: User, *, basis: str, reason: str, approver: User, actor: Any) -> User:
    """Delete the key that opens every commitment to this person, and everything else that names them. There is no way back.

    Records, digests and proofs stay as they are. Refused while signatures of the person have to name them, unless the basis is
    an order. `actor` is the person who erases, or the command line; `approver` is a second one.
    """
    if isinstance(actor, User):
        authorise(actor, "accounts.erase_person", user)
    require_approver(user, approver, actor)
    user = User.objects.locked(user.pk)
    require_erasable(user, basis)
    require_nameless(user, reason)
    lost = PersonalValue.objects.filter(user=user).count()
    ended = list(Passkey.objects.usable().filter(user=user))
    forget(user)
    for passkey in ended:
        record(actor, "accounts.passkey_revoked", passkey, data={"user": user.audit_ref})
    details = {"basis": basis, "approver": approver.audit_ref, "values": str(lost)}
    record(actor, "accounts.person_erased", user, data=details, reason=reason)
    return user


def require_approver(user: User, approver: User, actor: Any) -> None:
    """Raise NotAllowed unless a second person who may approve an erasure does so."""
    if not approver_is_someone_else(approver, user) or approver.pk == getattr(actor, "pk", None):
        sentence = (
            "Erasing a person is approved by a second person, who is neither the one concerned nor the one who erases."
        )
        raise NotAllowed(refusals=[Refusal("APPROVER_IS_SOMEONE_ELSE", sentence)])
    authorise(approver, "accounts.approve_erasure", user)


def require_erasable(user: User, basis: str) -> None:
    """Raise WrongState with the basis on which the name has to stay, or when there is nothing to erase; Invalid for no basis."""
    if basis not in Erasure.Basis.values:
        sentence = f"The basis is one of {', '.join(Erasure.Basis.values)}."
        raise Invalid(errors=[{"pointer": "/basis", "code": "UNKNOWN_BASIS", "detail": sentence}])
    if user.erased_at is not None:
        raise WrongState(f"{user} was erased on {moment.day_in_words(user.erased_at)}.", code="ERASED_BEFORE")
    if not user.is_person:
        raise WrongState("A service account names nobody.", code="IS_PERSON")
    if user.assignments.current().filter(role=Role.ADMINISTRATOR).exists():
        require_another_administrator(user)
    until = retained_until(user)
    if until is not None and until > timezone.now() and basis not in OVERRIDING:
        raise WrongState(
            "This person signed records that have to name their signer (21 CFR 11.50; Regulation (EU) 2024/1689 Art. 18), so the "
            f"name stays until {moment.day_in_words(until)}: GDPR Art. 17(3)(b), legal obligation. Erase it then, or on the order of a "
            "court or of a supervisory authority.",
            code="RETAINED",
            retained_until=until.date().isoformat(),
        )


def require_nameless(user: User, reason: str) -> None:
    """Raise Invalid when a reason names the person whom it is about: it would outlive the erasure."""
    said = reason.casefold()
    if any(name and name.casefold() in said for name in (user.printed_name, user.username, user.email)):
        sentence = "The reason names the person. It stays in the log for ever: give the number of the request instead."
        raise Invalid(errors=[{"pointer": "/reason", "code": "NAMES_THE_PERSON", "detail": sentence}])


def forget(user: User) -> None:
    """Delete the key and all that names the person; the account stays, closed, under a name that names nobody."""
    delete_keys([user])
    now, tag = timezone.now(), user.pk.hex[-4:]
    user.printed_name, user.username, user.email = f"Erased person {tag}", f"erased-{user.pk.hex}", ""
    user.set_unusable_password()
    user.is_active, user.erased_at, user.deactivated_at = False, now, user.deactivated_at or now
    user.save()
    for table in (EmailAddress, SocialAccount, Authenticator):
        table.objects.filter(user=user).delete()
    FormerPassword.objects.filter(user=user).delete()
    Passkey.objects.usable().filter(user=user).update(revoked_at=now)
    Passkey.objects.filter(user=user).update(name="")
    Token.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=now)
    RoleAssignment.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=now)
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def delete_keys(users: Iterable[User]) -> int:
    """Delete the keys and sealed values of these people; the database lets nobody else do it. How many keys there were."""
    count = 0
    with connection.cursor() as cursor:
        for user in users:
            cursor.execute("SELECT set_config('imprimatur.erasing', %s, true)", [str(user.pk)])
            PersonalValue.objects.filter(user=user).delete()
            count += PersonalKey.objects.filter(user=user).delete()[0]
        cursor.execute("SELECT set_config('imprimatur.erasing', '', true)")
    return count


@transaction.atomic
def repeat_erasures() -> list[User]:
    """After a backup was restored: erase again everybody whom the log, or the list beside its key, says was erased.

    Answers with whom the backup had back; each is told in the log, which may have lost the entry of the erasure.
    """
    back = come_back()
    first = listed()
    for user in back:
        lost = PersonalValue.objects.filter(user=user).count()
        ended = list(Passkey.objects.usable().filter(user=user))
        forget(user)
        for passkey in ended:
            record(system("restore"), "accounts.passkey_revoked", passkey, data={"user": user.audit_ref})
        details = {"values": str(lost), "entry": first.get(str(user.pk), {}).get("entry", "")}
        record(system("restore"), "accounts.erasure_repeated", user, data=details)
    return back

"""Proving again who one is, immediately before signing, for exactly the digest that is signed.

21 CFR 11.200(a) asks for two components (user name and password); every signature asks for all of them again, and for the
one-time code too once it is enrolled. 11.300(b): a password past its age proves nothing. 11.300(d): every failure is an entry in
the log, and five lock signing.
"""

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone

from apps.accounts import passwords
from apps.accounts.models import FailedReauthentication, Reauthentication, User
from apps.audit.services import record
from apps.core import jobs
from apps.core.errors import NotAllowed

ATTEMPTS = 5
LOCKED_FOR = timedelta(minutes=15)
VALID_FOR = timedelta(seconds=120)


def reauthenticate(user: User, *, password: str, bound_to: str, code: str = "", session: str = "") -> Reauthentication:
    """Check password (and one-time code where enrolled) for signing `bound_to`. Raises NotAllowed with a sentence.

    Call it before the transaction that signs, never inside: a failure is committed before it is raised, so that it counts
    even though nothing is signed. The signing service then calls `consume_reauthentication` inside its transaction.
    """
    with transaction.atomic(durable=True):
        user = User.objects.locked(user.pk)
        refused = standing_refusal(user) or passwords.refusal(user)
        if refused is None:
            method, refused = check(user, password, code)
            if refused is None:
                return remember_success(user, method, bound_to, session=session)
            refused = remember_failure(user, method, refused)
    raise refused


def standing_refusal(user: User) -> NotAllowed | None:
    """Why this user may not even try to sign, or None."""
    if not user.is_active:
        return NotAllowed("This account is deactivated and signs nothing.", code="ACCOUNT_DEACTIVATED")
    if not user.is_person:
        return NotAllowed("Service accounts never sign, in any configuration.", code="IS_PERSON")
    if user.identity_verified_at is None:
        sentence = (
            "Nobody has verified yet who holds this account, so it signs nothing. A second person does it under "
            "Administration: an administrator, the head of model risk or compliance, not who set the password."
        )
        return NotAllowed(sentence, code="IDENTITY_NOT_VERIFIED")
    if user.signing_suspended_at is not None:
        sentence = (
            "Signing is suspended, because an administrator set this password. "
            "A second person verifies the identity under Administration, then it works again."
        )
        return NotAllowed(sentence, code="IDENTITY_NOT_VERIFIED")
    if until := signing_locked_until(user):
        sentence = f"Signing is locked until {until:%H:%M} UTC after {ATTEMPTS} failed attempts. Nothing was signed."
        return NotAllowed(sentence, code="SIGNING_LOCKED")
    return None


def signing_obstacle(user: User) -> str:
    """Why this person cannot sign at all now, as a sentence; empty when they can."""
    refused = standing_refusal(user)
    return str(refused.detail) if refused else ""


def signing_locked_until(user: User) -> datetime | None:
    """When the lock ends, or None when signing is not locked."""
    failures = FailedReauthentication.objects.filter(user=user).order_by("-created_at")
    last_success = Reauthentication.objects.filter(user=user).order_by("-created_at").first()
    if last_success is not None:
        failures = failures.filter(created_at__gt=last_success.created_at)
    times = list(failures.values_list("created_at", flat=True)[:ATTEMPTS])
    if len(times) < ATTEMPTS or times[0] - times[-1] > LOCKED_FOR:
        return None
    until = times[0] + LOCKED_FOR
    return until if until > timezone.now() else None


def signing_method(user: User) -> str:
    """How this person proves who they are without a passkey: with the one-time code too once it is enrolled."""
    has_code = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    return Reauthentication.Method.PASSWORD_AND_CODE if has_code else Reauthentication.Method.PASSWORD


def check(user: User, password: str, code: str) -> tuple[str, NotAllowed | None]:
    """The method that was used, and the refusal when a component is wrong."""
    enrolled = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    method = Reauthentication.Method.PASSWORD_AND_CODE if enrolled else Reauthentication.Method.PASSWORD
    is_right = user.check_password(password)
    if enrolled and is_right and not code:
        return method, NotAllowed(
            "Signing also needs the one-time code of your authenticator app.", code="CODE_MISSING"
        )
    if enrolled:
        is_right = enrolled.wrap().validate_code(code) and is_right
    if is_right:
        return method, None
    words = "The password or the one-time code is not right" if enrolled else "The password is not right"
    return method, NotAllowed(f"{words}. Nothing was signed.", code="REAUTHENTICATION_FAILED")


def remember_success(
    user: User, method: str, bound_to: str, *, session: str = "", assertion: dict[str, str] | None = None
) -> Reauthentication:
    """A single-use proof for this digest in this session."""
    proof = Reauthentication.objects.create(
        user=user,
        bound_to=bound_to,
        session=session,
        method=str(method),
        assertion=assertion,
        expires_at=timezone.now() + VALID_FOR,
    )
    details = {"method": proof.method, "bound_to": bound_to, "proof": str(proof.pk)}
    record(user, "accounts.reauthenticated", user, data=details)
    return proof


def remember_failure(user: User, method: str, refused: NotAllowed) -> NotAllowed:
    """Count the failure and put it into the log; the refusal that comes back says so when signing is locked by it."""
    FailedReauthentication.objects.create(user=user, method=str(method))
    record(user, "accounts.reauthentication_failed", user, data={"method": str(method), "code": refused.code})
    until = signing_locked_until(user)
    if until is None:
        return refused
    record(user, "accounts.signing_locked", user, data={"until": until.isoformat()})
    jobs.enqueue("accounts.tell_signing_locked", subject=user.subject, by=user, until=until.isoformat())
    return NotAllowed(f"{refused.detail} Signing is now locked until {until:%H:%M} UTC.", code=refused.code)


def consume_reauthentication(
    proof: Reauthentication, *, actor: User, bound_to: str, session: str = ""
) -> Reauthentication:
    """Use the proof up inside the transaction that signs.

    Refuses another person, another session, another digest, a second use, an old one.
    """
    proof = Reauthentication.objects.locked(proof.pk)
    if proof.user_id != actor.pk or proof.bound_to != bound_to or proof.session != session:
        raise NotAllowed(
            "You confirmed your identity for something else than this. Sign again.", code="PROOF_FOR_OTHER"
        )
    if proof.used_at is not None:
        raise NotAllowed("This confirmation of your identity was used before. Sign again.", code="PROOF_USED")
    if proof.expires_at <= timezone.now():
        raise NotAllowed(
            "More than two minutes passed since you confirmed your identity. Sign again.", code="PROOF_OLD"
        )
    proof.used_at = timezone.now()
    proof.save(update_fields=["used_at"])
    return proof

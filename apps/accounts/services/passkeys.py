"""Enrolling and ending passkeys, and proving by one who is signing: the challenge is the digest of what is signed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import passkeys
from apps.accounts.models import Passkey, Reauthentication, SigningChallenge, User
from apps.accounts.passkeys import BadPasskey, RelyingParty
from apps.accounts.services.signing import (
    VALID_FOR,
    consume_reauthentication,
    reauthenticate,
    remember_failure,
    remember_success,
    standing_refusal,
)
from apps.audit.services import record
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import digest_of
from apps.core.permissions import authorise

KEPT_FOR = timedelta(days=1)
METHOD = Reauthentication.Method.PASSKEY
MOST_PASSKEYS = 20


@dataclass(frozen=True)
class PasskeyAnswer:
    """What a browser answered to a challenge, and on which page."""

    challenge: Any
    response: Any
    party: RelyingParty


def enrol_passkey(
    user: User,
    *,
    name: str,
    answer: Any,
    state: dict[str, Any],
    party: RelyingParty,
    password: str,
    code: str = "",
    session: str = "",
) -> Passkey:
    """Add a passkey to one's own account. Asks for password and code again, and stands in the log with its public key."""
    require_passkeys_work(party)
    bound_to = f"passkey:{state.get('challenge', '')}"
    proof = reauthenticate(user, password=password, code=code, bound_to=bound_to, session=session)
    try:
        found = passkeys.read_enrolment(answer, state, party)
    except BadPasskey as wrong:
        sentence = f"The answer of the authenticator cannot be used: {wrong} Nothing was added. Try again."
        raise Invalid(errors=[{"pointer": "/answer", "code": "BAD_PASSKEY", "detail": sentence}]) from wrong
    with transaction.atomic():
        user = User.objects.locked(user.pk)
        consume_reauthentication(proof, actor=user, bound_to=bound_to, session=session)
        return keep_passkey(user, found, name=name, party=party)


def keep_passkey(user: User, found: Any, *, name: str, party: RelyingParty) -> Passkey:
    """The row and the entry of a new passkey. In a transaction, the user is locked."""
    credential = found.credential_data
    credential_id = passkeys.base64_of(credential.credential_id)
    if Passkey.objects.filter(credential_id=credential_id).exists():
        raise WrongState("This passkey is enrolled already.", code="ENROLLED_BEFORE")
    if Passkey.objects.usable().filter(user=user).count() >= MOST_PASSKEYS:
        raise WrongState(f"There are {MOST_PASSKEYS} passkeys on this account. End one first.", code="TOO_MANY")
    passkey = Passkey.objects.create(
        user=user,
        name=name.strip()[:100],
        credential_id=credential_id,
        algorithm=passkeys.ALGORITHMS[credential.public_key[3]],
        public_key=passkeys.base64_of(passkeys.spki(credential.public_key)),
        credential=bytes(credential),
        rp_id=party.id,
        counter=found.counter,
    )
    facts = {
        "credential_id": credential_id,
        "algorithm": passkey.algorithm,
        "public_key": passkey.public_key,
        "rp_id": party.id,
        "origin": party.origin,
        "aaguid": bytes(credential.aaguid).hex(),
    }
    record(user, "accounts.passkey_enrolled", passkey, data=facts)
    return passkey


@transaction.atomic
def revoke_passkey(passkey: Passkey, *, reason: str = "", actor: User) -> Passkey:
    """End a passkey now. Signatures made with it keep holding."""
    passkey = Passkey.objects.locked(passkey.pk)
    authorise(actor, "accounts.revoke_passkey", passkey)
    if passkey.revoked_at is None:
        passkey.revoked_at = timezone.now()
        passkey.save(update_fields=["revoked_at"])
        record(actor, "accounts.passkey_revoked", passkey, data={"user": passkey.user.audit_ref}, reason=reason)
    return passkey


def require_passkeys_work(party: RelyingParty) -> None:
    """Raise WrongState where browsers offer no passkeys."""
    if party.obstacle:
        raise WrongState(party.obstacle, code="NO_PASSKEY_HERE")


@transaction.atomic
def open_challenge(user: User, *, payload: dict[str, Any], session: str, party: RelyingParty) -> SigningChallenge:
    """Keep a payload for two minutes until a passkey of this person, in this session, has signed its digest."""
    require_passkeys_work(party)
    if refused := standing_refusal(user):
        raise refused
    if not Passkey.objects.usable().filter(user=user, rp_id=party.id).exists():
        sentence = f"You have no passkey for {party.id}. Enrol one on your profile page, or sign with your password."
        raise WrongState(sentence, code="NO_PASSKEY")
    now = timezone.now()
    SigningChallenge.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    opened: SigningChallenge = SigningChallenge.objects.create(
        user=user, session=session, rp_id=party.id, origin=party.origin, payload=payload, digest=digest_of(payload),
        expires_at=now + VALID_FOR,
    )  # fmt: skip
    return opened


def challenge_bytes(challenge: SigningChallenge) -> bytes:
    """The 32 bytes that the passkey signs: SHA-256 of the canonical form of the payload."""
    return bytes.fromhex(challenge.digest.removeprefix("sha256:"))


def challenge_options(challenge: SigningChallenge) -> dict[str, Any]:
    """What the page hands to the browser."""
    party = RelyingParty(challenge.rp_id, challenge.origin)
    return passkeys.question(challenge.user, party, challenge_bytes(challenge))


def reauthenticate_by_passkey(user: User, answer: PasskeyAnswer, *, session: str) -> tuple[Reauthentication, Any]:
    """The proof that this person's passkey signed the challenge, and the payload that was signed. NotAllowed with a sentence.

    Like `reauthenticate`, called before the transaction that signs: a challenge is used up and a failure counts although nothing
    is signed.
    """
    with transaction.atomic(durable=True):
        user = User.objects.locked(user.pk)
        refused = standing_refusal(user)
        if refused is None:
            challenge, refused = take_challenge(user, answer, session)
        if refused is None:
            try:
                assertion = read_assertion(user, answer, challenge)
            except BadPasskey as wrong:
                sentence = f"The passkey did not confirm who you are: {wrong} Nothing was signed."
                refused = remember_failure(user, METHOD, NotAllowed(sentence, code="REAUTHENTICATION_FAILED"))
            else:
                proof = remember_success(user, METHOD, challenge.digest, session=session, assertion=assertion)
                return proof, challenge.payload
    raise refused


def take_challenge(user: User, answer: PasskeyAnswer, session: str) -> tuple[Any, NotAllowed | None]:
    """The challenge, used up by this attempt; or the refusal when it is another's, another session's, used or old."""
    row = SigningChallenge.objects.select_for_update().filter(pk=answer.challenge, user=user).first()
    if row is None or row.session != session:
        return None, NotAllowed(
            "This was prepared in another session. Read the page again and sign.", code="PROOF_FOR_OTHER"
        )
    if row.used_at is not None:
        return None, NotAllowed("This was answered before. Read the page again and sign.", code="PROOF_USED")
    if row.expires_at <= timezone.now():
        return None, NotAllowed("More than two minutes passed. Read the page again and sign.", code="PROOF_OLD")
    row.used_at = timezone.now()
    row.save(update_fields=["used_at"])
    return row, None


def read_assertion(user: User, answer: PasskeyAnswer, challenge: SigningChallenge) -> dict[str, str]:
    """The checked assertion, as a record holds it. Raises BadPasskey; a counter that went back shows a copied key."""
    party = RelyingParty(challenge.rp_id, challenge.origin)
    if answer.party != party:
        raise BadPasskey("it answered on another page.")
    found = passkeys.read_answer(answer.response, user, party, challenge_bytes(challenge))
    row = Passkey.objects.usable().locked(Passkey.objects.get(credential_id=passkeys.base64_of(found.raw_id)).pk)
    counter = found.response.authenticator_data.counter
    if (counter or row.counter) and counter <= row.counter:
        raise BadPasskey("its counter went back, as that of a copy would.")
    row.counter, row.last_used_at = counter, timezone.now()
    row.save(update_fields=["counter", "last_used_at"])
    return passkeys.described(found, row, party)

"""Signing with a passkey, in two requests: what is signed is fixed first, then the passkey signs its digest."""

from apps.accounts.models import Reauthentication, SigningChallenge, User
from apps.accounts.passkeys import RelyingParty
from apps.accounts.services import PasskeyAnswer, open_challenge, reauthenticate_by_passkey
from apps.core.errors import Conflict
from apps.workflow.models import Review, Signature
from apps.workflow.services.payloads import Statement
from apps.workflow.services.signing import sign_locked, signable
from apps.workflow.services.withdrawing import withdraw_locked, withdrawable

METHOD = Reauthentication.Method.PASSKEY


def prepare_sign_off(
    review: Review, *, actor: User, said: Statement, session: str, party: RelyingParty
) -> SigningChallenge:
    """The same as `sign_off` up to the proof of identity, which a passkey gives within two minutes; see `sign_prepared`."""
    payload = signable(review, actor, said, method=METHOD)
    return open_challenge(actor, payload=payload, session=session, party=party)


def prepare_withdrawal(
    review: Review, *, actor: User, reason: str, session: str, party: RelyingParty
) -> SigningChallenge:
    """The same as `withdraw_signature` up to the proof of identity."""
    payload = withdrawable(review, actor, reason, method=METHOD)
    return open_challenge(actor, payload=payload, session=session, party=party)


def sign_prepared(
    review: Review, *, actor: User, answer: PasskeyAnswer, session: str, said: Statement | None = None
) -> Signature:
    """Finish what was prepared: the passkey has signed the digest of the payload. A sign-off or a withdrawal.

    A caller who also says what they mean to sign (`said`) is refused when that is something else than what was prepared.
    """
    proof, payload = reauthenticate_by_passkey(actor, answer, session=session)
    is_other = payload["review"] != str(review.pk)
    if said is not None:
        is_other |= (payload["content"], payload["meaning"]) != (said.content, said.meaning)
        is_other |= payload["reason"] != said.reason.strip()
    if is_other:
        raise Conflict("The passkey signed something else than this. Prepare it again.", code="PROOF_FOR_OTHER")
    act = withdraw_locked if payload["withdraws"] else sign_locked
    return act(payload, actor, proof, session=session)

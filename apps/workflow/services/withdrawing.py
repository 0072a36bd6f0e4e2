"""Withdrawing a signature: a new signature that says so. The earlier one stays where it is, and no longer counts."""

from typing import Any

from django.db import transaction

from apps.accounts.models import Reauthentication, User
from apps.accounts.services import consume_reauthentication, reauthenticate, signing_method
from apps.core.errors import Conflict
from apps.core.models import digest_of
from apps.core.permissions import authorise
from apps.workflow import lifecycle
from apps.workflow.models import Review, Signature, Step
from apps.workflow.services import approving
from apps.workflow.services.payloads import Statement, payload_for
from apps.workflow.services.texts import SHORTEST_SIGNED, clean_reason
from apps.workflow.services.writing import write_signature

RELATED = ("process", "environment", "opened_by", "version__model__use_case", "version__model__owner")
MOVE = lifecycle.WITHDRAW_SIGNATURE


def withdraw_signature(
    review: Review, *, actor: User, reason: str, password: str, code: str = "", session: str = ""
) -> Signature:
    """Withdraw one's own signature by a new one. An open review goes back to that step; an approval is suspended."""
    payload = withdrawable(review, actor, reason, method=signing_method(actor))
    proof = reauthenticate(actor, password=password, bound_to=digest_of(payload), code=code, session=session)
    return withdraw_locked(payload, actor, proof, session=session)


def withdrawable(review: Review, actor: User, reason: str, *, method: str) -> dict[str, Any]:
    """The payload of the withdrawal of the actor's newest standing signature. Raises NotAllowed, WrongState, Invalid."""
    review = Review.objects.select_related(*RELATED).get(pk=review.pk)
    authorise(actor, MOVE, review)
    reason = clean_reason(reason, shortest=SHORTEST_SIGNED)
    own = own_signature(review, actor)
    said = Statement(Signature.Meaning.WITHDRAWN, reason, own.snapshot.digest, withdraws=own)
    with transaction.atomic():
        return payload_for(review, own.step, actor, said, method=method)


def own_signature(review: Review, actor: User) -> Signature:
    """The actor's newest signature of this review that still counts."""
    rows = review.signatures.standing().filter(signer=actor).select_related("snapshot", "step")
    found: Signature = rows.latest("signed_at")
    return found


@transaction.atomic
def withdraw_locked(payload: dict[str, Any], actor: User, proof: Reauthentication, *, session: str) -> Signature:
    """The withdrawal itself, and what it does to the review or the approval."""
    review = Review.objects.select_related(*RELATED).locked(payload["review"])
    authorise(actor, MOVE, review)
    proof = consume_reauthentication(proof, actor=actor, bound_to=digest_of(payload), session=session)
    own = own_signature(review, actor)
    if str(own.pk) != payload["withdraws"]:
        raise Conflict("Your signature changed in the meantime. Read it again.", code="PROOF_FOR_OTHER")
    signature = write_signature(review, own.step, actor, own.snapshot, proof, payload)
    if review.state in lifecycle.GRANTED:
        approving.suspend_review(review, actor=actor, reason=f"A signature was withdrawn: {signature.reason}")
    elif own.round == review.round:
        go_back_to(review, own.step)
    return signature


def go_back_to(review: Review, step: Step) -> None:
    """Ask for the step's signature again; the step that was open waits until it is given."""
    current = review.open_step
    if current is not None and current.pk != step.pk:
        current.state = Step.State.WAITING
        current.save(update_fields=["state"])
    again = next(row for row in review.round_steps if row.pk == step.pk)
    again.state, again.closed_at = Step.State.OPEN, None
    again.save(update_fields=["state", "closed_at"])

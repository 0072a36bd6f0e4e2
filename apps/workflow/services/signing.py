"""Signing off: a person's signature over exactly what they were shown. The last one a process asks for approves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Reauthentication, User
from apps.accounts.services import consume_reauthentication, reauthenticate, signing_method
from apps.audit import services as audit
from apps.core.errors import Conflict, Invalid
from apps.core.models import digest_of
from apps.core.permissions import authorise
from apps.policy import services as policy
from apps.workflow import lifecycle, processes
from apps.workflow.models import Comment, Review, Signature, Snapshot, Step
from apps.workflow.queries.content import changes_since, shown
from apps.workflow.services import approving, records, steps
from apps.workflow.services.payloads import Statement, conditions_in, payload_for
from apps.workflow.services.texts import SHORTEST_SIGNED, clean_reason
from apps.workflow.services.writing import write_signature

RELATED = ("process", "environment", "opened_by", "version__model__use_case", "version__model__owner")


def present(review: Review, *, judgement: Any = None) -> Snapshot:
    """Keep exactly what is about to be shown for signing, so that a later difference can be named. Equal content is one row."""
    content = shown(review, judgement=judgement)
    digest = digest_of(content)
    known = Snapshot.objects.filter(digest=digest).first()
    if known is not None:
        return known
    with transaction.atomic():
        Review.objects.locked(review.pk)
        return keep_snapshot(review, content)


def keep_snapshot(review: Review, content: dict[str, Any]) -> Snapshot:
    """The row of a content, written if it is new. The review is locked."""
    known = Snapshot.objects.filter(digest=digest_of(content)).first()
    if known is not None:
        return known
    snapshot = Snapshot(review=review, body=content)
    snapshot.save()
    audit.record(audit.system("workflow"), "workflow.shown", review, data={"round": str(review.round)}, row=snapshot)
    return snapshot


def sign_off(
    review: Review,
    *,
    actor: User,
    seen_digest: str,
    meaning: str,
    reason: str,
    password: str,
    code: str = "",
    conditions: Sequence[dict[str, Any]] = (),
    report: dict[str, Any] | None = None,
    session: str = "",
) -> Signature:
    """Add the actor's signature over what was shown; the last one a step needs opens the next, the last step approves.

    `meaning` is one of the step's meanings, or "rejected". `conditions` ({text, owner, due_on}) make a final approval a
    conditional one. `report` holds the declared parts of a validation report. Raises NotAllowed with every reason, WrongState,
    Conflict with the difference when anything changed since it was read, Invalid.
    """
    said = Statement(meaning, reason, seen_digest, conditions, report or {})
    payload = signable(review, actor, said, method=signing_method(actor))
    proof = reauthenticate(actor, password=password, bound_to=digest_of(payload), code=code, session=session)
    return sign_locked(payload, actor, proof, session=session)


def signable(review: Review, actor: User, said: Statement, *, method: str) -> dict[str, Any]:
    """The payload of a signature that this person may give now. Raises as `sign_off` does."""
    review = Review.objects.select_related(*RELATED).get(pk=review.pk)
    authorise(actor, move_for(said.meaning), review)
    said = replace(said, reason=clean_reason(said.reason, shortest=SHORTEST_SIGNED))
    require_meaning(review, said.meaning, said.conditions)
    require_unchanged(review, said.content, shown(review))
    step = review.open_step
    if step is None:
        raise Conflict("The step was signed by someone else in the meantime.", code="STEP_CLOSED")
    with transaction.atomic():
        return payload_for(review, step, actor, said, method=method)


def move_for(meaning: str) -> lifecycle.Move:
    """The move that a signature of this meaning makes."""
    return lifecycle.REJECT if meaning == Signature.Meaning.REJECTED else lifecycle.SIGN_OFF


@transaction.atomic
def sign_locked(payload: dict[str, Any], actor: User, proof: Reauthentication, *, session: str) -> Signature:
    """The signature itself: lock, authorise again, compare what was seen, use the proof up, write, and see what follows."""
    review = Review.objects.select_related(*RELATED).locked(payload["review"])
    authorise(actor, move_for(payload["meaning"]), review)
    judgement = policy.assess(review.version, review.environment, at=timezone.now(), stage="approve")
    content = shown(review, judgement=judgement)
    require_unchanged(review, payload["content"], content)
    proof = consume_reauthentication(proof, actor=actor, bound_to=digest_of(payload), session=session)
    step = review.open_step
    if step is None or (step.key, str(step.round)) != (payload["step"], payload["round"]):
        raise Conflict("The step was signed by someone else in the meantime.", code="STEP_CLOSED")
    conditions = conditions_in(payload)
    require_meaning(review, payload["meaning"], conditions)
    if payload["meaning"] != Signature.Meaning.REJECTED and is_last(review, step):
        approving.require_approvable(review, judgement)
    signature = write_signature(review, step, actor, keep_snapshot(review, content), proof, payload)
    follow_up(review, step, signature, actor=actor, conditions=conditions)
    return signature


def require_unchanged(review: Review, seen: str, content: dict[str, Any]) -> None:
    """Raise Conflict carrying the difference when what was shown is not what is so now."""
    current = digest_of(content)
    if seen == current:
        return
    changes = changes_since(review, seen, content)
    told = " ".join(change.sentence for change in changes[:3])
    sentence = f"This version changed while you were reading. {told}".strip() + " Read it again, then sign."
    raise Conflict(
        sentence, code="CONTENT_CHANGED", seen_digest=current, changes=[change.as_json() for change in changes]
    )


def require_meaning(review: Review, meaning: str, conditions: Sequence[dict[str, Any]]) -> None:
    """Raise Invalid when the open step cannot be signed with this meaning, or carries conditions that it may not."""
    step = review.open_step
    if step is None:
        return
    allowed = processes.meanings_for(step.kind, is_last=is_last(review, step))
    if meaning not in allowed:
        sentence = f"The step {step.title} is signed as {' or '.join(allowed)}, not as {meaning!r}."
        raise Invalid(errors=[{"pointer": "/meaning", "code": "WRONG_MEANING", "detail": sentence}])
    if conditions and (meaning != Signature.Meaning.APPROVED or not is_last(review, step)):
        sentence = "Conditions go with the approval of the last step, and with nothing else."
        raise Invalid(errors=[{"pointer": "/conditions", "code": "NOT_HERE", "detail": sentence}])
    if conditions:
        approving.check_conditions(review, conditions)


def is_last(review: Review, step: Step) -> bool:
    """Whether this step's signature decides the review."""
    return review.last_step is not None and review.last_step.pk == step.pk


def follow_up(
    review: Review, step: Step, signature: Signature, *, actor: User, conditions: Sequence[dict[str, Any]]
) -> None:
    """Count the votes: the step stays open, opens the next, approves the version, or rejects it."""
    standing = list(step.signatures.standing())
    rejections = sum(row.meaning == Signature.Meaning.REJECTED for row in standing)
    outcome = lifecycle.tally(len(standing) - rejections, rejections, step.quorum)
    if signature.meaning == Signature.Meaning.REJECTED and step.quorum > 1:
        write_dissent(review, signature)
    if outcome == "rejected":
        steps.close_step(step, Step.State.REJECTED)
        approving.reject(review, actor=actor, reason=signature.reason)
    elif outcome == "signed":
        steps.close_step(step, Step.State.SIGNED)
        if step.kind == processes.VALIDATION:
            records.write_validation_report(review, step)
        if steps.open_next(review) is None:
            approving.approve(review, actor=actor, conditions=conditions)


def write_dissent(review: Review, signature: Signature) -> None:
    """A vote against is kept in the challenge log in the voter's own words, whatever the majority decides."""
    dissent = Comment(
        version=review.version, review=review, kind=Comment.Kind.DISSENT, text=signature.reason, by=signature.signer
    )
    dissent.save()
    audit.record(signature.signer, "workflow.dissented", review, changes=[review.version], row=dissent)

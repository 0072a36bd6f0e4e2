"""Signing off: a person's signature over exactly what they were shown. The last one a process asks for approves."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import consume_reauthentication, reauthenticate
from apps.audit import services as audit
from apps.core.errors import Conflict, Invalid
from apps.core.models import digest_of
from apps.core.permissions import authorise
from apps.policy import services as policy
from apps.registry.services import involve
from apps.workflow import lifecycle, processes
from apps.workflow.models import Comment, Review, Signature, Snapshot, Step
from apps.workflow.queries.content import changes_since, meaning_sentence, shown
from apps.workflow.services import approving, records, steps
from apps.workflow.services.texts import SHORTEST_SIGNED, clean_reason

CAPACITIES = {
    processes.ATTEST: "owns", processes.VALIDATION: "validated", processes.REVIEW: "reviewed", processes.APPROVAL: "approved",
}  # fmt: skip
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
) -> Signature:
    """Add the actor's signature over what was shown; the last one a step needs opens the next, the last step approves.

    `meaning` is one of the step's meanings, or "rejected". `conditions` ({text, owner, due_on}) make a final approval a
    conditional one. `report` holds the declared parts of a validation report. Raises NotAllowed with every reason, WrongState,
    Conflict with the difference when anything changed since it was read, Invalid.
    """
    review = Review.objects.select_related(*RELATED).get(pk=review.pk)
    move = lifecycle.REJECT if meaning == Signature.Meaning.REJECTED else lifecycle.SIGN_OFF
    authorise(actor, move, review)
    reason = clean_reason(reason, shortest=SHORTEST_SIGNED)
    require_meaning(review, meaning, conditions)
    require_unchanged(review, seen_digest, shown(review))
    proof = reauthenticate(actor, password=password, bound_to=seen_digest, code=code)
    return sign_locked(
        review.pk,
        move,
        actor,
        proof,
        seen=seen_digest,
        meaning=meaning,
        reason=reason,
        conditions=conditions,
        report=report,
    )


@transaction.atomic
def sign_locked(
    pk: Any, move: lifecycle.Move, actor: User, proof: Any, *, seen: str, meaning: str, reason: str,
    conditions: Sequence[dict[str, Any]], report: dict[str, Any] | None,
) -> Signature:  # fmt: skip
    """The signature itself: lock, authorise again, compare what was seen, use the proof up, write, and see what follows."""
    review = Review.objects.select_related(*RELATED).locked(pk)
    authorise(actor, move, review)
    judgement = policy.assess(review.version, review.environment, at=timezone.now(), stage="approve")
    content = shown(review, judgement=judgement)
    require_unchanged(review, seen, content)
    proof = consume_reauthentication(proof, actor=actor, bound_to=seen)
    step = review.open_step
    if step is None:
        raise Conflict("The step was signed by someone else in the meantime.", code="STEP_CLOSED")
    if meaning != Signature.Meaning.REJECTED and is_last(review, step):
        approving.require_approvable(review, judgement)
    snapshot = keep_snapshot(review, content)
    signature = write_signature(
        review, step, actor, snapshot, proof, meaning=meaning, reason=reason, report=report, conditions=conditions
    )
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


def write_signature(
    review: Review, step: Step, actor: User, snapshot: Snapshot, proof: Any, *, meaning: str, reason: str,
    report: dict[str, Any] | None = None, conditions: Sequence[dict[str, Any]] = (), withdraws: Signature | None = None,
) -> Signature:  # fmt: skip
    """The immutable row, bound to the content, the person, the time and the meaning; and its entry in the log."""
    now = timezone.now()
    text = meaning_sentence(review, step, meaning, snapshot.digest)
    payload = {
        "v": 1, "type": "signoff", "review": str(review.pk), "reference": review.reference, "round": str(review.round),
        "version": str(review.version_id), "artifact": review.version.artifact_digest, "step": step.key,
        "content": snapshot.digest, "meaning": meaning, "meaning_text": text, "reason": reason, "report": declared(step, report),
        "conditions": [{**item, "owner": str(getattr(item["owner"], "pk", item["owner"])), "due_on": iso(item["due_on"])}
                       for item in conditions],
        "withdraws": str(withdraws.pk) if withdraws else None,
        "signer": {"id": str(actor.pk), "role": step.role}, "signed_at": now.isoformat(),
        "authentication": {"method": proof.method, "at": proof.created_at.isoformat()}, "rules": "part11/1",
    }  # fmt: skip
    signature = Signature(
        review=review, step=step, round=review.round, signer=actor, printed_name=actor.printed_name, role=step.role,
        meaning=meaning, meaning_text=text, reason=reason, snapshot=snapshot, seen_digest=snapshot.digest,
        opinion=declared(step, report), payload=payload, authentication=proof.method, reauthentication=proof.pk,
        withdraws=withdraws, signed_at=now,
    )  # fmt: skip
    signature.save()
    verb = "workflow.signature_withdrawn" if withdraws else "workflow.signed_off"
    audit.record(
        actor, verb, review, reason=reason, changes=[review.version], row=signature,
        data={"meaning": meaning, "step": step.key, "role": step.role, "seen": snapshot.digest, "round": str(review.round)},
    )  # fmt: skip
    if not withdraws:
        involve(review.version, actor, CAPACITIES[step.kind])
    return signature


def declared(step: Step, report: dict[str, Any] | None) -> dict[str, Any]:
    """What the signer of a validation step declared; nothing is filled in for what they left out."""
    if step.kind != processes.VALIDATION or not report:
        return {}
    parts: dict[str, Any] = {key: bool(report[key]) for key in processes.OPINION_PARTS if key in report}
    return parts | ({"opinion": str(report["opinion"]).strip()} if report.get("opinion") else {})


def iso(value: date | str) -> str:
    """A date as the payload holds it."""
    return value.isoformat() if isinstance(value, date) else value


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


def withdraw_signature(review: Review, *, actor: User, reason: str, password: str, code: str = "") -> Signature:
    """Withdraw one's own signature by a new one. An open review goes back to that step; an approval is suspended."""
    review = Review.objects.select_related(*RELATED).get(pk=review.pk)
    authorise(actor, lifecycle.WITHDRAW_SIGNATURE, review)
    reason = clean_reason(reason, shortest=SHORTEST_SIGNED)
    own = review.signatures.standing().filter(signer=actor).select_related("snapshot", "step").latest("signed_at")
    proof = reauthenticate(actor, password=password, bound_to=own.digest, code=code)
    with transaction.atomic():
        review = Review.objects.select_related(*RELATED).locked(review.pk)
        authorise(actor, lifecycle.WITHDRAW_SIGNATURE, review)
        proof = consume_reauthentication(proof, actor=actor, bound_to=own.digest)
        signature = write_signature(
            review,
            own.step,
            actor,
            own.snapshot,
            proof,
            meaning=Signature.Meaning.WITHDRAWN,
            reason=reason,
            withdraws=own,
        )
        if review.state in lifecycle.GRANTED:
            approving.suspend_review(review, actor=actor, reason=f"A signature was withdrawn: {reason}")
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

"""Records of work that this app saw done, written as evidence so that requirements can ask for them.

Every field is computed from rows; a field that nothing supplies is left out, and nothing is filled in.
"""

from typing import Any

from django.utils import timezone

from apps.accounts.permissions import role_names
from apps.audit import canonical
from apps.audit import queries as log
from apps.evidence import services as evidence
from apps.registry.models import ModelVersion
from apps.workflow import lifecycle, processes
from apps.workflow.models import Comment, Finding, Manifest, Review, Signature, Step
from apps.workflow.segregation import AUTHORED, DEVELOPED


def write_decision_records(review: Review, *, actor: Any) -> None:
    """The records of an approval: the decision itself, findings, challenge, the trail, and the periodic review."""
    write_approval_record(review, actor=actor)
    write_findings_register(review.version, actor=actor)
    write_challenge_record(review, actor=actor)
    write_audit_trail(review, actor=actor)
    write_review_record(review, actor=actor)


def write_approval_record(review: Review, *, actor: Any) -> None:
    """The signed decision: are all steps complete, was nobody in two roles, are conditions listed."""
    signatures = list(review.signatures.standing().filter(round=review.round).select_related("step"))
    applying = [step for step in review.round_steps if step.state != Step.State.SKIPPED]
    fields = {
        "steps_complete": all(step.state == Step.State.SIGNED for step in applying),
        "segregation_ok": segregation_held(review, signatures),
        "signed": bool(signatures) and all(row.seen_digest == row.snapshot.digest for row in signatures),
        "conditions_listed": review.state != lifecycle.APPROVED_WITH_CONDITIONS or review.conditions.exists(),
    }
    until = f"{review.valid_until:%-d %B %Y}" if review.valid_until else "no date"
    summary = (
        f"{review.reference}: {lifecycle.LABELS[review.state].lower()} for {review.environment} until {until}, "
        f"{len(signatures)} signatures in {len(applying)} steps."
    )
    end = review.valid_until.date() if review.valid_until else None
    evidence.record(
        review.version, type="approval_record", fields=fields, summary=summary, actor=actor, valid_until=end
    )


def segregation_held(review: Review, signatures: list[Signature]) -> bool:
    """Read back from involvement: no step was signed by somebody its rules exclude, and nobody signed two steps."""
    if len({row.signer_id for row in signatures}) != len(signatures):
        return False
    done = list(review.version.involvements.values_list("user", "capacity"))
    for row in signatures:
        closed: tuple[str, ...] = ()
        if row.step.rules:
            closed = AUTHORED if processes.NOT_AUTHOR in row.step.rules else DEVELOPED
        if any(user == row.signer_id and capacity in closed for user, capacity in done):
            return False
    return True


def write_findings_register(version: ModelVersion, *, actor: Any) -> None:
    """How many findings of high severity are open, how many are late, and whether each has an owner."""
    today = timezone.now().date()
    open_findings = list(Finding.objects.open().filter(version=version).select_related("owner"))
    grave = {Finding.Severity.CRITICAL, Finding.Severity.HIGH}
    high = sum(row.severity in grave for row in open_findings)
    overdue = sum(row.due_on < today for row in open_findings)
    fields = {"open_high": high, "overdue": overdue, "owners": all(row.owner.is_active for row in open_findings)}
    summary = f"{len(open_findings)} findings open, {high} of high severity, {overdue} overdue."
    evidence.record(version, type="findings_register", fields=fields, summary=summary, actor=actor)


def write_challenge_record(review: Review, *, actor: Any) -> None:
    """Questions asked, whether all were answered, what changed because of them, and whether the challenger was independent."""
    version = review.version
    questions = list(Comment.objects.filter(version=version, kind=Comment.Kind.QUESTION).prefetch_related("replies"))
    answered = sum(is_answered(question, review) for question in questions)
    closed = Finding.objects.filter(version=version, state=Finding.State.CLOSED).exists()
    builders = set(version.involvements.filter(capacity__in=DEVELOPED).values_list("user", flat=True))
    askers = {question.by_id for question in questions}
    validators = review.signatures.standing().filter(step__kind__in=[processes.VALIDATION, processes.REVIEW])
    askers |= set(validators.values_list("signer", flat=True))
    fields = {
        "questions": len(questions),
        "responses": answered == len(questions),
        "changes_effected": review.round > 1 or closed,
    }
    if askers:
        fields["challenger_independent"] = not askers & builders
    summary = f"{len(questions)} questions, {answered} answered, round {review.round}."
    evidence.record(version, type="challenge_record", fields=fields, summary=summary, actor=actor)


def is_answered(question: Comment, review: Review) -> bool:
    """A question has an answer when somebody replied, or when changes it asked for came with a later round."""
    if question.replies.all():
        return True
    return question.review_id == review.pk and question.created_at < review.submitted_at


def write_validation_report(review: Review, step: Step) -> None:
    """The report that the validator signed: what they declared, their opinion, and that they were independent."""
    signature = step.signatures.standing().exclude(meaning=Signature.Meaning.REJECTED).latest("signed_at")
    fields: dict[str, Any] = {"independent": processes.NOT_DEVELOPER in step.rules, **signature.opinion}
    fields.setdefault("opinion", signature.reason)
    summary = f"Validation signed by the {role_names(signature.role)}: {fields['opinion']}"[:4000]
    evidence.record(review.version, type="validation_report", fields=fields, summary=summary, actor=signature.signer)
    write_challenge_record(review, actor=signature.signer)


def write_audit_trail(review: Review, *, actor: Any) -> None:
    """Read back the entries of this version and review: bytes against digests, rows against entries, numbers without gaps."""
    entries = log.entries_for(review.version) + log.entries_for(review)
    intact = all(canonical.digest(bytes(entry.body)) == entry.digest for entry in entries)
    fields = {
        "hash_chain_ok": intact,
        "complete": trail_is_complete(review),
        "time_source": all(entry.at.tzinfo for entry in entries),
    }
    summary = f"{len(entries)} entries of this version and review read back; times are UTC of the server's clock."
    evidence.record(review.version, type="audit_trail", fields=fields, summary=summary, actor=actor)


def trail_is_complete(review: Review) -> bool:
    """Whether every signature and manifest of the review is bound, with its digest, into an entry of the log."""
    from apps.audit.models import Entry

    rows = [*review.signatures.all(), *Manifest.objects.filter(review=review)]
    expected = {f"{row._meta.label_lower}:{row.pk}": row.compute_digest() for row in rows}
    bound = dict(Entry.objects.filter(row__in=expected).values_list("row", "row_digest"))
    return bound == expected


def write_review_record(review: Review, *, actor: Any) -> None:
    """When an earlier version of the model was decided before: what this review considered anew."""
    earlier = Review.objects.filter(version__model=review.version.model_id, decided_at__lt=review.submitted_at)
    last = earlier.order_by("-decided_at").first()
    if last is None or last.decided_at is None:
        return
    confirmed = review.use_case.tier_confirmed_at
    fields = {
        "changes_considered": bool(review.version.reason),
        "tier_reassessed": confirmed is not None and confirmed > last.decided_at,
        "decision": lifecycle.LABELS[review.state].lower(),
    }
    summary = f"{review.reference} follows {last.reference} of {last.decided_at:%-d %B %Y}: {fields['decision']}."
    evidence.record(review.version, type="review_record", fields=fields, summary=summary, actor=actor)

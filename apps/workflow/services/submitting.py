"""Submitting a version for approval, and taking it back."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.accounts.queries import holds
from apps.audit import services as audit
from apps.audit.contact_details import require_no_contact_details
from apps.core.errors import Invalid
from apps.core.permissions import authorise
from apps.registry.models import Environment, Model, ModelVersion
from apps.registry.services import involve
from apps.workflow import lifecycle, processes
from apps.workflow.models import Process, Review
from apps.workflow.queries.readiness import Readiness, candidate_for, readiness
from apps.workflow.queries.standing import newest_review
from apps.workflow.services import records, steps
from apps.workflow.services.texts import clean_reason

LONGEST_NOTE = 4000


@transaction.atomic
def submit(version: ModelVersion, *, actor: User, environment: Environment | None = None, note: str = "") -> Review:
    """Submit a version for approval in an environment (default: the first production one); its first step opens.

    Raises Invalid with one error per missing thing, NotAllowed, or WrongState. After changes were requested the same review
    goes into its next round; after it was withdrawn, went stale or expired, a new review opens.
    """
    Model.objects.locked(version.model_id)
    candidate = candidate_for(version, environment)
    authorise(actor, lifecycle.SUBMIT, candidate)
    ready = readiness(version, candidate.environment)
    refuse_incomplete(ready)
    if ready.process is None or candidate.environment is None:
        raise Invalid("No process or environment is set up.", code="NOT_SET_UP")
    text = require_no_contact_details(note.strip()[:LONGEST_NOTE], pointer="/note")
    earlier = newest_review(version, candidate.environment)
    if earlier is not None and earlier.state == lifecycle.CHANGES_REQUESTED:
        review = next_round(earlier, ready.process, actor=actor, note=text)
    else:
        supersede_earlier(version, candidate.environment, actor=actor)
        review = open_review(version, candidate.environment, ready.process, actor=actor, note=text)
    steps.plan_round(review)
    steps.open_next(review)
    if holds(actor, Role.DEVELOPER, use_case=version.use_case):
        involve(version, actor, "built")
    audit.record(
        actor, "workflow.submitted", review, reason=text, changes=[version],
        data={"version": str(version.pk), "round": str(review.round), "process": review.process.digest,
              "environment": candidate.environment.slug},
    )  # fmt: skip
    records.write_findings_register(version, actor=actor)
    return review


def refuse_incomplete(ready: Readiness) -> None:
    """Raise Invalid that lists exactly what is missing, each with who can mend it and how."""
    if ready.is_ready:
        return
    count = len(ready.missing)
    sentence = f"The version cannot be submitted yet: {count} thing{' is' if count == 1 else 's are'} missing."
    errors = [
        {"pointer": f"/{item.id}", "code": item.code, "detail": f"{item.sentence} {item.fix}".strip()}
        for item in ready.missing
    ]
    raise Invalid(sentence, errors=errors, code="NOT_READY_TO_SUBMIT")


def open_review(version: ModelVersion, environment: Environment, process: Process, *, actor: User, note: str) -> Review:
    """The first round of a new review."""
    review = Review.objects.create(
        version=version, environment=environment, process=process, opened_by=actor, note=note, due_on=due_for(process)
    )
    review.refresh_from_db(fields=["number"])
    return review


def next_round(review: Review, process: Process, *, actor: User, note: str) -> Review:
    """The same review, once more from its first step. It keeps its process unless the tier is another one now."""
    review = Review.objects.select_related("process", "environment", "version__model__use_case").locked(review.pk)
    if review.process.tier != process.tier:
        review.process = process
    supersede_signatures(review, actor=actor)
    review.round += 1
    review.state, review.state_reason = lifecycle.SUBMITTED, ""
    review.submitted_at, review.note, review.due_on = timezone.now(), note, due_for(review.process)
    review.save()
    return review


def due_for(process: Process) -> date:
    """The day until which a review under this process should be decided."""
    return processes.working_day_after(timezone.now().date(), int(process.body["target_working_days"]))


def supersede_earlier(version: ModelVersion, environment: Environment, *, actor: User) -> None:
    """A new review takes the place of an approval that went stale or expired: only one may speak for a version."""
    rows = Review.objects.granted().filter(version=version, environment=environment)
    for review in rows.select_for_update(of=("self",)):
        review.state, review.state_reason = lifecycle.SUPERSEDED, "The version was submitted again."
        review.save(update_fields=["state", "state_reason"])
        audit.record(actor, "workflow.superseded", review, reason=review.state_reason, changes=[version])
        supersede_signatures(review, actor=actor)


def supersede_signatures(review: Review, *, actor: User) -> None:
    """Say in the log which signatures no longer speak for the version, because it is signed anew."""
    standing = review.signatures.standing().filter(round=review.round).order_by("signed_at", "id")
    rows = [{"signature": str(row.pk), "digest": row.digest} for row in standing]
    if rows:
        audit.record(
            actor, "workflow.signatures_superseded", review, data={"round": str(review.round), "signatures": rows}
        )


@transaction.atomic
def withdraw(review: Review, *, actor: User, reason: str) -> Review:
    """Take a version out of review. The review stays on record; the version may be submitted again."""
    review = Review.objects.select_related("process", "version__model__use_case").locked(review.pk)
    authorise(actor, lifecycle.WITHDRAW, review)
    review.state_reason = clean_reason(reason)
    review.state, review.decided_at = lifecycle.WITHDRAWN, timezone.now()
    review.save(update_fields=["state", "state_reason", "decided_at"])
    audit.record(actor, "workflow.withdrawn", review, reason=review.state_reason, changes=[review.version])
    return review

"""What a decision leads to: the frozen manifest, conditions, the end date; rejection, suspension, revocation, reinstatement."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid, NotFound, WrongState
from apps.core.permissions import authorise
from apps.policy import services as policy
from apps.registry.models import Environment, ModelVersion
from apps.registry.services import involve
from apps.workflow import lifecycle, processes
from apps.workflow.models import Comment, Condition, Finding, Manifest, Review, Step
from apps.workflow.queries.content import described_process, relied_on, requirement_items, signed_step_items
from apps.workflow.queries.readiness import obstacles
from apps.workflow.queries.standing import newest_review
from apps.workflow.services import findings, records
from apps.workflow.services.texts import clean_reason

RELATED = ("process", "environment", "opened_by", "version__model__use_case", "version__model__owner")
ANSWER_WITHIN = timedelta(days=10)


def require_approvable(review: Review, judgement: Any) -> None:
    """Raise WrongState with every sentence why the last step may not approve yet."""
    if found := obstacles(review, judgement):
        rows = [
            {"id": row.id, "title": str(row.title), "outcome": row.outcome}
            for row in judgement.results
            if row.is_blocking
        ]
        raise WrongState(" ".join(found), code="APPROVAL_NOT_OPEN", requirements=rows)


def check_conditions(review: Review, conditions: Sequence[dict[str, Any]]) -> None:
    """Raise Invalid when a condition has no text, no owner or no date before the approval ends."""
    today = timezone.now().date()
    latest = end_of_approval(review).date()
    errors = []
    for index, item in enumerate(conditions):
        at = f"/conditions/{index}"
        if len(str(item.get("text", "")).strip()) < 3:
            errors.append({"pointer": f"{at}/text", "code": "MISSING", "detail": "Say what has to be done."})
        if not isinstance(item.get("owner"), User) or not item["owner"].is_active:
            errors.append({"pointer": f"{at}/owner", "code": "UNKNOWN", "detail": "Name the person who has to do it."})
        due = item.get("due_on")
        if not isinstance(due, date) or not today <= due <= latest:
            sentence = f"The due date lies between today and {latest}, when the approval ends."
            errors.append({"pointer": f"{at}/due_on", "code": "WRONG_DATE", "detail": sentence})
    if errors:
        raise Invalid(errors=errors)


def end_of_approval(review: Review) -> Any:
    """When an approval given now ends, by the process of the review."""
    return processes.months_after(timezone.now(), int(review.process.body["approval_valid_months"]))


def approve(review: Review, *, actor: User, conditions: Sequence[dict[str, Any]] = ()) -> Manifest:
    """The last signature was given: freeze what the approval stands on, write its records. The review is locked."""
    now = timezone.now()
    move = lifecycle.APPROVE_WITH_CONDITIONS if conditions else lifecycle.APPROVE
    if sentence := move.refuses(review):
        raise WrongState(sentence)
    review.valid_until = end_of_approval(review)
    review.state, review.decided_at, review.state_reason = str(move.target), now, ""
    review.recorded_standing = review.state
    review.save(update_fields=["state", "decided_at", "valid_until", "state_reason", "recorded_standing"])
    for item in conditions:
        write_condition(review, item, actor=actor)
    return grant(review, actor=actor, verb="workflow.approved")


def grant(review: Review, *, actor: User, verb: str) -> Manifest:
    """Freeze the manifest of an approval and write its records: what was approved, on what, until when."""
    manifest = freeze(review)
    audit.record(
        actor, verb, review, changes=[review.version], row=manifest,
        data={"version": str(review.version_id), "state": review.state, "environment": review.environment.slug,
              "valid_until": review.valid_until.isoformat() if review.valid_until else None},
    )  # fmt: skip
    records.write_decision_records(review, actor=actor)
    return manifest


def freeze(review: Review) -> Manifest:
    """Everything that the approval relies on, as it is now."""
    now = timezone.now()
    judgement = policy.assess(review.version, review.environment, at=now, stage="approve")
    body = relied_on(review.version, review.environment, at=now)
    del body["evidence_fates"]
    body |= {
        "process": described_process(review.process, signed_step_items(review.round_steps)),
        "requirements": requirement_items(judgement),
        "on_policy_change": review.process.body.get("on_policy_change", processes.JUDGE_AGAIN),
        "signatures": [
            {"id": str(row.pk), "digest": row.digest, "seen": row.seen_digest, "meaning": row.meaning}
            for row in review.signatures.standing().filter(round=review.round).order_by("signed_at", "id")
        ],
        "conditions": [
            {"id": str(row.pk), "name": row.reference, "text": row.text, "due_on": row.due_on.isoformat()}
            for row in review.conditions.select_related("finding").all()
        ],
        "valid_until": review.valid_until.isoformat() if review.valid_until else "",
        "frozen_at": now.isoformat(),
    }
    manifest = Manifest(review=review, version=review.version, environment=review.environment, body=body)
    manifest.save()
    return manifest


def write_condition(review: Review, item: dict[str, Any], *, actor: User) -> Condition:
    """A condition is a finding with a date: it is closed by answer and verification like any other."""
    finding = findings.write_finding(
        review.version, actor=actor, severity=item.get("severity", Finding.Severity.MEDIUM), title=str(item["text"])[:200],
        text=str(item["text"]), owner=item["owner"], due_on=item["due_on"], review=review,
    )  # fmt: skip
    condition = Condition.objects.create(
        review=review, finding=finding, text=str(item["text"]).strip(), owner=item["owner"], due_on=item["due_on"]
    )
    condition.refresh_from_db(fields=["number"])
    audit.record(
        actor, "workflow.condition_set", review, reason=condition.text, changes=[review.version],
        data={"condition": condition.reference, "finding": str(finding.pk), "due_on": condition.due_on.isoformat(),
              "owner": condition.owner.audit_ref},
    )  # fmt: skip
    return condition


def reject(review: Review, *, actor: User, reason: str) -> None:
    """The votes were against it. Final for this version; the next one is a new version. The review is locked."""
    review.state, review.decided_at, review.state_reason = lifecycle.REJECTED, timezone.now(), reason
    review.save(update_fields=["state", "decided_at", "state_reason"])
    audit.record(actor, "workflow.rejected", review, reason=reason, changes=[review.version])
    records.write_challenge_record(review, actor=actor)


@transaction.atomic
def request_changes(review: Review, *, actor: User, reason: str) -> Review:
    """Give the turn back to the developer with a question. The round keeps its number until it is submitted again."""
    review = Review.objects.select_related(*RELATED).locked(review.pk)
    authorise(actor, lifecycle.REQUEST_CHANGES, review)
    reason = clean_reason(reason, shortest=10)
    step = review.open_step
    if step is not None:
        step.state = Step.State.WAITING
        step.save(update_fields=["state"])
    review.state, review.state_reason = lifecycle.CHANGES_REQUESTED, reason
    review.save(update_fields=["state", "state_reason"])
    question = Comment(version=review.version, review=review, kind=Comment.Kind.QUESTION, text=reason, by=actor)
    question.save()
    audit.record(
        actor, "workflow.changes_requested", review, reason=reason, changes=[review.version], row=question,
        data={"step": step.key if step else "", "round": str(review.round)},
    )  # fmt: skip
    involve(review.version, actor, "commented")
    return review


def approval_of(version: ModelVersion, environment: Environment | None = None) -> Review:
    """The review that speaks for a version, locked. Raises NotFound."""
    review = newest_review(version, environment)
    if review is None:
        raise NotFound(f"Version {version.version} was never submitted, so there is no approval.")
    return Review.objects.select_related(*RELATED).locked(review.pk)


@transaction.atomic
def suspend(version: ModelVersion, *, actor: User, reason: str, environment: Environment | None = None) -> Review:
    """Take an approval out of force at once, with a finding; the very next question to the gate is answered with no."""
    review = approval_of(version, environment)
    authorise(actor, lifecycle.SUSPEND, review)
    reason = clean_reason(reason)
    suspend_review(review, actor=actor, reason=reason)
    findings.write_finding(
        version, actor=actor, severity=Finding.Severity.HIGH, title=f"Approval suspended: {reason}"[:200], text=reason,
        owner=version.model.owner, due_on=(timezone.now() + ANSWER_WITHIN).date(), review=review,
    )  # fmt: skip
    return review


def suspend_review(review: Review, *, actor: Any, reason: str) -> None:
    """Suspend an approval on record, by a person or by a rule. The review is locked."""
    review.state, review.state_reason = lifecycle.SUSPENDED, reason
    review.recorded_standing = review.state
    review.save(update_fields=["state", "state_reason", "recorded_standing"])
    audit.record(
        actor,
        "workflow.suspended",
        review,
        reason=reason,
        changes=[review.version],
        data={"version": str(review.version_id)},
    )


@transaction.atomic
def revoke(version: ModelVersion, *, actor: User, reason: str, environment: Environment | None = None) -> Review:
    """End an approval for good. Another version, or none, takes its place."""
    review = approval_of(version, environment)
    authorise(actor, lifecycle.REVOKE, review)
    review.state, review.state_reason = lifecycle.REVOKED, clean_reason(reason)
    review.recorded_standing = review.state
    review.save(update_fields=["state", "state_reason", "recorded_standing"])
    audit.record(
        actor,
        "workflow.revoked",
        review,
        reason=review.state_reason,
        changes=[version],
        data={"version": str(version.pk)},
    )
    return review


@transaction.atomic
def reinstate(version: ModelVersion, *, actor: User, reason: str, environment: Environment | None = None) -> Review:
    """A new decision by approvers of the same rank, over what is so now: a new manifest, the old end date."""
    review = approval_of(version, environment)
    open_conditions = review.conditions.open().exists()
    move = lifecycle.REINSTATE_WITH_CONDITIONS if open_conditions else lifecycle.REINSTATE
    authorise(actor, move, review)
    reason = clean_reason(reason)
    if review.valid_until is not None and review.valid_until < timezone.now():
        raise WrongState(f"The approval ended on {review.valid_until:%-d %B %Y}. Submit the version again.")
    require_approvable(review, policy.assess(version, review.environment, at=timezone.now(), stage="approve"))
    review.state, review.state_reason = str(move.target), ""
    review.recorded_standing = review.state
    review.save(update_fields=["state", "state_reason", "recorded_standing"])
    involve(version, actor, "approved")
    audit.record(actor, "workflow.reinstatement_decided", review, reason=reason)
    grant(review, actor=actor, verb="workflow.reinstated")
    return review

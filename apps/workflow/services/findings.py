"""Findings: raised with an owner and a date, answered, verified by somebody else. Never deleted."""

from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid, WrongState
from apps.core.permissions import authorise
from apps.registry.models import ModelVersion
from apps.registry.services import involve
from apps.workflow import lifecycle
from apps.workflow.models import Comment, Condition, Finding, Review
from apps.workflow.services import records
from apps.workflow.services.texts import clean_reason


@transaction.atomic
def raise_finding(
    version: ModelVersion,
    *,
    actor: User,
    severity: str,
    title: str,
    text: str,
    due_on: date,
    owner: User | None = None,
    review: Review | None = None,
    requirement_id: str = "",
) -> Finding:
    """Record that something is wrong or unproven. Without an owner the owner of the model has to answer it."""
    authorise(actor, "workflow.raise_finding", version)
    owner = owner or version.model.owner
    refuse_wrong_finding(severity, due_on, owner)
    title, text = clean_reason(title, pointer="/title"), clean_reason(text, pointer="/text")
    finding = write_finding(
        version, actor=actor, severity=severity, title=title[:200], text=text, owner=owner, due_on=due_on, review=review,
        requirement_id=requirement_id,
    )  # fmt: skip
    involve(version, actor, "commented")
    records.write_findings_register(version, actor=actor)
    return finding


def refuse_wrong_finding(severity: str, due_on: date, owner: User) -> None:
    """Raise Invalid when a severity is unknown, a date is past, or the owner is nobody who can act."""
    errors = []
    if severity not in Finding.Severity.values:
        sentence = f"{severity!r} is not one of {', '.join(Finding.Severity.values)}."
        errors.append({"pointer": "/severity", "code": "UNKNOWN", "detail": sentence})
    if due_on < timezone.now().date():
        errors.append({"pointer": "/due_on", "code": "WRONG_DATE", "detail": "The due date is today or later."})
    if not owner.is_active or not owner.is_person:
        errors.append({"pointer": "/owner", "code": "UNKNOWN", "detail": "The owner is an active person."})
    if errors:
        raise Invalid(errors=errors)


def write_finding(
    version: ModelVersion, *, actor: Any, severity: str, title: str, text: str, owner: User, due_on: date,
    review: Review | None = None, source: str = Finding.Source.REVIEW, origin: str = "", requirement_id: str = "",
) -> Finding:  # fmt: skip
    """The row and its entry, for a person or for a rule."""
    finding = Finding.objects.create(
        version=version, review=review, severity=severity, title=title, text=text, owner=owner, due_on=due_on, source=source,
        origin=origin, requirement_id=requirement_id, raised_by=actor if isinstance(actor, User) else None,
    )  # fmt: skip
    finding.refresh_from_db(fields=["number"])
    audit.record(
        actor, "workflow.finding_raised", finding, reason=text, changes=[version],
        data={"version": str(version.pk), "severity": severity, "title": title, "due_on": due_on.isoformat(),
              "owner": owner.audit_ref, "source": source, "requirement": requirement_id},
    )  # fmt: skip
    return finding


@transaction.atomic
def answer_finding(finding: Finding, *, actor: User, text: str) -> Finding:
    """Say what was done or why it is so. Someone else verifies it."""
    finding = Finding.objects.select_related("version__model__use_case").locked(finding.pk)
    authorise(actor, "workflow.answer_finding", finding)
    if finding.state == Finding.State.CLOSED:
        raise WrongState(f"Finding {finding.reference} is closed; it takes no further answer.")
    say(finding, Comment.Kind.ANSWER, text, actor=actor)
    finding.state, finding.answered_by, finding.answered_at = Finding.State.ANSWERED, actor, timezone.now()
    finding.save(update_fields=["state", "answered_by", "answered_at"])
    audit.record(actor, "workflow.finding_answered", finding, reason=text.strip(), changes=[finding.version])
    involve(finding.version, actor, "answered")
    records.write_findings_register(finding.version, actor=actor)
    return finding


@transaction.atomic
def close_finding(finding: Finding, *, actor: User, reason: str) -> Finding:
    """Verify an answer and close the finding. The last condition of an approval that is closed settles it."""
    finding = Finding.objects.select_related("version__model__use_case").locked(finding.pk)
    authorise(actor, "workflow.close_finding", finding)
    require_answered(finding)
    say(finding, Comment.Kind.OUTCOME, reason, actor=actor)
    finding.state, finding.closed_by, finding.closed_at = Finding.State.CLOSED, actor, timezone.now()
    finding.save(update_fields=["state", "closed_by", "closed_at"])
    audit.record(actor, "workflow.finding_closed", finding, reason=reason.strip(), changes=[finding.version])
    involve(finding.version, actor, "reviewed")
    settle_conditions(finding, actor=actor)
    records.write_findings_register(finding.version, actor=actor)
    return finding


@transaction.atomic
def return_finding(finding: Finding, *, actor: User, reason: str) -> Finding:
    """The answer does not do: the turn goes back to the owner."""
    finding = Finding.objects.select_related("version__model__use_case").locked(finding.pk)
    authorise(actor, "workflow.close_finding", finding)
    require_answered(finding)
    say(finding, Comment.Kind.OUTCOME, reason, actor=actor)
    finding.state = Finding.State.RAISED
    finding.save(update_fields=["state"])
    audit.record(actor, "workflow.finding_returned", finding, reason=reason.strip(), changes=[finding.version])
    return finding


def require_answered(finding: Finding) -> None:
    """Raise WrongState unless the finding waits for verification."""
    if finding.state != Finding.State.ANSWERED:
        state = finding.get_state_display().lower()
        raise WrongState(f"Finding {finding.reference} is verified when it is answered; it is {state}.")


def say(finding: Finding, kind: str, text: str, *, actor: User) -> Comment:
    """A word about a finding, in the challenge log."""
    comment = Comment(
        version=finding.version,
        review=finding.review,
        finding=finding,
        kind=kind,
        text=clean_reason(text, pointer="/text"),
        by=actor,
    )
    comment.save()
    audit.record(actor, "workflow.commented", finding, data={"kind": kind, "comment": str(comment.pk)}, row=comment)
    return comment


def settle_conditions(finding: Finding, *, actor: User) -> None:
    """When the last condition of an approval is verified, the approval is a plain one."""
    condition = Condition.objects.filter(finding=finding).first()
    if condition is None:
        return
    review = Review.objects.locked(condition.review_id)
    if review.conditions.open().exists() or not lifecycle.SETTLE.allows(review.state):
        return
    review.state = str(lifecycle.SETTLE.target)
    review.save(update_fields=["state"])
    audit.record(audit.system("workflow"), "workflow.conditions_settled", review, changes=[finding.version])

"""Whose turn it is: the queue of a person, and the way that lies before a version."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import Role, User
from apps.accounts.permissions import role_names
from apps.accounts.queries import people_with
from apps.core import moment
from apps.core.permissions import refusals
from apps.policy.queries.measured import organisation_day
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.workflow import lifecycle, processes
from apps.workflow.models import Condition, Finding, Process, Review, Step
from apps.workflow.queries.content import newest_process

WIDE = ("artifact_files", "training", "features", "endpoint", "output", "reason_note")
SOON_SHOWN = 50
CLAIM_LASTS = timedelta(hours=8)
NEEDS_YOU, OTHERS = "needs_you", "others"


@dataclass(frozen=True)
class Turn:
    """Who has to act on a review, and why it may be this person or not."""

    role: str
    role_name: str
    people: list[User]
    since: datetime | None
    due_on: date | None
    is_yours: bool
    reasons: list[str]

    @property
    def due_words(self) -> str:
        """How far the day is: "due in 2 days", "due today", "1 day overdue"."""
        if self.due_on is None:
            return ""
        days = (self.due_on - organisation_day(moment.now())).days
        if days < 0:
            return f"{counted(-days, 'day')} overdue"
        return f"due in {counted(days, 'day')}" if days else "due today"


@dataclass(frozen=True)
class QueueRow:
    """One piece of open work as a line of the queue."""

    kind: str  # review, changes, finding, condition
    key: str
    version: ModelVersion
    tier: int | None
    asked_for: str
    to_do: str
    due_on: date | None
    since: datetime | None
    is_yours: bool
    why: str
    claimed_by: User | None
    review: Review | None = None
    finding: Finding | None = None

    @property
    def is_overdue(self) -> bool:
        """Whether its day has passed."""
        return self.due_on is not None and self.due_on < organisation_day(timezone.now())

    @property
    def order(self) -> tuple[Any, ...]:
        """Overdue first, then by tier, then oldest."""
        return (not self.is_overdue, self.tier or 9, self.since or timezone.now())


TO_DO = {
    processes.ATTEST: "Attest that the record is complete",
    processes.VALIDATION: "Validate and sign the report",
    processes.REVIEW: "Review and sign",
    processes.APPROVAL: "Decide on the approval",
}


def review_row(review: Review, user: User) -> QueueRow:
    """One review as a line of somebody's queue."""
    step = review.open_step
    facts: dict[str, Any] = {
        "key": str(review.pk),
        "version": review.version,
        "tier": review.process.tier,
        "review": review,
    }
    if step is None:
        is_yours = user.pk in {review.opened_by_id, review.version.model.owner_id}
        why = f"{review.opened_by} or the model owner submits it again. {review.state_reason}"
        return QueueRow(
            kind="changes",
            asked_for="Changes requested",
            to_do="Answer the findings and submit again",
            due_on=review.due_on,
            since=review.submitted_at,
            is_yours=is_yours,
            why=why.strip(),
            claimed_by=None,
            **facts,
        )
    reasons = [refusal.sentence for refusal in refusals(user, lifecycle.SIGN_OFF, review)]
    why = reasons[0] if reasons else f"You hold the role {role_names(step.role)} for {review.use_case.title}."
    return QueueRow(
        kind="review",
        asked_for=step.title,
        to_do=TO_DO[step.kind],
        due_on=step.due_on,
        since=step.opened_at,
        is_yours=not reasons,
        why=why,
        claimed_by=claimer(step),
        **facts,
    )


def finding_row(finding: Finding) -> QueueRow:
    """A finding that waits for its owner's answer."""
    return QueueRow(
        kind="finding", key=str(finding.pk), version=finding.version, tier=finding.use_case.tier,
        asked_for=f"Finding {finding.reference}", to_do=f"Answer finding {finding.reference}: {finding.title}",
        due_on=finding.due_on, since=finding.created_at, is_yours=True, why="You own this finding.", claimed_by=None, finding=finding,
    )  # fmt: skip


def claimer(step: Step) -> User | None:
    """Who looks at a step now; a claim releases itself."""
    is_fresh = step.claimed_at is not None and moment.now() - step.claimed_at < CLAIM_LASTS
    return step.claimed_by if is_fresh else None


def whose_turn(review: Review, user: Any = None) -> Turn | None:
    """Who has to sign now, since when and until when; None when nobody's signature is awaited."""
    step = review.open_step
    if step is None:
        return None
    reasons = [refusal.sentence for refusal in refusals(user, lifecycle.SIGN_OFF, review)] if user else []
    people = list(people_with(step.role, review.use_case))
    return Turn(
        role=step.role, role_name=role_names(step.role), people=people, since=step.opened_at, due_on=step.due_on,
        is_yours=bool(user) and not reasons, reasons=reasons,
    )  # fmt: skip


def ending_soon(user: User, *, days: int = 30) -> list[dict[str, Any]]:
    """Approvals and conditions of this person's versions that end within so many days, the nearest first, at most fifty of each."""
    now = timezone.now()
    until = now + timedelta(days=days)
    reviews = Review.objects.granted().visible_to(user).filter(valid_until__range=(now, until))
    conditions = Condition.objects.open().filter(
        due_on__range=(now.date(), until.date()), review__in=Review.objects.visible_to(user)
    )
    wide = [f"version__{name}" for name in WIDE]
    rows = [
        {"kind": "approval", "review": row, "name": f"Approval, {row.version}", "on": row.valid_until.date(),
         "then": "The gate answers Deny from then on", "who": f"{row.version.model.owner} submits it again"}
        for row in reviews.select_related("version__model__owner").defer(*wide).order_by("valid_until", "id")[:SOON_SHOWN]
    ]  # fmt: skip
    rows += [
        {"kind": "condition", "review": row.review, "name": f"Condition {row.reference}, {row.review.version}", "on": row.due_on,
         "then": "The approval is suspended until the condition is verified", "who": str(row.owner)}
        for row in conditions.select_related("review__version__model", "owner").order_by("due_on", "id")[:SOON_SHOWN]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["on"])


@dataclass(frozen=True)
class PathPreview:
    """The way to approval before it starts."""

    tier: int
    process: Process
    steps: list[dict[str, Any]]
    evidence: list[str]
    days: int
    sentence: str


def path_preview(use_case: UseCase, tier: int | None = None, *, at: datetime | None = None) -> PathPreview | None:
    """What a version of this use case will have to pass; None while it has no tier, or the tier no process."""
    tier = tier or use_case.tier or use_case.proposed_tier
    process = newest_process(tier, at=at)
    if process is None or tier is None:
        return None
    plans = processes.step_plans(process.body)
    steps = [
        {"title": plan.title, "role": str(Role(plan.role).label), "quorum": plan.quorum, "when": plan.condition}
        for plan in plans
    ]
    evidence = list(process.body.get("minimum_evidence", []))
    signers = sum(plan.quorum for plan in plans)
    days = int(process.body["target_working_days"])
    sentence = (
        f"Tier {tier}: {counted(len(evidence), 'evidence item')}, {counted(signers, 'signature')}, "
        f"typically {counted(days, 'working day')}"
    )
    return PathPreview(tier, process, steps, evidence, days, sentence)


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def default_environment() -> Environment | None:
    """Where an approval is asked for when nobody names a place: the first production environment."""
    return Environment.objects.filter(is_production=True).order_by("created_at", "id").first()

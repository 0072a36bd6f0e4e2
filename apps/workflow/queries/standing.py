"""Does an approval stand, now? Judged at the moment of the question: content, end date, conditions, suspension, revocation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.policy import services as policy
from apps.policy.queries.measured import zone
from apps.registry.models import Environment, ModelVersion
from apps.workflow import lifecycle, past
from apps.workflow.differences import Change, since_approval
from apps.workflow.models import Condition, Manifest, Review
from apps.workflow.queries.content import policy_changes, relied_on


@dataclass(frozen=True)
class Standing:
    """Whether an approval of a version stands, in a state, a stable code and a sentence."""

    state: str
    code: str
    sentence: str
    approval: Review | None = None
    manifest: Manifest | None = None
    valid_until: datetime | None = None  # the first moment at which this answer may change by itself
    conditions: list[Condition] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    review: Review | None = None

    @property
    def is_standing(self) -> bool:
        """Whether the version is approved now."""
        return self.state in lifecycle.GRANTED


CODES = {
    lifecycle.DRAFT: "APPROVAL_MISSING",
    lifecycle.SUBMITTED: "APPROVAL_PENDING",
    lifecycle.IN_VALIDATION: "APPROVAL_PENDING",
    lifecycle.IN_REVIEW: "APPROVAL_PENDING",
    lifecycle.CHANGES_REQUESTED: "CHANGES_REQUESTED",
    lifecycle.REJECTED: "APPROVAL_REJECTED",
    lifecycle.WITHDRAWN: "APPROVAL_WITHDRAWN",
    lifecycle.STALE: "APPROVAL_STALE",
    lifecycle.SUSPENDED: "APPROVAL_SUSPENDED",
    lifecycle.REVOKED: "APPROVAL_REVOKED",
    lifecycle.EXPIRED: "APPROVAL_EXPIRED",
    lifecycle.SUPERSEDED: "APPROVAL_SUPERSEDED",
    lifecycle.APPROVED: "APPROVED",
    lifecycle.APPROVED_WITH_CONDITIONS: "APPROVED_WITH_CONDITIONS",
}


def standing_approval(
    version: ModelVersion, *, environment: Environment | None = None, at: datetime | None = None
) -> Standing:
    """Whether an approval of this version stands at a moment; for an environment, only an approval that covers it counts."""
    at = at or timezone.now()
    review = newest_review(version, environment)
    if review is None:
        return without_review(version, environment)
    if review.state not in lifecycle.GRANTED:
        return Standing(review.state, CODES[review.state], plain_sentence(review), review=review)
    return judged(review, at)


def standing_of(
    version: ModelVersion, *, environment: Environment | None = None, at: datetime | None = None
) -> Standing:
    """For pages: judged now, or, where they show an earlier moment, what was recorded until then."""
    if at is None:
        return standing_approval(version, environment=environment)
    return standing_as_at(version, at, environment=environment)


def standing_as_at(version: ModelVersion, at: datetime, *, environment: Environment | None = None) -> Standing:
    """What was said of an approval at an earlier moment, from what was recorded until then; nothing is judged again."""
    review = newest_review(version, environment, at=at)
    if review is None:
        return without_review(version, environment, at=at)
    then = past.review_at(review, at)
    if then.state not in lifecycle.GRANTED:
        return Standing(then.state, CODES[then.state], plain_sentence(then), review=then)
    manifest = Manifest.objects.filter(review=review, created_at__lte=at).order_by("-created_at", "-id").first()
    conditions = conditions_at(review, at)
    facts = {"approval": then, "manifest": manifest, "conditions": conditions, "review": then}
    if then.valid_until is not None and at > then.valid_until:
        return ended(then, facts)
    if then.recorded_standing not in lifecycle.GRANTED:
        code = "CONDITION_LATE" if then.recorded_standing == lifecycle.SUSPENDED else ""
        return answer(then.recorded_standing, then.state_reason, facts, code=code)
    return standing(then, conditions, facts)


def conditions_at(review: Review, at: datetime) -> list[Condition]:
    """The conditions of an approval whose finding nobody had verified as closed by then."""
    rows = Condition.objects.filter(review=review.pk, created_at__lte=at).select_related("finding", "owner", "review")
    found = []
    for row in rows.order_by("due_on", "number"):
        row.finding = past.finding_at(row.finding, at)
        found += [row] if row.finding.is_open else []
    return found


def newest_review(
    version: ModelVersion, environment: Environment | None = None, *, at: datetime | None = None
) -> Review | None:
    """The review that speaks for a version, now or then. An approval for production covers every other environment too."""
    rows = Review.objects.filter(version=version).select_related("process", "environment", "version__model__use_case")
    if environment is not None:
        covers = Q(environment=environment)
        rows = rows.filter(covers if environment.is_production else covers | Q(environment__is_production=True))
    if at is not None:
        rows = rows.filter(created_at__lte=at)
    return rows.order_by("-created_at" if at else "-submitted_at", "-id").first()


def without_review(version: ModelVersion, environment: Environment | None, *, at: datetime | None = None) -> Standing:
    """A version that nobody submitted for this environment."""
    sentence = f"Version {version.version} was never submitted for approval."
    other = newest_review(version, at=at) if environment is not None else None
    if other is not None and environment is not None:
        sentence = (
            f"Version {version.version} was submitted for {other.environment}, which does not cover {environment}."
        )
    return Standing(lifecycle.DRAFT, CODES[lifecycle.DRAFT], sentence)


def plain_sentence(review: Review) -> str:
    """What a review says that is no approval on record."""
    name = f"Version {review.version.version}"
    step = review.open_step
    waits = f"; the step {step.title} is open since {day(step.opened_at)}" if step and step.opened_at else ""
    words = {
        lifecycle.SUBMITTED: f"{name} is not approved yet: it was submitted on {day(review.submitted_at)}{waits}.",
        lifecycle.IN_VALIDATION: f"{name} is not approved yet: it is in validation{waits}.",
        lifecycle.IN_REVIEW: f"{name} is not approved yet: it is in review{waits}.",
        lifecycle.CHANGES_REQUESTED: f"{name} is not approved: changes were requested. {review.state_reason}",
        lifecycle.REJECTED: f"{name} was rejected on {day(review.decided_at)}. {review.state_reason}",
        lifecycle.WITHDRAWN: f"{name} was withdrawn from review. {review.state_reason}",
        lifecycle.SUSPENDED: f"The approval of version {review.version.version} is suspended. {review.state_reason}",
        lifecycle.REVOKED: f"The approval of version {review.version.version} was revoked. {review.state_reason}",
        lifecycle.SUPERSEDED: f"The approval of version {review.version.version} was superseded. {review.state_reason}",
    }
    return words[review.state].strip()


def judged(review: Review, at: datetime) -> Standing:
    """An approval on record, held against the present: end date first, then conditions, then what it relied on."""
    manifest = Manifest.objects.filter(review=review).order_by("-created_at", "-id").first()
    conditions = list(
        Condition.objects.open()
        .filter(review=review)
        .select_related("finding", "owner", "review")
        .order_by("due_on", "number")
    )
    facts = {"approval": review, "manifest": manifest, "conditions": conditions, "review": review}
    if manifest is None:
        return answer(lifecycle.STALE, "The approval has no manifest, so nothing says what was approved.", facts)
    if review.valid_until is not None and at > review.valid_until:
        return ended(review, facts)
    if late := [condition for condition in conditions if end_of(condition.due_on) <= at]:
        return condition_late(late[0], facts)
    present = relied_on(review.version, review.environment, at=at, frozen=manifest.body["evidence"])
    present["now_met"] = requirements_met(review, manifest, present, at)
    changes = since_approval(manifest.body, present)
    changes += policy_changes(review.version, review.environment, manifest.body, present, at)
    if changes:
        more = f" {len(changes) - 1} more changed." if len(changes) > 1 else ""
        sentence = f"The approval of version {review.version.version} is stale: {changes[0].sentence}{more}"
        return answer(lifecycle.STALE, sentence, facts | {"changes": changes})
    return standing(review, conditions, facts)


def requirements_met(review: Review, manifest: Manifest, present: dict[str, Any], at: datetime) -> list[str]:
    """Requirements that need no waiver any more; asked only when a waiver that the approval relied on is gone."""
    covered = {item["requirement"] for item in present["waivers"]}
    if all(item["requirement"] in covered for item in manifest.body["waivers"]):
        return []
    judgement = policy.assess(review.version, review.environment, at=at, stage="approve")
    return [row.id for row in judgement.results if row.outcome in {"satisfied", "not_applicable", "not_yet_effective"}]


def answer(state: str, sentence: str, facts: dict[str, Any], code: str = "") -> Standing:
    """A standing with its usual code."""
    return Standing(state, code or CODES[state], sentence, **facts)


def ended(review: Review, facts: dict[str, Any]) -> Standing:
    """The end date has passed, by the calendar or because a newer version took over."""
    until = day(review.valid_until)
    if review.superseded_by_id is not None:
        newer = review.superseded_by.version if review.superseded_by else ""
        sentence = f"Version {newer} took over from version {review.version.version}; its approval ended on {until}."
        return answer(lifecycle.SUPERSEDED, sentence, facts)
    sentence = (
        f"The approval of version {review.version.version} ended on {until}. Submit the version again to renew it."
    )
    return answer(lifecycle.EXPIRED, sentence, facts)


def condition_late(condition: Condition, facts: dict[str, Any]) -> Standing:
    """A condition is late: the approval is suspended by itself until somebody verifies it."""
    sentence = (
        f"The approval is suspended: condition {condition.reference} of {condition.owner} was due on {condition.due_on:%-d %B %Y} "
        "and is not verified."
    )
    return answer(lifecycle.SUSPENDED, sentence, facts, code="CONDITION_LATE")


def standing(review: Review, conditions: Sequence[Condition], facts: dict[str, Any]) -> Standing:
    """An approval that stands."""
    name, until = review.version.version, day(review.valid_until)
    if not conditions:
        sentence = f"Version {name} is approved for {review.environment} until {until}."
        return answer(lifecycle.APPROVED, sentence, facts | {"valid_until": review.valid_until})
    first = conditions[0]
    count = f"{len(conditions)} condition{'' if len(conditions) == 1 else 's'}"
    sentence = f"Version {name} is approved for {review.environment} until {until} with {count}, the first due on {first.due_on:%-d %B %Y}."
    ends = min(filter(None, [review.valid_until, end_of(first.due_on)]))
    return answer(lifecycle.APPROVED_WITH_CONDITIONS, sentence, facts | {"valid_until": ends})


def version_state(version: ModelVersion, *, environment: Environment | None = None, at: datetime | None = None) -> str:
    """The state of a version now, as the rules find it: a word of `lifecycle.LABELS`."""
    return standing_approval(version, environment=environment, at=at).state


def recorded_states(versions: Sequence[ModelVersion]) -> dict[Any, str]:
    """For lists: the state on record of each version's newest review, in one query; what only rules find is not in it."""
    rows = Review.objects.filter(version__in=versions).order_by("version", "-submitted_at", "-id").distinct("version")
    found = dict(rows.values_list("version", "state"))
    return {version.pk: found.get(version.pk, lifecycle.DRAFT) for version in versions}


def end_of(on: date) -> datetime:
    """The first moment after a day, where the organisation is."""
    return datetime.combine(on + timedelta(days=1), time(), tzinfo=zone())


def day(at: datetime | None) -> str:
    """A moment as a date in a sentence."""
    return f"{at.astimezone(zone()):%-d %B %Y}" if at else "no date"

"""What rules find, written down: standings that changed by themselves, and versions that a newer one took over from."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit import services as audit
from apps.registry.models import Deployment, ModelVersion
from apps.workflow import lifecycle
from apps.workflow.models import Condition, Review
from apps.workflow.queries.standing import Standing, standing_approval

ROLL_BACK_WITHIN = timedelta(days=30)
VERBS = {
    lifecycle.STALE: "workflow.went_stale",
    lifecycle.EXPIRED: "workflow.expired",
    lifecycle.SUSPENDED: "workflow.condition_went_late",
    lifecycle.SUPERSEDED: "workflow.superseded",
}


@transaction.atomic
def note_standing(review: Review) -> Standing:
    """Judge an approval on record now and, when the answer is another than last time, put it into the log.

    The log is told for those who are notified; the gate asks for itself and never waits for this.
    """
    review = Review.objects.select_related("process", "environment", "version__model__use_case").locked(review.pk)
    found = standing_approval(review.version, environment=review.environment)
    if found.review is None or found.review.pk != review.pk or found.state == review.recorded_standing:
        return found
    before = review.recorded_standing
    review.recorded_standing = found.state
    review.save(update_fields=["recorded_standing"])
    verb = VERBS.get(found.state, "workflow.stands_again")
    audit.record(
        audit.system("workflow"), verb, review, reason=found.sentence,
        data={"code": found.code, "before": before, "version": str(review.version_id),
              "changes": [change.code for change in found.changes]},
    )  # fmt: skip
    return found


def note_ended() -> int:
    """Note approvals whose end date, or the date of a condition, has passed since somebody last looked."""
    now = timezone.now()
    late = Condition.objects.open().filter(due_on__lt=now.date()).values("review")
    rows = Review.objects.granted().filter(
        Q(valid_until__lt=now) | Q(pk__in=late), recorded_standing__in=lifecycle.GRANTED
    )
    reviews = list(rows)
    for review in reviews:
        note_standing(review)
    return len(reviews)


def note_changed(subjects: set[str]) -> int:
    """Note what a change of these subjects did to approvals on record."""
    keys: dict[str, set[str]] = {}
    for subject in subjects:
        kind, _, key = subject.partition(":")
        keys.setdefault(kind, set()).add(key)
    touched = Q(version__in=keys.get("model_version", ())) | Q(version__model__use_case__in=keys.get("use_case", ()))
    touched |= Q(version__dataset_links__dataset_version__in=keys.get("dataset_version", ()))
    if "policy" in keys:
        touched |= Q(process__tier__in=tiers_of(keys["policy"]))
    reviews = list(Review.objects.granted().filter(touched).distinct())
    for review in reviews:
        note_standing(review)
    return len(reviews)


def tiers_of(policies: set[str]) -> list[int]:
    """The tiers that these policies hold to account."""
    from apps.policy.models import Policy

    return list(Policy.objects.filter(pk__in=policies).values_list("tier", flat=True).distinct())


@transaction.atomic
def take_over(deployment: Any) -> list[Review]:
    """A version started to run: approvals of older versions for that place end by date, which leaves time to roll back."""
    deployment = Deployment.objects.select_related("version__model", "environment").get(pk=deployment)
    version, now = deployment.version, timezone.now()
    older = Review.objects.granted().filter(
        version__model=version.model_id, version__created_at__lt=version.created_at, environment=deployment.environment,
        superseded_by__isnull=True,
    )  # fmt: skip
    reviews = list(older.select_for_update(of=("self",)))
    for review in reviews:
        end_by_date(review, version, now + ROLL_BACK_WITHIN)
    return reviews


def end_by_date(review: Review, newer: ModelVersion, until: Any) -> None:
    """Shorten an approval to a date; it never becomes longer."""
    review.superseded_by = newer
    review.valid_until = min(review.valid_until, until) if review.valid_until else until
    review.save(update_fields=["superseded_by", "valid_until"])
    audit.record(
        audit.system("workflow"), "workflow.superseded", review, changes=[review.version],
        data={"by": str(newer.pk), "until": review.valid_until.isoformat(), "version": str(review.version_id)},
    )  # fmt: skip

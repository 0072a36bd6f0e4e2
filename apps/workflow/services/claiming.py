"""Saying that one looks at a step, so that two people do not read the same thing. A claim releases itself."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import WrongState
from apps.core.permissions import authorise
from apps.workflow.models import Review, Step


@transaction.atomic
def claim(review: Review, *, actor: User) -> Step:
    """The actor looks at the open step from now on; signing is still open to everybody who may."""
    review = Review.objects.select_related("process", "version__model__use_case").locked(review.pk)
    authorise(actor, "workflow.claim", review)
    step = review.open_step
    if step is None:
        raise WrongState("No step of this review is open.")
    step.claimed_by, step.claimed_at = actor, timezone.now()
    step.save(update_fields=["claimed_by", "claimed_at"])
    audit.record(actor, "workflow.claimed", review, data={"step": step.key})
    return step

"""Finding one row by its id for a reader: what they may not see does not exist."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.registry.models import ModelVersion
from apps.registry.past import version_at
from apps.registry.queries import as_uuid
from apps.workflow import past
from apps.workflow.models import Comment, Finding, Review, Signature

RELATED = ("process", "environment", "opened_by", "version__model__use_case", "version__model__owner")


def reviews_for(user: Any) -> QuerySet[Review]:
    """The reviews a user may see, with what pages and answers read."""
    rows: QuerySet[Review] = Review.objects.visible_to(user).select_related(*RELATED)
    return rows


def review_for(user: Any, pk: UUID | str, *, at: datetime | None = None) -> Review:
    """The review with this id, now or as it was, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found = reviews_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such review, or you may not see it.")
    if at is None:
        return found
    then = past.review_at(found, at)
    then.version = version_at(found.version, at)
    return then


def visible_findings(user: Any) -> Any:
    """The findings a user may see, with what pages and answers read."""
    related = (
        "version__model__use_case",
        "version__model__owner",
        "owner",
        "raised_by",
        "answered_by",
        "closed_by",
        "review",
    )
    return Finding.objects.visible_to(user).select_related(*related)


def finding_for(user: Any, pk: UUID | str, *, at: datetime | None = None) -> Finding:
    """The finding with this id, now or as it was, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found: Finding | None = visible_findings(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such finding, or you may not see it.")
    return found if at is None else past.finding_at(found, at)


def signature_for(user: Any, pk: UUID | str) -> Signature:
    """The signature with this id, if the user may see its review. Raises NotFound."""
    rows = Signature.objects.filter(review__in=Review.objects.visible_to(user))
    related = (
        "review__version__model__use_case",
        "review__environment",
        "review__process",
        "step",
        "signer",
        "snapshot",
    )
    key = as_uuid(pk)
    found: Signature | None = rows.select_related(*related).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such signature, or you may not see it.")
    return found


def comments_on(version: ModelVersion, *, at: datetime | None = None) -> QuerySet[Comment]:
    """Everything said about a version, now or until then."""
    rows: QuerySet[Comment] = Comment.objects.filter(version=version.pk).select_related("by")
    return rows if at is None else rows.filter(created_at__lte=at)

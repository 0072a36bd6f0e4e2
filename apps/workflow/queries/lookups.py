"""Finding one row by its id for a reader: what they may not see does not exist."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.registry.models import ModelVersion
from apps.registry.queries import as_uuid
from apps.workflow.models import Comment, Finding, Review, Signature

RELATED = ("process", "environment", "opened_by", "version__model__use_case", "version__model__owner")


def reviews_for(user: Any) -> QuerySet[Review]:
    """The reviews a user may see, with what pages and answers read."""
    rows: QuerySet[Review] = Review.objects.visible_to(user).select_related(*RELATED)
    return rows


def review_for(user: Any, pk: UUID | str) -> Review:
    """The review with this id, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found = reviews_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such review, or you may not see it.")
    return found


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


def finding_for(user: Any, pk: UUID | str) -> Finding:
    """The finding with this id, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found: Finding | None = visible_findings(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such finding, or you may not see it.")
    return found


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


def comments_on(version: ModelVersion) -> QuerySet[Comment]:
    """Everything said about a version."""
    rows: QuerySet[Comment] = Comment.objects.filter(version=version).select_related("by")
    return rows

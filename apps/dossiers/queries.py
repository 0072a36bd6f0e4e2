"""Reads of dossiers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.queries import as_uuid
from apps.core.errors import NotFound
from apps.dossiers.models import Dossier
from apps.registry.models import ModelVersion


def dossiers_for(user: Any) -> QuerySet[Dossier]:
    """The dossiers this person may see, newest first."""
    return Dossier.objects.visible_to(user).select_related(
        "version__model__use_case", "environment", "requested_by", "job", "word_job", "issue"
    )


def dossiers_of(version: ModelVersion) -> QuerySet[Dossier]:
    """The dossiers about a version, newest first."""
    return Dossier.objects.filter(version=version).select_related("version__model", "requested_by", "job", "issue")


def dossier_for(user: Any, pk: UUID | str) -> Dossier:
    """The dossier with this id, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found: Dossier | None = dossiers_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such dossier, or you may not see it.")
    return found

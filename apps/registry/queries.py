"""Reads over the inventory: finding things by the name a caller has, and what the head of a version page shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.accounts.queries import as_uuid
from apps.core.errors import NotFound
from apps.registry import past
from apps.registry.models import ArtifactAlias, Deployment, Environment, Involvement, Model, ModelVersion, UseCase


def by_slug_or_id(queryset: QuerySet[Any], name: str) -> Any:
    """The row with this slug or id among those the queryset lets through. Raises NotFound."""
    key = as_uuid(name)
    found = queryset.filter(pk=key).first() if key else queryset.filter(slug=name).first()
    if found is None:
        raise NotFound(f"There is no {queryset.model._meta.verbose_name} {name[:80]!r}, or you may not see it.")
    return found


def use_case_for(user: Any, name: str, *, at: datetime | None = None) -> UseCase:
    """The use case of this slug or id, now or as it was, if the user may see it. Raises NotFound."""
    found: UseCase = by_slug_or_id(UseCase.objects.visible_to(user).select_related("owner"), name)
    return found if at is None else past.use_case_at(found, at)


def model_for(user: Any, name: str, *, at: datetime | None = None) -> Model:
    """The model of this slug or id, now or as it was, if the user may see it. Raises NotFound."""
    found: Model = by_slug_or_id(Model.objects.visible_to(user).select_related("use_case__owner", "owner"), name)
    return found if at is None else past.model_at(found, at)


def environment_for(user: Any, name: str) -> Environment:
    """The environment of this slug or id, if the user may see it. Raises NotFound."""
    found: Environment = by_slug_or_id(Environment.objects.visible_to(user), name)
    return found


def versions_for(user: Any) -> QuerySet[ModelVersion]:
    """The versions a user may see, with what their pages and answers read."""
    return ModelVersion.objects.visible_to(user).select_related("model__use_case", "model__owner", "created_by")


def version_for(user: Any, pk: Any, *, at: datetime | None = None) -> ModelVersion:
    """The version with this id, its model as it is or was, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found = versions_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such version, or you may not see it.")
    return found if at is None else past.version_at(found, at)


def version_named(user: Any, model: str, version: str, *, at: datetime | None = None) -> ModelVersion:
    """The version of this name of a model given by slug or id, now or then, if the user may see it. Raises NotFound."""
    found = versions_for(user).filter(model=model_for(user, model), version=version).first()
    if found is None:
        raise NotFound(f"{model[:80]!r} has no version {version[:60]!r}, or you may not see it.")
    return found if at is None else past.version_at(found, at)


def deployment_for(user: Any, pk: Any) -> Deployment:
    """The deployment with this id, if the user may see it. Raises NotFound."""
    rows = Deployment.objects.visible_to(user).select_related("version__model__use_case", "environment")
    key = as_uuid(pk)
    found: Deployment | None = rows.filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such deployment, or you may not see it.")
    return found


def versions_with_digest(digest: str) -> QuerySet[ModelVersion]:
    """Versions that consist of the bytes with this digest: by manifest, single file or image. Newest first."""
    named = ArtifactAlias.objects.filter(digest=digest).values("version")
    return ModelVersion.objects.filter(pk__in=named).select_related("model__use_case").order_by("-created_at", "-id")


def involvements_of(version: ModelVersion) -> QuerySet[Involvement]:
    """Who did what to a version, first things first."""
    return Involvement.objects.filter(version=version).select_related("user").order_by("created_at", "id")


@dataclass(frozen=True)
class VersionHeader:
    """The head of every page of a version. `state` and `is_your_turn` are the workflow's to say; the page passes them."""

    title: str
    digest: str
    tier: int | None
    owner: str
    environments: list[str]
    state: str = ""
    is_your_turn: bool = False


def version_header(
    version: ModelVersion, user: Any, *, state: str = "", is_your_turn: bool = False, at: datetime | None = None
) -> VersionHeader:
    """What the head of a version page shows, for a reader who may see the version."""
    rows = Deployment.objects.visible_to(user).filter(version=version).select_related("environment")
    running = [row for row in past.deployments_at(rows, at) if row.state == Deployment.State.ACTIVE]
    return VersionHeader(
        title=str(version),
        digest=version.artifact_digest,
        tier=version.use_case.tier,
        owner=str(version.model.owner),
        environments=sorted({row.environment.name for row in running}),
        state=state,
        is_your_turn=is_your_turn,
    )

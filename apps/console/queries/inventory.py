"""Use cases and models as lists and as pages."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.registry.models import Deployment, Model, ModelVersion, UseCase

RUNNING = [Deployment.State.AUTHORISED, Deployment.State.ACTIVE, Deployment.State.SUSPENDED]


@dataclass(frozen=True)
class ModelRow:
    """A model as a line of a list: its newest version and what of it runs where."""

    model: Model
    newest: ModelVersion | None
    running: list[Deployment]


def use_cases(user: User, *, text: str = "", tier: str = "") -> QuerySet[UseCase]:
    """The use cases this person may see, filtered."""
    rows = UseCase.objects.visible_to(user).select_related("owner")
    if text:
        rows = rows.filter(Q(title__icontains=text) | Q(slug__icontains=text) | Q(purpose__icontains=text))
    if tier == "none":
        rows = rows.filter(tier__isnull=True)
    elif tier:
        rows = rows.filter(tier=tier)
    return rows


def use_case(user: User, slug: str) -> UseCase:
    """One use case with the people its page names."""
    people = ["owner", "created_by", "tier_proposed_by", "tier_confirmed_by"]
    found = UseCase.objects.visible_to(user).select_related(*people).filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no use case {slug}, or you may not see it.")
    return found


def models(user: User, *, text: str = "", tier: str = "", state: str = "", mine: bool = False) -> QuerySet[Model]:
    """The models this person may see, filtered."""
    rows = Model.objects.visible_to(user).select_related("use_case", "owner")
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(slug__icontains=text) | Q(use_case__title__icontains=text))
    if tier:
        rows = rows.filter(use_case__tier=tier)
    if state:
        rows = rows.filter(state=state)
    if mine:
        rows = rows.filter(owner=user)
    return rows


def model(user: User, slug: str) -> Model:
    """One model with its use case."""
    found = Model.objects.visible_to(user).select_related("use_case", "owner", "created_by").filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no model {slug}, or you may not see it.")
    return found


def model_rows(models: Iterable[Model]) -> list[ModelRow]:
    """Lines for these models: two queries, however many."""
    listed = list(models)
    keys = [model.pk for model in listed]
    newest_id = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    ids = Model.objects.filter(pk__in=keys).values_list("pk", Subquery(newest_id))
    newest = ModelVersion.objects.select_related("created_by").in_bulk([version for _model, version in ids if version])
    by_model = {version.model_id: version for version in newest.values()}
    running = running_of(version__model__in=keys)
    return [ModelRow(model, by_model.get(model.pk), running.get(model.pk, [])) for model in listed]


def running_of(**which: Any) -> dict[Any, list[Deployment]]:
    """What runs, or may start, now; by model."""
    rows = Deployment.objects.filter(state__in=RUNNING, **which).select_related("version", "environment")
    found = defaultdict(list)
    for row in rows.order_by("-environment__is_production", "environment__name", "-id"):
        found[row.version.model_id].append(row)
    return dict(found)


def versions(model: Model) -> QuerySet[ModelVersion]:
    """The versions of a model, newest first."""
    rows: QuerySet[ModelVersion] = ModelVersion.objects.filter(model=model).select_related("created_by")
    return rows


def running_by_version(model: Model) -> dict[Any, list[Deployment]]:
    """What of this model runs now, by version."""
    found = defaultdict(list)
    for row in running_of(version__model=model).get(model.pk, []):
        found[row.version_id].append(row)
    return dict(found)

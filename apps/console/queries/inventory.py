"""Use cases and models as lists and as pages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.accounts.models import User
from apps.policy import phrases
from apps.registry import past
from apps.registry.models import Deployment, Model, ModelVersion, UseCase
from apps.workflow.queries import PathPreview

WIDE = ("artifact_files", "training", "features", "endpoint", "output", "reason_note")
RUNNING = [Deployment.State.AUTHORISED, Deployment.State.ACTIVE, Deployment.State.SUSPENDED]


@dataclass(frozen=True)
class ModelRow:
    """A model as a line of a list: its newest version and what of it runs where."""

    model: Model
    newest: ModelVersion | None
    running: list[Deployment]


def use_cases(user: User, *, text: str = "", tier: str = "", at: datetime | None = None) -> QuerySet[UseCase]:
    """The use cases this person may see, filtered; those of then by what never changes."""
    rows = UseCase.objects.visible_to(user).select_related("owner")
    if at is not None:
        return rows.filter(created_at__lte=at, slug__icontains=text)
    if text:
        rows = rows.filter(Q(title__icontains=text) | Q(slug__icontains=text) | Q(purpose__icontains=text))
    if tier == "none":
        rows = rows.filter(tier__isnull=True)
    elif tier:
        rows = rows.filter(tier=tier)
    return rows


def use_case_rows(use_cases: Iterable[UseCase], at: datetime | None = None) -> list[UseCase]:
    """These use cases, now or as they were."""
    return list(use_cases) if at is None else [past.use_case_at(row, at) for row in use_cases]


def models(
    user: User, *, text: str = "", tier: str = "", state: str = "", mine: bool = False, at: datetime | None = None
) -> QuerySet[Model]:
    """The models this person may see, filtered; those of then by what never changes."""
    rows = Model.objects.visible_to(user).select_related("use_case", "owner")
    if at is not None:
        named = Q(name__icontains=text) | Q(slug__icontains=text) | Q(use_case__slug__icontains=text)
        return rows.filter(named, created_at__lte=at)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(slug__icontains=text) | Q(use_case__title__icontains=text))
    if tier:
        rows = rows.filter(use_case__tier=tier)
    if state:
        rows = rows.filter(state=state)
    if mine:
        rows = rows.filter(owner=user)
    return rows


def model_rows(models: Iterable[Model], at: datetime | None = None) -> list[ModelRow]:
    """Lines for these models, now or as they were: two queries for now, however many."""
    listed = list(models) if at is None else [past.model_at(row, at) for row in models if row.created_at <= at]
    keys = [model.pk for model in listed]
    known = ModelVersion.objects.all() if at is None else ModelVersion.objects.filter(created_at__lte=at)
    newest_id = known.filter(model=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    ids = Model.objects.filter(pk__in=keys).values_list("pk", Subquery(newest_id))
    named = ModelVersion.objects.only("id", "created_at", "version", "model_id")
    newest = named.in_bulk([version for _model, version in ids if version])
    by_model = {version.model_id: version for version in newest.values()}
    running = running_of(at, version__model__in=keys)
    return [ModelRow(model, by_model.get(model.pk), running.get(model.pk, [])) for model in listed]


def running_of(at: datetime | None = None, **which: Any) -> dict[Any, list[Deployment]]:
    """What runs, or may start, now or then; by model."""
    rows = Deployment.objects.filter(**which).select_related("version", "environment")
    rows = rows.filter(state__in=RUNNING) if at is None else rows.filter(created_at__lte=at)
    rows = rows.defer(*(f"version__{name}" for name in WIDE))
    found = defaultdict(list)
    for row in past.deployments_at(rows.order_by("-environment__is_production", "environment__name", "-id"), at):
        if row.state in RUNNING:
            found[row.version.model_id].append(row)
    return dict(found)


def versions(model: Model, at: datetime | None = None) -> QuerySet[ModelVersion]:
    """The versions of a model, newest first."""
    rows: QuerySet[ModelVersion] = ModelVersion.objects.filter(model=model.pk).select_related("created_by")
    return rows if at is None else rows.filter(created_at__lte=at)


def running_by_version(model: Model, at: datetime | None = None) -> dict[Any, list[Deployment]]:
    """What of this model runs now or ran then, by version."""
    found = defaultdict(list)
    for row in running_of(at, version__model=model).get(model.pk, []):
        found[row.version_id].append(row)
    return dict(found)


AREAS = {
    "use": "The use", "model": "The model", "data": "The data", "eu": "European Union", "us": "United States",
    "uk": "United Kingdom", "ca": "California", "nyc": "New York City",
}  # fmt: skip


@dataclass(frozen=True)
class FactRow:
    """An answered fact with the question it answers."""

    name: str
    question: str
    answer: str
    is_no: bool = False


@dataclass(frozen=True)
class FactArea:
    """The answered facts about one thing."""

    key: str
    title: str
    rows: list[FactRow]

    @property
    def told(self) -> list[FactRow]:
        """Those that are more than a no."""
        return [row for row in self.rows if not row.is_no]

    @property
    def denied(self) -> list[FactRow]:
        """Those whose answer is no."""
        return [row for row in self.rows if row.is_no]


def fact_areas(facts: Mapping[str, Any], catalogue: Mapping[str, Mapping[str, Any]]) -> list[FactArea]:
    """The answered facts by what they are about, in the catalogue's order, each with its question."""
    found: dict[str, list[FactRow]] = {}
    for name in [name for name in catalogue if name in facts] + sorted(set(facts) - set(catalogue)):
        question = str(catalogue.get(name, {}).get("question", name))
        row = FactRow(name, question, phrases.value(facts[name]), is_no=facts[name] is False)
        found.setdefault(name.partition(".")[0], []).append(row)
    keys = [*(key for key in AREAS if key in found), *(key for key in found if key not in AREAS)]
    return [FactArea(key, AREAS.get(key, key), found[key]) for key in keys]


def path_steps(preview: PathPreview | None) -> list[dict[str, str]]:
    """The steps of a way that has not begun, for the step line."""
    rows = []
    for step in preview.steps if preview else []:
        quorum = f", {step['quorum']} signatures" if step["quorum"] > 1 else ""
        note = "" if str(step["when"]).strip() == "true" else "when it applies"
        rows.append({"name": step["title"], "who": f"{step['role']}{quorum}", "note": note, "state": "later"})
    return rows

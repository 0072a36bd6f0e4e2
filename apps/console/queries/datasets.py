"""Datasets as a list and as a page: terms, columns, what happened, and who is hit."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import User
from apps.catalog import past
from apps.catalog.models import Classification, Dataset, DatasetEvent, DatasetVersion, Field
from apps.catalog.queries import PERSONAL
from apps.console.queries.inventory import RUNNING
from apps.core.errors import NotFound
from apps.registry.models import DatasetLink, Deployment, ModelVersion
from apps.registry.past import deployments_at

VERSIONS_SHOWN = 20
HITS_SHOWN = 200


@dataclass(frozen=True)
class DatasetRow:
    """A dataset as a line of a list."""

    dataset: Dataset
    fields: int
    unclassified: int
    personal: int


@dataclass(frozen=True)
class Hit:
    """A model version that rests on a dataset, with where it runs."""

    link: DatasetLink
    deployments: list[Deployment]


def datasets(
    user: User, *, text: str = "", standing: str = "", state: str = "", at: datetime | None = None
) -> QuerySet[Dataset]:
    """The datasets this person may see, filtered; those of then by what never changes."""
    rows: QuerySet[Dataset] = Dataset.objects.visible_to(user).select_related("owner")
    if at is not None:
        return rows.filter(Q(name__icontains=text) | Q(namespace__icontains=text), created_at__lte=at)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(title__icontains=text) | Q(namespace__icontains=text))
    if standing:
        rows = rows.filter(is_governed=standing == "governed")
    if state:
        rows = rows.filter(state=state)
    return rows


def dataset_rows(datasets: list[Dataset], at: datetime | None = None) -> list[DatasetRow]:
    """Lines for these datasets, now or as they were: for now one query for the columns of all."""
    if at is not None:
        return [_row_at(then, past.fields_at(then, at)) for then in past.datasets_at(datasets, at)]
    counts = (
        Field.objects.filter(dataset__in=datasets)
        .values("dataset")
        .annotate(
            all=Count("id"),
            unclassified=Count("id", filter=Q(classification=Classification.UNCLASSIFIED)),
            personal=Count("id", filter=Q(classification__in=PERSONAL)),
        )
    )
    by_dataset = {row["dataset"]: row for row in counts.order_by()}
    nothing = {"all": 0, "unclassified": 0, "personal": 0}
    found = [(dataset, by_dataset.get(dataset.pk, nothing)) for dataset in datasets]
    return [DatasetRow(dataset, row["all"], row["unclassified"], row["personal"]) for dataset, row in found]


def _row_at(then: Dataset, columns: list[Field]) -> DatasetRow:
    kinds = [column.classification for column in columns]
    personal = sum(kind in PERSONAL for kind in kinds)
    return DatasetRow(then, len(kinds), kinds.count(Classification.UNCLASSIFIED), personal)


def dataset(user: User, key: Any, at: datetime | None = None) -> Dataset:
    """One dataset with its owner, now or as it was."""
    found: Dataset | None = Dataset.objects.visible_to(user).select_related("owner").filter(pk=key).first()
    if found is None:
        raise NotFound("There is no dataset with this id, or you may not see it.")
    return found if at is None else past.dataset_at(found, at)


def versions(dataset: Dataset, at: datetime | None = None) -> list[DatasetVersion]:
    """The newest states of a dataset."""
    return list(
        until(DatasetVersion.objects.filter(dataset=dataset.pk), at).order_by("-valid_from", "-id")[:VERSIONS_SHOWN]
    )


def until(rows: QuerySet[Any], at: datetime | None) -> QuerySet[Any]:
    """Rows that never change, as far as there were any at a moment."""
    return rows if at is None else rows.filter(created_at__lte=at)


def fields(dataset: Dataset, at: datetime | None = None) -> list[Field]:
    """Its columns in their order."""
    return past.fields_at(dataset, at)


def events(dataset: Dataset, at: datetime | None = None) -> list[DatasetEvent]:
    """What happened to it, newest first."""
    return list(until(DatasetEvent.objects.filter(dataset=dataset.pk), at).select_related("by")[:50])


def hits(user: User, dataset: Dataset, at: datetime | None = None) -> list[Hit]:
    """The model versions that name a state of this dataset, newest first, and where each runs."""
    links = until(
        DatasetLink.objects.filter(
            dataset_version__dataset=dataset.pk, version__in=ModelVersion.objects.visible_to(user)
        ),
        at,
    )
    links = links.select_related("version__model__use_case", "dataset_version").order_by("-version__created_at", "role")
    shown = list(links[:HITS_SHOWN])
    running = defaultdict(list)
    active = Deployment.objects.filter(version__in=[link.version_id for link in shown])
    for deployment in deployments_at(active.select_related("environment"), at):
        if deployment.state not in RUNNING:
            continue
        running[deployment.version_id].append(deployment)
    return [Hit(link, running.get(link.version_id, [])) for link in shown]


def terms_outcome(dataset: Dataset, on: date) -> str:
    """The state of the terms as one word of the vocabulary: satisfied, expired, or missing when nobody recorded any."""
    if dataset.terms_have_ended(on):
        return "expired"
    return "satisfied" if dataset.terms else "missing"

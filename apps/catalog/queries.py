"""Reads over datasets: what a judgement asks of one, and how the list counts them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.catalog.models import Classification, Dataset, DatasetVersion, Field
from apps.core.errors import NotFound

PERSONAL = (
    Classification.IDENTIFIER,
    Classification.QUASI_IDENTIFIER,
    Classification.PERSONAL,
    Classification.SPECIAL_CATEGORY,
)


def datasets_for(user: Any) -> QuerySet[Dataset]:
    """The datasets a user sees, with how many fields each has and how many of them are about persons."""
    return (
        Dataset.objects.visible_to(user)
        .select_related("owner")
        .annotate(
            field_count=Count("fields", distinct=True),
            personal_count=Count("fields", filter=Q(fields__classification__in=PERSONAL), distinct=True),
            version_count=Count("versions", distinct=True),
        )
    )


def version_subjects(dataset: Dataset) -> list[str]:
    """The judged subjects of a dataset: all its versions, because terms and fields are said of the dataset."""
    keys = DatasetVersion.objects.filter(dataset=dataset).order_by("pk").values_list("pk", flat=True)
    return [f"dataset_version:{pk}" for pk in keys]


def fields_of(datasets: Iterable[Dataset]) -> dict[Any, list[Field]]:
    """Fields by dataset id, in their order, in one query."""
    found: dict[Any, list[Field]] = {dataset.pk: [] for dataset in datasets}
    for field in Field.objects.filter(dataset__in=found).order_by("ordinal", "path"):
        found[field.dataset_id].append(field)
    return found


def protected_fields(dataset: Dataset) -> list[Field]:
    """The protected attributes of a dataset."""
    return list(dataset.fields.filter(is_protected=True).order_by("ordinal", "path"))


def dataset_for(user: Any, pk: Any) -> Dataset:
    """The dataset with this id, if the user may see it. Raises NotFound."""
    found: Dataset | None = Dataset.objects.visible_to(user).select_related("owner").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such dataset, or you may not see it.")
    return found

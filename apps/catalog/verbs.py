"""How entries about data read, and how datasets are called."""

from collections.abc import Mapping

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.catalog.models import Dataset, DatasetVersion

register(
    {
        "catalog.dataset_seen": "first named",
        "catalog.version_seen": "first named",
        "catalog.version_completed": "completed what is known of",
        "catalog.fields_seen": "named new columns of",
        "catalog.dataset_registered": "registered",
        "catalog.terms_changed": "changed the terms of",
        "catalog.fields_declared": "declared columns of",
        "catalog.event_recorded": "recorded an event of",
    }
)


@names("dataset")
def dataset_names(keys: set[str]) -> Mapping[str, Name]:
    """Datasets by title, or by name where nobody gave a title."""
    found = Dataset.objects.filter(pk__in=uuids_among(keys))
    return {str(row.pk): Name(str(row), f"/datasets/{row.pk}/") for row in found}


@names("dataset_version")
def dataset_version_names(keys: set[str]) -> Mapping[str, Name]:
    """States of datasets by dataset and key."""
    found = DatasetVersion.objects.filter(pk__in=uuids_among(keys)).select_related("dataset")
    return {str(row.pk): Name(str(row), f"/datasets/{row.dataset_id}/") for row in found}

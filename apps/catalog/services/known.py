"""What becomes known without anybody declaring it: a run or a registered version names a dataset, a state, a column.

These calls authorise nobody: their callers did, and the rows claim nothing but that somebody named them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import record, system
from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.catalog.services.recording import record_change
from apps.core.errors import Conflict

FILLABLE = ("sha256", "uri", "rows", "schema_hash")


@transaction.atomic
def ensure_dataset(namespace: str, name: str, *, actor: Any = None) -> Dataset:
    """The dataset of this name; an ungoverned one when nobody named it before. Safe when two callers come at once."""
    dataset, is_new = Dataset.objects.get_or_create(namespace=namespace, name=name)
    if is_new:
        record(actor or system("catalog"), "catalog.dataset_seen", dataset, data={"namespace": namespace, "name": name})
    return dataset


@transaction.atomic
def ensure_version(
    dataset: Dataset,
    key: str,
    *,
    origin: str,
    sha256: str = "",
    uri: str = "",
    rows: int | None = None,
    schema_hash: str = "",
    valid_from: datetime | None = None,
    actor: Any = None,
) -> DatasetVersion:
    """The version with this key. What is unknown of it is filled in; a different hash of the same key is a Conflict."""
    told = {"sha256": sha256, "uri": uri, "rows": rows, "schema_hash": schema_hash}
    start = {"origin": origin, "valid_from": valid_from or timezone.now(), **told}
    version, is_new = DatasetVersion.objects.get_or_create(dataset=dataset, key=key, defaults=start)
    if is_new:
        seen = {"key": key, "origin": origin, "sha256": sha256, "dataset": str(dataset.pk)}
        record(actor or system("catalog"), "catalog.version_seen", version, data=seen)
        return version
    if sha256 and version.sha256 and sha256 != version.sha256:
        raise Conflict(
            f"Version {key} of {dataset} has sha256 {version.sha256}, and now {sha256} is given. "
            "Other bytes are another version: give it another key.",
            code="OTHER_BYTES",
        )
    filled = [name for name in FILLABLE if told[name] not in {None, ""} and getattr(version, name) in {None, ""}]
    if filled:
        for name in filled:
            setattr(version, name, told[name])
        version.save(update_fields=filled)
        record(
            actor or system("catalog"), "catalog.version_completed", version, data={"filled": filled}, changes=[version]
        )
    return version


@transaction.atomic
def ensure_fields(dataset: Dataset, columns: Iterable[tuple[str, str, int]], *, actor: Any = None) -> list[Field]:
    """Columns named as (path, type, ordinal). New ones are not classified yet; types of undeclared ones follow the newest."""
    wanted = {path: (kind or "", ordinal) for path, kind, ordinal in columns}
    if not wanted:
        return []
    known = {field.path: field for field in dataset.fields.filter(path__in=wanted)}
    fresh = [
        Field(dataset=dataset, path=path, type=kind, ordinal=ordinal)
        for path, (kind, ordinal) in wanted.items()
        if path not in known
    ]
    Field.objects.bulk_create(fresh, ignore_conflicts=True)
    moved = [field for path, field in known.items() if wanted[path][0] and wanted[path] != (field.type, field.ordinal)]
    for field in moved:
        field.type, field.ordinal = wanted[field.path]
    Field.objects.bulk_update(moved, ["type", "ordinal"])
    if fresh:
        names = {"fields": sorted(field.path for field in fresh)}
        record_change(actor or system("catalog"), "catalog.fields_seen", dataset, said=names)
    return list(dataset.fields.filter(path__in=wanted).order_by("ordinal", "path"))

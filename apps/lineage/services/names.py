"""From names to rows: datasets, columns and versions of the catalog, and jobs. Found in bulk, made where missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.catalog.services import ensure_dataset, ensure_fields, ensure_version
from apps.lineage.identity import TYPE, fitting, fitting_name
from apps.lineage.merge import Name
from apps.lineage.models import Job

UNVERSIONED = "unversioned"


class Names:
    """What one projection needs to know about datasets, columns, versions and jobs."""

    def __init__(self) -> None:
        self.datasets: dict[Name, Dataset] = {}
        self.jobs: dict[Name, Job] = {}
        self.fields: dict[tuple[UUID, str], Field] = {}
        self.versions: dict[tuple[UUID, str], DatasetVersion] = {}
        self._fields_known: set[UUID] = set()

    def need_datasets(self, names: Iterable[Name]) -> None:
        """Find these datasets; those that nobody registered become ungoverned stubs."""
        wanted = {name: fitting_name(*name) for name in names if name not in self.datasets}
        short = set(wanted.values())
        rows = Dataset.objects.filter(
            namespace__in={namespace for namespace, _ in short}, name__in={name for _, name in short}
        )
        found = {(row.namespace, row.name): row for row in rows}
        for full, fitted in sorted(wanted.items()):
            if fitted not in found:
                found[fitted] = ensure_dataset(*fitted)
            self.datasets[full] = found[fitted]

    def need_jobs(self, names: Iterable[Name]) -> None:
        """Find these jobs, or make them."""
        wanted = {name: fitting_name(*name) for name in names if name not in self.jobs}
        short = set(wanted.values())
        rows = Job.objects.filter(namespace__in={item[0] for item in short}, name__in={item[1] for item in short})
        found = {(row.namespace, row.name): row for row in rows}
        for full, fitted in sorted(wanted.items()):
            if fitted not in found:
                found[fitted] = Job.objects.create(namespace=fitted[0], name=fitted[1])
            self.jobs[full] = found[fitted]

    def need_fields(self, wanted: dict[UUID, dict[str, tuple[str, int]]]) -> None:
        """Find these columns, or make them as columns that a run named."""
        unknown = [dataset for dataset in wanted if dataset not in self._fields_known]
        for row in Field.objects.filter(dataset__in=unknown):
            self.fields[row.dataset_id, row.path] = row
        self._fields_known.update(unknown)
        owners = {dataset.pk: dataset for dataset in self.datasets.values()}
        for owner, columns in sorted(wanted.items()):
            missing = [
                (path, fitting(kind, TYPE), ordinal)
                for path, (kind, ordinal) in sorted(columns.items(), key=lambda item: (item[1][1], item[0]))
                if (owner, path) not in self.fields
            ]
            if missing:
                ensure_fields(owners[owner], missing)
                for row in Field.objects.filter(dataset=owner, path__in=[path for path, _, _ in missing]):
                    self.fields[owner, row.path] = row

    def has_column(self, owner: UUID, path: str, kind: str, ordinal: int) -> bool:
        """Whether the column is known as this type at this place; a producer that names no type says nothing of it."""
        known = self.fields.get((owner, path))
        return known is not None and (not kind or (known.type, known.ordinal) == (kind, ordinal))

    def need_versions(self, wanted: dict[tuple[UUID, str], dict[str, Any]]) -> None:
        """Find these dataset versions, or make them from what is said beside them."""
        owners = {dataset.pk: dataset for dataset in self.datasets.values()}
        rows = DatasetVersion.objects.filter(
            dataset__in={owner for owner, _ in wanted}, key__in={key for _, key in wanted}
        )
        self.versions.update({(row.dataset_id, row.key): row for row in rows})
        for (owner, key), said in sorted(wanted.items(), key=lambda item: (str(item[0][0]), item[0][1])):
            if (owner, key) not in self.versions:
                self.versions[owner, key] = ensure_version(owners[owner], key, **said)

    def need_some_version(self, seen_at: datetime) -> None:
        """Give a dataset without any version one, because judgements depend on versions."""
        owners = {dataset.pk: dataset for dataset in self.datasets.values()}
        having = set(DatasetVersion.objects.filter(dataset__in=owners).values_list("dataset_id", flat=True))
        for owner in sorted(owners.keys() - having):
            ensure_version(owners[owner], UNVERSIONED, origin=DatasetVersion.Origin.SCHEMA, valid_from=seen_at)

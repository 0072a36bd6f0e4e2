"""Node names of the API: ``dataset:{namespace}:{name}``, ``datasetField:…:{field}``, ``job:…``, ``version:{id}``.

Namespaces hold colons themselves, so every split is tried against what is known; the longest namespace wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.catalog.models import Dataset, Field
from apps.core.errors import BadRequest, NotFound
from apps.lineage.identity import fitting_name, path_of
from apps.lineage.models import Job
from apps.registry.models import ModelVersion
from apps.registry.queries import as_uuid, version_for

FORMS = "dataset:{namespace}:{name}, datasetField:{namespace}:{name}:{field}, job:{namespace}:{name} or version:{id}"
LONGEST = 4_000
MOST_SPLITS = 24


@dataclass(frozen=True)
class Node:
    """One thing in the graph."""

    kind: str
    dataset: Dataset | None = None
    field: Field | None = None
    job: Job | None = None
    version: ModelVersion | None = None

    @property
    def id(self) -> str:
        """Its name in the API."""
        if self.version is not None:
            return version_node(self.version.pk)
        if self.job is not None:
            return job_node(self.job)
        if self.field is not None and self.dataset is not None:
            return field_node(self.dataset, self.field.path)
        return dataset_node(self.dataset) if self.dataset is not None else ""

    @property
    def label(self) -> str:
        """What people call it."""
        if self.field is not None:
            return f"{self.dataset}.{self.field.path}"
        return str(self.version or self.job or self.dataset)


def dataset_node(dataset: Any) -> str:
    """The node name of a dataset."""
    return f"dataset:{dataset.namespace}:{dataset.name}"


def field_node(dataset: Any, path: str) -> str:
    """The node name of a column."""
    return f"datasetField:{dataset.namespace}:{dataset.name}:{path}"


def job_node(job: Any) -> str:
    """The node name of a job."""
    return f"job:{job.namespace}:{job.name}"


def version_node(pk: UUID) -> str:
    """The node name of a model version."""
    return f"version:{pk}"


def _splits(text: str) -> list[tuple[str, str]]:
    places = [index for index, character in enumerate(text) if character == ":"][:MOST_SPLITS]
    return [(text[:place], text[place + 1 :]) for place in reversed(places)]


def _named(model: Any, text: str) -> Any:
    """The row whose namespace and name the text joins; the longest namespace first."""
    pairs = [fitting_name(space, name) for space, name in _splits(text)]
    rows = model.objects.filter(namespace__in=[space for space, _ in pairs], name__in=[name for _, name in pairs])
    found = {(row.namespace, row.name): row for row in rows}
    return next((found[pair] for pair in pairs if pair in found), None)


def _field(text: str) -> tuple[Dataset, Field] | None:
    for head, path in _splits(text):
        dataset = _named(Dataset, head)
        if dataset is not None:
            known = Field.objects.filter(dataset=dataset, path=path_of(path)).first()
            if known is not None:
                return dataset, known
    return None


def find_node(text: str, *, user: Any) -> Node:
    """The node of this name. Raises BadRequest on a form that does not exist and NotFound on a thing nobody named."""
    kind, _, rest = text.partition(":")
    if len(text) > LONGEST or "\x00" in text or not rest or kind not in ("dataset", "datasetField", "job", "version"):
        raise BadRequest(f"{text[:80]!r} names no node. A node is {FORMS}.", code="NODE")
    if kind == "version":
        return Node("version", version=version_for(user, rest))
    if kind == "job":
        job = _named(Job, rest)
        if job is not None:
            return Node("job", job=job)
    elif kind == "datasetField":
        found = _field(rest)
        if found is not None:
            return Node("datasetField", dataset=found[0], field=found[1])
    else:
        key = as_uuid(rest)
        dataset = Dataset.objects.filter(pk=key).first() if key else _named(Dataset, rest)
        if dataset is not None:
            return Node("dataset", dataset=dataset)
    raise NotFound(f"No event and nobody has named {rest[:200]!r} as a {_word(kind)} yet.", code="NODE_UNKNOWN")


def _word(kind: str) -> str:
    return {"dataset": "dataset", "datasetField": "column of a dataset", "job": "job"}[kind]


def column_of(dataset: Dataset, path: str) -> Node:
    """The node of a column of this dataset. Raises NotFound."""
    known = Field.objects.filter(dataset=dataset, path=path_of(path)).first()
    if known is None:
        raise NotFound(
            f"{dataset} has no column {path[:120]!r}, as far as any event or person said.", code="NODE_UNKNOWN"
        )
    return Node("datasetField", dataset=dataset, field=known)

"""Which model versions a dataset or some of its columns reach, from lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.catalog.models import Dataset, Field
from apps.lineage import queries as lineage
from apps.lineage.queries import Impact, Node
from apps.registry.models import ModelVersion


@dataclass(frozen=True)
class Downstream:
    """The versions that are hit, and how much of that answer is known."""

    versions: list[ModelVersion]
    impacts: list[Impact]
    completeness: dict[str, Any]


def versions_hit(dataset: Dataset, fields: Sequence[str] = ()) -> Downstream:
    """Versions downstream of a dataset; with fields, those downstream of one of these columns. Whoever may see them."""
    columns = list(Field.objects.filter(dataset=dataset, path__in=list(fields)).order_by("ordinal", "path"))
    nodes = [Node("field", dataset=dataset, field=column) for column in columns] or [Node("dataset", dataset=dataset)]
    impacts = [lineage.impact(node) for node in nodes]
    versions = {hit.version.pk: hit.version for impact in impacts for hit in impact.hits}
    worst = min((impact.completeness for impact in impacts), key=lambda found: found.is_complete)
    completeness = {"is_complete": worst.is_complete, "sentence": str(worst.sentence), "edges": dict(worst.edges)}
    return Downstream(list(versions.values()), impacts, completeness)

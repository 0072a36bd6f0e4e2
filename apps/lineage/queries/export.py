"""The whole derived state in one canonical text: equal texts mean equal graphs, whatever the order of arrival."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from apps.catalog.models import Dataset
from apps.lineage.models import Edge, EdgeRun, Facet, FieldEdge, FieldEdgeRun, Job, NameAlias, Run, RunIO

DATASET = ("dataset__namespace", "dataset__name")


def rows() -> Iterator[list[Any]]:
    """Every derived row by names instead of ids, in no particular order."""
    tables: list[tuple[str, Any, tuple[str, ...]]] = [
        ("job", Job.objects, ("namespace", "name", "processing", "integration")),
        ("run", Run.objects, ("run_id", "job__namespace", "job__name", "state", "started_at", "is_start_inferred",
                              "ended_at", "seen_at", "parent_run_id", "notes", "has_io", "failed_tasks", "merged")),
        ("io", RunIO.objects, ("run__run_id", "run__job__name", *DATASET, "direction", "version__key", "rows", "kind",
                               "is_source")),
        ("edge", Edge.objects, ("source__namespace", "source__name", "target__namespace", "target__name", "basis",
                                "job__namespace", "job__name", "first_seen", "last_seen", "retired_at")),
        ("edge_run", EdgeRun.objects, ("edge__source__name", "edge__target__name", "edge__basis", "run__run_id",
                                       "is_written")),
        ("field_edge", FieldEdge.objects, ("source__namespace", "source__name", "source_field__path",
                                           "target__namespace", "target__name", "target_field__path", "basis",
                                           "job__namespace", "job__name", "type", "subtype", "is_masked",
                                           "description", "first_seen", "last_seen", "retired_at")),
        ("field_edge_run", FieldEdgeRun.objects, ("edge__source__name", "edge__source_field__path",
                                                  "edge__target__name", "edge__target_field__path", "run__run_id",
                                                  "is_written")),
        ("alias", NameAlias.objects, (*DATASET, "alias__namespace", "alias__name", "kind", "type", "stated_at",
                                      "is_shared")),
    ]  # fmt: skip
    for label, objects, columns in tables:
        for values in objects.values_list(*columns).iterator():
            yield [label, *values]
    yield from _facets()


def _facets() -> Iterator[list[Any]]:
    owners: dict[str, Any] = {
        f"job:{pk}": [space, name] for pk, space, name in Job.objects.values_list("pk", "namespace", "name")
    }
    owners |= {f"run:{pk}": str(run) for pk, run in Run.objects.values_list("pk", "run_id")}
    owners |= {
        f"io:{pk}": [str(run), *name]
        for pk, run, *name in RunIO.objects.values_list("pk", "run__run_id", "direction", *DATASET)
    }
    owners |= {
        f"dataset:{pk}": [space, name] for pk, space, name in Dataset.objects.values_list("pk", "namespace", "name")
    }
    columns = (
        "subject",
        "place",
        "name",
        "body",
        "rank",
        "event__digest",
        "schema_url",
        "status",
        "note",
        "is_deleted",
    )
    for subject, *values in Facet.objects.values_list(*columns).iterator():
        yield ["facet", owners.get(subject, subject), *values]


def export() -> str:
    """All derived rows, one JSON line each, sorted."""
    lines = sorted(json.dumps(row, default=str, ensure_ascii=True, sort_keys=True) for row in rows())
    return "\n".join(lines)


def digest() -> str:
    """The digest of the export."""
    return "sha256:" + hashlib.sha256(export().encode()).hexdigest()

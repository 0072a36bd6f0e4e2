"""From runs and declarations to edges: upsert, evidence, and when an edge began and stopped to hold.

All times of an edge are computed in SQL from its evidence, so they do not depend on the order of arrival. An edge that no
run proves any more (a guess at START that COMPLETE made exact) is removed: it never was true. One that newer runs no
longer show is retired after three successful runs without it, and stays for questions about the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.lineage import merge, openlineage
from apps.lineage.identity import path_of
from apps.lineage.merge import Edges, State
from apps.lineage.models import Declaration, Edge, EdgeRun, FieldEdge, FieldEdgeRun, Job, Run
from apps.lineage.services.names import Names
from apps.lineage.services.runs import RunKey

PROVEN_BY_RUN = (merge.EXPLICIT, merge.COLUMN, merge.CARTESIAN)
KEPT_RUNS = 3
DatasetKey = tuple[Any, ...]

TIMES = """
UPDATE {edge} e SET
    first_seen = s.first_seen,
    last_seen = s.last_seen,
    retired_at = CASE WHEN s.held_at IS NULL THEN s.first_seen ELSE (
        SELECT r.seen_at FROM lineage_run r
        WHERE r.job_id = e.job_id AND r.state = 'complete' AND r.has_io AND r.seen_at > s.held_at
        ORDER BY r.seen_at, r.run_id OFFSET %s LIMIT 1
    ) END
FROM (
    SELECT p.edge_id, min(r.started_at) AS first_seen, max(r.seen_at) AS last_seen,
           max(r.seen_at) FILTER (WHERE p.is_written) AS held_at
    FROM {proof} p JOIN lineage_run r ON r.id = p.run_id JOIN {edge} o ON o.id = p.edge_id
    WHERE o.job_id = ANY(%s) GROUP BY p.edge_id
) s
WHERE e.id = s.edge_id
"""


def field_names(edges: Edges, names: Names) -> set[tuple[UUID, str]]:
    """Every column that the edges mention, as (dataset, path)."""
    found = set()
    for edge in edges.fields:
        found.add((names.datasets[edge.source].pk, path_of(edge.field)))
        if edge.column:
            found.add((names.datasets[edge.target].pk, path_of(edge.column)))
    return found


def dataset_keys(edges: Edges, job: UUID | None, names: Names) -> set[DatasetKey]:
    """The unique key of each dataset edge."""
    return {
        (names.datasets[edge.source].pk, names.datasets[edge.target].pk, edge.basis, job) for edge in edges.datasets
    }


def field_keys(edges: Edges, job: UUID | None, names: Names) -> set[DatasetKey]:
    """The unique key of each column edge."""
    found = set()
    for edge in edges.fields:
        source, target = names.datasets[edge.source].pk, names.datasets[edge.target].pk
        start = names.fields[source, path_of(edge.field)].pk
        end = names.fields[target, path_of(edge.column)].pk if edge.column else None
        description = edge.description[:500]
        found.add(
            (start, source, end, target, edge.basis, job, edge.type, edge.subtype[:60], edge.is_masked, description)
        )
    return found


EDGE_COLUMNS = ("source_id", "target_id", "basis", "job_id")
FIELD_COLUMNS = (
    "source_field_id", "source_id", "target_field_id", "target_id", "basis", "job_id",
    "type", "subtype", "is_masked", "description",
)  # fmt: skip


class Table:
    """One of the two kinds of edges with its evidence, so that both are kept by the same code."""

    def __init__(self, model: Any, proof: Any, columns: tuple[str, ...]) -> None:
        self.model, self.proof, self.columns = model, proof, columns
        self.names = {"edge": model._meta.db_table, "proof": proof._meta.db_table}

    def key(self, row: Any) -> DatasetKey:
        """The unique key of a stored row."""
        return tuple(getattr(row, column) for column in self.columns)

    def current(self, jobs: Iterable[UUID]) -> set[DatasetKey]:
        """Keys of the edges of these jobs that hold now."""
        rows = self.model.objects.filter(job__in=list(jobs), retired_at=None)
        return set(rows.values_list(*self.columns))

    def prove(self, wanted: Mapping[Run, set[DatasetKey]], written: Mapping[Run, set[UUID]]) -> None:
        """Make the edges of these runs, and their evidence, exactly what is wanted."""
        jobs = {run.job_id for run in wanted}
        known = {self.key(row): row.pk for row in self.model.objects.filter(job__in=jobs, basis__in=PROVEN_BY_RUN)}
        fresh = []
        for run, keys in wanted.items():
            for key in sorted(keys - known.keys(), key=str):
                row = self.model(
                    **dict(zip(self.columns, key, strict=True)), first_seen=run.started_at, last_seen=run.seen_at
                )
                fresh.append(row)
                known[key] = row.pk
        self.model.objects.bulk_create(fresh, batch_size=500)
        self._evidence(wanted, written, known)
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM {edge} e WHERE e.job_id = ANY(%s) AND e.basis = ANY(%s)"
                " AND NOT EXISTS (SELECT FROM {proof} p WHERE p.edge_id = e.id)".format(**self.names),
                [list(jobs), list(PROVEN_BY_RUN)],
            )
            cursor.execute(TIMES.format(**self.names), [KEPT_RUNS - 1, list(jobs)])

    def _evidence(
        self, wanted: Mapping[Run, set[DatasetKey]], written: Mapping[Run, set[UUID]], known: Mapping[DatasetKey, UUID]
    ) -> None:
        place = self.columns.index("target_id")
        proofs = {(known[key], run.pk): key[place] in written[run] for run, keys in wanted.items() for key in keys}
        stored = {
            (row.edge_id, row.run_id): row for row in self.proof.objects.filter(run__in=[run.pk for run in wanted])
        }
        gone = [row.pk for key, row in stored.items() if key not in proofs]
        if gone:
            self.proof.objects.filter(pk__in=gone).delete()
        changed = [row for key, row in stored.items() if key in proofs and row.is_written != proofs[key]]
        for row in changed:
            row.is_written = proofs[row.edge_id, row.run_id]
        self.proof.objects.bulk_update(changed, ["is_written"])
        self.proof.objects.bulk_create(
            [
                self.proof(edge_id=edge, run_id=run, is_written=is_written)
                for (edge, run), is_written in proofs.items()
                if (edge, run) not in stored
            ],
            batch_size=1000,
        )

    def declare(self, wanted: Mapping[DatasetKey, tuple[datetime, datetime, datetime | None]], owner: Q) -> None:
        """Make the declared edges of one owner exactly what its declarations say, with their times."""
        stored = {self.key(row): row for row in self.model.objects.filter(owner, basis=merge.DECLARED)}
        gone = [row.pk for key, row in stored.items() if key not in wanted]
        if gone:
            self.model.objects.filter(pk__in=gone).delete()
        for key, (first, last, retired) in sorted(wanted.items(), key=lambda item: str(item[0])):
            row = stored.get(key) or self.model(**dict(zip(self.columns, key, strict=True)))
            if (row.first_seen, row.last_seen, row.retired_at) != (first, last, retired):
                row.first_seen, row.last_seen, row.retired_at = first, last, retired
                row.save()


DATASETS = Table(Edge, EdgeRun, EDGE_COLUMNS)
FIELDS = Table(FieldEdge, FieldEdgeRun, FIELD_COLUMNS)


def save_run_edges(states: Mapping[RunKey, State], runs: Mapping[RunKey, Run], names: Names) -> None:
    """Edges of these runs. Datasets and columns they mention must be known to ``names``."""
    by_run = {runs[key]: merge.edges(state) for key, state in states.items()}
    written = {
        runs[key]: {names.datasets[name].pk for name in merge.written(state) if name in names.datasets}
        for key, state in states.items()
    }
    DATASETS.prove({run: dataset_keys(edges, run.job_id, names) for run, edges in by_run.items()}, written)
    FIELDS.prove({run: field_keys(edges, run.job_id, names) for run, edges in by_run.items()}, written)


# ---------- declarations


def declarations_of(owner: Q) -> list[tuple[datetime, Edges]]:
    """Every declaration of a job or dataset in order, parsed from the stored events."""
    found = []
    for row in Declaration.objects.filter(owner).select_related("event").order_by("declared_at", "event__digest"):
        event = openlineage.read(bytes(row.event.body), now=row.event.created_at)
        found.append((row.declared_at, merge.declaration(event) or Edges()))
    return found


def save_declared_edges(owner: Q, job: Job | None, history: list[tuple[datetime, Edges]], names: Names) -> None:
    """Each declaration replaces the one before: an edge holds from the first that has it until one that has it no more."""
    datasets: dict[DatasetKey, tuple[datetime, datetime, datetime | None]] = {}
    columns: dict[DatasetKey, tuple[datetime, datetime, datetime | None]] = {}
    job_id = job.pk if job else None
    for at, edges in history:
        for held, keys in ((datasets, dataset_keys(edges, job_id, names)), (columns, field_keys(edges, job_id, names))):
            for key in held.keys() - keys:
                first, last, retired = held[key]
                held[key] = (first, last, retired or at)
            for key in keys:
                held[key] = (held[key][0] if key in held else at, at, None)
    DATASETS.declare(datasets, owner)
    FIELDS.declare(columns, owner)

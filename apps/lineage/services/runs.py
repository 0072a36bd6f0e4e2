"""Runs and what they read and wrote, as their joined events say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.catalog.models import DatasetVersion
from apps.lineage import merge, openlineage
from apps.lineage.identity import KEY, fitting
from apps.lineage.merge import Name, State
from apps.lineage.models import Job, Run, RunIO
from apps.lineage.services.names import Names

RunKey = tuple[str, Name]


def moment(microseconds: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def states_of(events: list[openlineage.Event]) -> dict[RunKey, State]:
    """The joined state of each run that these events speak of."""
    found: dict[RunKey, State] = {}
    for event in events:
        job = event.body["job"]
        key = (event.run_id, (job["namespace"], job["name"]))
        state = merge.state_of(event)
        found[key] = merge.join(found[key], state) if key in found else state
    return found


def joined_with_stored(states: Mapping[RunKey, State], names: Names) -> dict[RunKey, State]:
    """The states joined with what earlier events of the same runs said."""
    rows = Run.objects.filter(run_id__in={run_id for run_id, _ in states}).values_list("run_id", "job_id", "merged")
    stored = {(str(run_id), job_id): json.loads(merged) for run_id, job_id, merged in rows}
    found = {}
    for (run_id, job), state in states.items():
        before = stored.get((run_id, names.jobs[job].pk))
        found[run_id, job] = merge.join(before, state) if before else state
    return found


def dataset_names(state: State) -> set[Name]:
    """Every dataset that the run mentions."""
    found = {merge.name_of(key) for side in merge.sides(state) for key in side}
    edges = merge.edges(state)
    for edge in edges.datasets:
        found |= {edge.source, edge.target}
    return found | edges.without_upstream


def row_of(run_id: str, job: Job, state: State) -> Run:
    """The run's row, everything in it a function of the joined state."""
    terminal = state["terminal"]
    start = state["start"] if state["start"] is not None else state["first"]
    parent = merge.fact(state, "parent") or {}
    error = merge.fact(state, "extractionError") or {}
    inputs, outputs = merge.sides(state)
    return Run(
        job=job,
        run_id=UUID(run_id),
        state=merge.run_state(state),
        started_at=moment(start),
        is_start_inferred=state["start"] is None,
        ended_at=moment(terminal[0][0]) if terminal else None,
        seen_at=moment(terminal[0][0] if terminal else state["last"][0]),
        parent_run_id=UUID(parent["run"]) if openlineage.UUID_FORM.fullmatch(parent.get("run", "")) else None,
        notes=_notes(state, error),
        has_io=bool(inputs or outputs or state["explicit"]),
        failed_tasks=min(error.get("failed", 0), 2**31 - 1),
        merged=json.dumps(state, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
    )


def _notes(state: State, error: Mapping[str, int]) -> list[str]:
    found = []
    if len(state["terminals"]) > 1:
        found.append("conflicting_ends")
    if error.get("failed"):
        found.append("extraction_error")
    if state["start"] is not None and state["terminal"] and state["terminal"][0][0] < state["start"]:
        found.append("ended_before_start")
    return found


def save_runs(states: Mapping[RunKey, State], names: Names) -> dict[RunKey, Run]:
    """Write the rows of these runs and answer with them."""
    rows = [row_of(run_id, names.jobs[job], state) for (run_id, job), state in sorted(states.items())]
    changing = [field.name for field in Run._meta.fields if field.name not in ("id", "created_at", "job", "run_id")]
    Run.objects.bulk_create(rows, update_conflicts=True, unique_fields=["run_id", "job"], update_fields=changing)
    stored = {(str(row.run_id), row.job_id): row for row in Run.objects.filter(run_id__in=[row.run_id for row in rows])}
    _note_shared_ids(stored)
    return {(run_id, job): stored[run_id, names.jobs[job].pk] for run_id, job in states}


def _note_shared_ids(stored: Mapping[tuple[str, UUID], Run]) -> None:
    """One run id under two jobs is two runs, and worth a remark on both."""
    counts: dict[str, list[Run]] = {}
    for (run_id, _), row in stored.items():
        counts.setdefault(run_id, []).append(row)
    for rows in counts.values():
        if len(rows) > 1:
            for row in rows:
                if "shared_run_id" not in row.notes:
                    row.notes = [*row.notes, "shared_run_id"]
                    row.save(update_fields=["notes"])


def save_io(states: Mapping[RunKey, State], runs: Mapping[RunKey, Run], names: Names) -> list[RunIO]:
    """What each run read and wrote, with the version where it was said or where the run itself made it."""
    wanted: dict[tuple[UUID, UUID, str], tuple[dict[str, Any], tuple[UUID, str] | None]] = {}
    versions: dict[tuple[UUID, str], dict[str, Any]] = {}
    for key, state in states.items():
        run, written, sources = runs[key], merge.written(state), merge.edges(state).without_upstream
        for direction, side in zip(("in", "out"), merge.sides(state), strict=True):
            for text, registers in side.items():
                name = merge.name_of(text)
                owner = names.datasets[name].pk
                is_made = direction == "out" and run.state != "running" and name in written
                version = _version(owner, registers, run, is_made=is_made)
                if version:
                    versions.setdefault((owner, version[0]), version[1])
                values = {
                    "rows": _rows(registers, direction),
                    "kind": (_value(registers, "datasetType") or "")[:40],
                    "is_source": direction == "out" and name in sources,
                }
                wanted[run.pk, owner, direction] = (values, (owner, version[0]) if version else None)
    names.need_versions(versions)
    fresh = [
        RunIO(run_id=run, dataset_id=owner, direction=direction, version=names.versions[at] if at else None, **values)
        for (run, owner, direction), (values, at) in sorted(wanted.items(), key=lambda item: tuple(map(str, item[0])))
    ]
    RunIO.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["run", "dataset", "direction"],
        update_fields=["version", "rows", "kind", "is_source"],
    )
    stored = list(RunIO.objects.filter(run__in=[run.pk for run in runs.values()]))
    stale = [row.pk for row in stored if (row.run_id, row.dataset_id, row.direction) not in wanted]
    if stale:
        RunIO.objects.filter(pk__in=stale).delete()
    return [row for row in stored if row.pk not in set(stale)]


def _value(registers: Mapping[str, Any], name: str) -> Any:
    register = registers.get(name)
    return register[1] if register else None


def _rows(registers: Mapping[str, Any], direction: str) -> int | None:
    name = "inputStatistics" if direction == "in" else "outputStatistics"
    return (_value(registers, name) or {}).get("rowCount")


def _version(
    owner: UUID, registers: Mapping[str, Any], run: Run, *, is_made: bool
) -> tuple[str, dict[str, Any]] | None:
    declared = _value(registers, "version")
    if declared:
        said = {"origin": DatasetVersion.Origin.DECLARED, "valid_from": run.started_at}
        return fitting(declared, KEY), said
    if is_made:
        return str(run.run_id), {"origin": DatasetVersion.Origin.RUN, "valid_from": run.seen_at}
    return None

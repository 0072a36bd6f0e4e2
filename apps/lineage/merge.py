"""The merge laws of lineage. Pure: no Django, no clock, no database.

A run is what its events say together. Each event becomes a small state, two states ``join`` into one, and the join is
commutative, associative and idempotent: duplicates, disorder and replay all end in the same state. Everything the graph
shows (state of the run, inputs, outputs, edges) is computed from the joined state, never from a single event.

A register is ``[order, value]``; the higher order wins. The order is (event time, phase, digest), so it is total.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.lineage import facets, openlineage

Order = list[Any]  # [microseconds, phase, digest]
Register = list[Any]  # [Order, value]
State = dict[str, Any]
Name = tuple[str, str]

EXPLICIT, COLUMN, CARTESIAN, DECLARED, MANUAL = "explicit", "column", "cartesian", "declared", "manual"


def order_of(event: openlineage.Event) -> Order:
    """Where the event stands among all others, whatever the order of arrival."""
    return [microseconds(event.at), openlineage.PHASES.get(event.event_type, 0), event.digest]


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, exactly."""
    difference = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (difference.days * 86400 + difference.seconds) * 1_000_000 + difference.microseconds


def name_key(namespace: str, name: str) -> str:
    """A dataset's identity as one text."""
    return json.dumps([namespace, name], ensure_ascii=False)


def name_of(key: str) -> Name:
    """The (namespace, name) of a key."""
    namespace, name = json.loads(key)
    return namespace, name


def _dataset_facts(place: str, item: dict[str, Any], order: Order) -> dict[str, Register]:
    found: dict[str, Register] = {}
    for where, held in (("dataset", item.get("facets")), (place, item.get(f"{place}Facets"))):
        for name, facet in (held or {}).items():
            status, value, _ = facets.interpret(where, name, facet)
            if status == facets.OK and name not in ("schema", "symlinks", "lineage"):
                found[name] = [order, value]
    return found


def state_of(event: openlineage.Event) -> State:
    """What one run event says."""
    body, order = event.body, order_of(event)
    run_facets, job_facets = body["run"].get("facets") or {}, body["job"].get("facets") or {}
    facts: dict[str, Register] = {}
    for place, held in (("run", run_facets), ("job", job_facets)):
        for name, facet in held.items():
            status, value, _ = facets.interpret(place, name, facet)
            if status == facets.OK and name != "lineage":
                facts[name] = [order, value]
    entries = facets.interpret("job", "lineage", job_facets.get("lineage") or {})[1]
    sides: dict[str, dict[str, dict[str, Register]]] = {"inputs": {}, "outputs": {}}
    for side, place in (("inputs", "input"), ("outputs", "output")):
        for item in body.get(side) or []:
            key = name_key(item["namespace"], item["name"])
            sides[side][key] = _join_registers(sides[side].get(key, {}), _dataset_facts(place, item, order))
    has_io = bool(sides["inputs"] or sides["outputs"])
    return {
        "start": order[0] if event.event_type == "START" else None,
        "first": order[0],
        "last": order,
        "terminal": [order, event.event_type] if event.event_type in openlineage.TERMINAL else None,
        "terminals": [event.event_type] if event.event_type in openlineage.TERMINAL else [],
        "facts": facts,
        "inputs": sides["inputs"],
        "outputs": sides["outputs"],
        "snapshot": [order, [sorted(sides["inputs"]), sorted(sides["outputs"])]] if has_io else None,
        "entries": sorted(openlineage.canonical(entry) for entry in entries or []),
        "explicit": entries is not None,
    }


def _join_registers(left: dict[str, Register], right: dict[str, Register]) -> dict[str, Register]:
    return {name: _later(left.get(name), right.get(name)) for name in sorted(left.keys() | right.keys())}


def _later(left: Register | None, right: Register | None) -> Any:
    if left is None or right is None:
        return left if right is None else right
    return max(left, right, key=_rank)


def _rank(register: Register) -> tuple[Order, str]:
    return register[0], openlineage.canonical(register[1])


def _join_side(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {key: _join_registers(left.get(key, {}), right.get(key, {})) for key in sorted(left.keys() | right.keys())}


def join(left: State, right: State) -> State:
    """The state that two parts of a run's events make together."""
    starts = [moment for moment in (left["start"], right["start"]) if moment is not None]
    return {
        "start": min(starts, default=None),
        "first": min(left["first"], right["first"]),
        "last": max(left["last"], right["last"]),
        "terminal": _later(left["terminal"], right["terminal"]),
        "terminals": sorted({*left["terminals"], *right["terminals"]}),
        "facts": _join_registers(left["facts"], right["facts"]),
        "inputs": _join_side(left["inputs"], right["inputs"]),
        "outputs": _join_side(left["outputs"], right["outputs"]),
        "snapshot": _later(left["snapshot"], right["snapshot"]),
        "entries": sorted({*left["entries"], *right["entries"]}),
        "explicit": left["explicit"] or right["explicit"],
    }


# ---------- what the joined state means


@dataclass(frozen=True, order=True)
class DatasetEdge:
    """Data of ``source`` went into ``target``."""

    source: Name
    target: Name
    basis: str


@dataclass(frozen=True, order=True)
class FieldEdge:
    """A column of ``source`` reached a column of ``target``; ``column`` '' means all of its columns."""

    source: Name
    field: str
    target: Name
    column: str
    basis: str
    type: str
    subtype: str
    is_masked: bool
    description: str


@dataclass(frozen=True)
class Edges:
    """The edges of one run or declaration, and the targets that are known to have no upstream at all."""

    datasets: frozenset[DatasetEdge] = frozenset()
    fields: frozenset[FieldEdge] = frozenset()
    without_upstream: frozenset[Name] = frozenset()

    def __or__(self, other: Edges) -> Edges:
        return Edges(
            self.datasets | other.datasets,
            self.fields | other.fields,
            self.without_upstream | other.without_upstream,
        )


def fact(state: State, name: str) -> Any:
    """The winning value of a run or job facet, or None."""
    register = state["facts"].get(name)
    return register[1] if register else None


def sides(state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and outputs of the run: the union over its events, or the latest snapshot where each event stands alone."""
    mode = (fact(state, "jobType") or {}).get("content", "")
    if mode != "COMPLETE_SNAPSHOT" or state["snapshot"] is None:
        return state["inputs"], state["outputs"]
    inputs, outputs = state["snapshot"][1]
    return {key: state["inputs"][key] for key in inputs}, {key: state["outputs"][key] for key in outputs}


def run_state(state: State) -> str:
    """complete, fail, abort, or running while no terminal event has come."""
    return state["terminal"][1].lower() if state["terminal"] else "running"


def _explicit(entry: dict[str, Any], target: Name, basis: str) -> Edges:
    found = _from_flows(entry["flows"], target, basis)
    return Edges(found.datasets, found.fields, frozenset({target}) if entry["none"] else frozenset())


def _from_flows(flows: list[facets.Flow], target: Name, basis: str) -> Edges:
    datasets, fields = set(), set()
    for flow in flows:
        source = (flow["namespace"], flow["name"])
        datasets.add(DatasetEdge(source, target, basis))
        if flow["field"]:
            fields.add(
                FieldEdge(
                    source, flow["field"], target, flow["target"], basis,
                    flow["type"], flow["subtype"], flow["masking"], flow["description"],
                )
            )  # fmt: skip
    return Edges(frozenset(datasets), frozenset(fields))


def edges_of_io(inputs: dict[str, Any], outputs: dict[str, Any], *, assumed: str, proven: str) -> Edges:
    """Per output: its column lineage, else every input. An input that no column lineage of the run names is assumed to
    have gone into every output: it was read, and leaving it out would hide it."""
    flows = {key: (registers.get("columnLineage") or [None, None])[1] for key, registers in outputs.items()}
    explained = {(flow["namespace"], flow["name"]) for held in flows.values() for flow in held or []}
    sources = {name_of(key) for key in inputs}
    found = Edges()
    for key, held in flows.items():
        target = name_of(key)
        if held:
            found |= _from_flows(held, target, proven)
        unexplained = sources - explained - {target} if held else sources
        found |= Edges(frozenset(DatasetEdge(source, target, assumed) for source in unexplained))
    return found


def edges(state: State) -> Edges:
    """Edges of a run: the explicit lineage facet, else column lineage per output, else inputs times outputs."""
    if state["explicit"]:
        found = Edges()
        for text in state["entries"]:
            entry = json.loads(text)
            found |= _explicit(entry, (entry["namespace"], entry["name"]), EXPLICIT)
        return found
    inputs, outputs = sides(state)
    return edges_of_io(inputs, outputs, assumed=CARTESIAN, proven=COLUMN)


def written(state: State) -> frozenset[Name]:
    """Outputs that were written for sure: the run completed, or it says rows, a life-cycle change or a version."""
    _, outputs = sides(state)
    if run_state(state) in ("complete", "running"):
        return frozenset(name_of(key) for key in outputs) | {edge.target for edge in edges(state).datasets}
    return frozenset(name_of(key) for key, registers in outputs.items() if _shows_writing(registers))


def _shows_writing(registers: dict[str, Register]) -> bool:
    statistics = (registers.get("outputStatistics") or [None, None])[1] or {}
    change = (registers.get("lifecycleStateChange") or [None, None])[1] or {}
    version = (registers.get("version") or [None, None])[1]
    return bool(statistics.get("rowCount") or statistics.get("size") or change.get("change") or version)


def declaration(event: openlineage.Event) -> Edges | None:
    """The edges that a design-time event states, or None where it states none."""
    body, order = event.body, order_of(event)
    if event.kind == "dataset":
        return _dataset_declaration(body["dataset"], order)
    job_facets = body["job"].get("facets") or {}
    entries = facets.interpret("job", "lineage", job_facets.get("lineage") or {})[1]
    if entries is not None:
        found = Edges()
        for entry in entries:
            found |= _explicit(entry, (entry["namespace"], entry["name"]), DECLARED)
        return found
    inputs: dict[str, Any] = {name_key(item["namespace"], item["name"]): {} for item in body.get("inputs") or []}
    outputs = {
        name_key(item["namespace"], item["name"]): _dataset_facts("output", item, order)
        for item in body.get("outputs") or []
    }
    if not inputs and not outputs:
        return None
    return edges_of_io(inputs, outputs, assumed=DECLARED, proven=DECLARED)


def _dataset_declaration(dataset: dict[str, Any], order: Order) -> Edges | None:
    held, target = dataset.get("facets") or {}, (dataset["namespace"], dataset["name"])
    if "lineage" in held:
        status, entry, _ = facets.interpret("dataset", "lineage", held["lineage"])
        if status == facets.OK:
            return _explicit(entry, target, DECLARED) if entry else Edges()
    registers = _dataset_facts("dataset", dataset, order)
    if "columnLineage" in registers:
        return _from_flows(registers["columnLineage"][1] or [], target, DECLARED)
    return None

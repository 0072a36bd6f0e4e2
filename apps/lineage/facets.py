"""What Imprimatur reads out of facets. Pure.

A reader takes the facet as sent and returns plain JSON-able values, or raises Unreadable. An unreadable facet is kept and
marked, never projected, and never refuses its event. Facets without a reader are kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypedDict

OK, INVALID, UNKNOWN, KEPT = "ok", "invalid", "unknown", "kept"
MAX_NESTING = 20

#: published facets that are kept and shown without being read
PUBLISHED = frozenset(
    "documentation dataSource ownership catalog hierarchy storage subset tags dataQualityMetrics dataQualityAssertions"
    " jobDependencies nominalTime errorMessage environmentVariables executionParameters processing_engine externalQuery"
    " test sql sourceCode sourceCodeLocation".split()
)


class Unreadable(ValueError):
    """The facet does not hold what its name promises; the text says what."""


class Flow(TypedDict):
    """One way in which a source column (or a whole source dataset) reaches a target column (or the whole target)."""

    namespace: str
    name: str
    field: str
    target: str
    type: str
    subtype: str
    masking: bool
    description: str


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Unreadable(f"{what} is not a text")
    if "\x00" in value:
        raise Unreadable(f"{what} holds a NUL character")
    return value


def _optional(value: Any, what: str) -> str:
    return "" if value is None else _text(value, what)


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{what} is not a list")
    return value


def _dict(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not an object")
    return value


def read_schema(facet: dict[str, Any]) -> list[list[Any]]:
    """[path, type, ordinal] of every column; nested columns as a.b.c."""
    found: dict[str, list[Any]] = {}

    def walk(fields: Any, prefix: str, level: int) -> None:
        if level > MAX_NESTING:
            raise Unreadable(f"fields are nested more than {MAX_NESTING} deep")
        for field in _list(fields, "fields"):
            name = _text(_dict(field, "field").get("name"), "field name")
            kind = _optional(field.get("type"), f"type of {name[:80]}")
            found.setdefault(prefix + name, [prefix + name, kind, len(found) + 1])
            walk(field.get("fields"), f"{prefix}{name}.", level + 1)

    walk(facet.get("fields"), "", 0)
    return list(found.values())


def _ways(source: dict[str, Any], legacy: tuple[str, str] = ("", "")) -> list[tuple[str, str, bool, str]]:
    ways = []
    for item in _list(source.get("transformations"), "transformations"):
        item = _dict(item, "transformation")
        kind = _text(item.get("type"), "transformation type").upper()
        if kind not in ("DIRECT", "INDIRECT"):
            kind = "UNKNOWN"
        masking = item.get("masking", False)
        if masking not in (True, False, None):
            raise Unreadable("masking is not true or false")
        subtype = _optional(item.get("subtype"), "transformation subtype").upper()
        ways.append((kind, subtype, bool(masking), _optional(item.get("description"), "transformation description")))
    if ways:
        return sorted(set(ways))
    if legacy[0] in ("IDENTITY", "MASKED"):
        return [("DIRECT", "IDENTITY", legacy[0] == "MASKED", legacy[1])]
    return [("UNKNOWN", "", False, legacy[1])]


def _flows(source: Any, target: str, legacy: tuple[str, str] = ("", "")) -> list[Flow]:
    source = _dict(source, "input")
    namespace, name = _text(source.get("namespace"), "input namespace"), _text(source.get("name"), "input name")
    field = _optional(source.get("field"), "input field")
    return [
        Flow(namespace=namespace, name=name, field=field, target=target, type=kind, subtype=subtype, masking=masking,
             description=description)
        for kind, subtype, masking, description in _ways(source, legacy)
    ]  # fmt: skip


def read_column_lineage(facet: dict[str, Any]) -> list[Flow]:
    """Every flow into the dataset that carries the facet; target '' means all of its columns."""
    flows: list[Flow] = []
    columns = _dict(facet.get("fields"), "fields")
    for column, entry in columns.items():
        entry = _dict(entry, "field")
        legacy = (
            _optional(entry.get("transformationType"), "transformationType").upper(),
            _optional(entry.get("transformationDescription"), "transformationDescription"),
        )
        for source in _list(entry.get("inputFields"), "inputFields"):
            flows += _flows(source, _text(column, "column"), legacy)
    for source in _list(facet.get("dataset"), "dataset"):
        flows += [{**flow, "type": "INDIRECT"} if flow["type"] == "UNKNOWN" else flow for flow in _flows(source, "")]
    if any(not flow["field"] for flow in flows):
        raise Unreadable("an input names no field")
    return fold(flows, len(columns))


def fold(flows: list[Flow], columns: int) -> list[Flow]:
    """Store once, for the whole dataset, what producers repeat for every column: an INDIRECT input found in all of them."""
    kept: dict[str, Flow] = {}
    everywhere: dict[str, set[str]] = {}
    for flow in flows:
        if flow["type"] == "INDIRECT" and flow["target"] and columns > 1:
            everywhere.setdefault(_key({**flow, "target": ""}), set()).add(flow["target"])
    for flow in flows:
        whole: Flow = {**flow, "target": ""}
        if len(everywhere.get(_key(whole), ())) == columns and flow["type"] == "INDIRECT":
            flow = whole
        kept[_key(flow)] = flow
    return [kept[key] for key in sorted(kept)]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _sources(inputs: Any, target: str) -> list[Flow]:
    found: list[Flow] = []
    for source in _list(inputs, "inputs"):
        kind = _text(_dict(source, "input").get("type"), "input type")
        if kind == "DATASET":
            found += _flows(source, target)
        elif kind != "JOB":
            raise Unreadable(f"the input type {kind[:40]} is not known")
    return found


def _entry(namespace: str, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    flows = _sources(entry.get("inputs"), "")
    for column, sources in _dict(entry.get("fields"), "fields").items():
        flows += _sources(_dict(sources, "field").get("inputs"), _text(column, "column"))
    unique = {_key(flow): flow for flow in flows}
    has_none = isinstance(entry.get("inputs"), list) and not flows
    return {"namespace": namespace, "name": name, "flows": [unique[key] for key in sorted(unique)], "none": has_none}


def read_job_lineage(facet: dict[str, Any]) -> list[dict[str, Any]]:
    """The explicit entries that target datasets; ``none`` marks one that is known to have no upstream."""
    if "entries" not in facet:
        raise Unreadable("entries are missing")
    found = []
    for entry in _list(facet.get("entries"), "entries"):
        kind = _text(_dict(entry, "entry").get("type"), "entry type")
        if kind == "DATASET":
            namespace, name = _text(entry.get("namespace"), "namespace"), _text(entry.get("name"), "name")
            found.append(_entry(namespace, name, entry))
        elif kind != "JOB":
            raise Unreadable(f"the entry type {kind[:40]} is not known")
    return found


def read_dataset_lineage(facet: dict[str, Any]) -> dict[str, Any]:
    """The explicit lineage of the dataset that carries the facet."""
    if "entries" in facet:
        raise Unreadable("this is the lineage facet of a job")
    return _entry("", "", facet)


def read_version(facet: dict[str, Any]) -> str:
    """The declared version of a dataset."""
    return _text(facet.get("datasetVersion"), "datasetVersion")


def read_dataset_type(facet: dict[str, Any]) -> str:
    """TABLE, VIEW, FILE, TOPIC, STREAM, MODEL …"""
    return _text(facet.get("datasetType"), "datasetType").upper()


def read_symlinks(facet: dict[str, Any]) -> list[list[str]]:
    """[namespace, name, type] of each other name."""
    return sorted(
        [_text(_dict(item, "identifier").get(part), part) for part in ("namespace", "name", "type")]
        for item in _list(facet.get("identifiers"), "identifiers")
    )


def read_lifecycle(facet: dict[str, Any]) -> dict[str, str]:
    """What happened to the dataset, and its previous name after a RENAME."""
    change = _text(facet.get("lifecycleStateChange"), "lifecycleStateChange").upper()
    before = _dict(facet.get("previousIdentifier"), "previousIdentifier")
    found = {"change": change}
    if before:
        found |= {part: _text(before.get(part), f"previous {part}") for part in ("namespace", "name")}
    return found


def read_parent(facet: dict[str, Any]) -> dict[str, str]:
    """The run and job that started this one."""
    job = _dict(facet.get("job"), "job")
    run_id = _text(_dict(facet.get("run"), "run").get("runId"), "parent runId").lower()
    return {"run": run_id, **{part: _text(job.get(part), f"parent job {part}") for part in ("namespace", "name")}}


def read_job_type(facet: dict[str, Any]) -> dict[str, str]:
    """Batch or stream, who integrates, and whether each event stands alone."""
    pattern = _dict(facet.get("emissionPattern"), "emissionPattern")
    return {
        "processing": _text(facet.get("processingType"), "processingType").upper(),
        "integration": _optional(facet.get("integration"), "integration"),
        "content": _optional(pattern.get("eventContentMode"), "eventContentMode").upper(),
    }


def read_extraction_error(facet: dict[str, Any]) -> dict[str, int]:
    """How much of the lineage the producer says it could not read."""
    found = {}
    for ours, theirs in (("total", "totalTasks"), ("failed", "failedTasks")):
        number = facet.get(theirs)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**31:
            raise Unreadable(f"{theirs} is not a whole number")
        found[ours] = number
    return found


def read_statistics(facet: dict[str, Any]) -> dict[str, int]:
    """Rows, bytes and files read or written."""
    found = {}
    for part in ("rowCount", "size", "fileCount"):
        number = facet.get(part)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
            raise Unreadable(f"{part} is not a whole number")
        found[part] = number
    return found


Reader = Callable[[dict[str, Any]], Any]

READERS: dict[str, dict[str, Reader]] = {
    "dataset": {
        "schema": read_schema,
        "columnLineage": read_column_lineage,
        "version": read_version,
        "datasetType": read_dataset_type,
        "symlinks": read_symlinks,
        "lifecycleStateChange": read_lifecycle,
        "lineage": read_dataset_lineage,
    },
    "input": {"inputStatistics": read_statistics},
    "output": {"outputStatistics": read_statistics},
    "run": {"parent": read_parent, "extractionError": read_extraction_error},
    "job": {"jobType": read_job_type, "lineage": read_job_lineage},
}


def interpret(place: str, name: str, facet: dict[str, Any]) -> tuple[str, Any, str]:
    """(status, value, note) of a facet found at ``dataset``, ``input``, ``output``, ``run`` or ``job``."""
    reader = READERS[place].get(name)
    if reader is None:
        return (KEPT if name in PUBLISHED else UNKNOWN), None, ""
    if facet.get("_deleted") is True and place in ("dataset", "job"):
        return OK, None, ""
    try:
        return OK, reader(facet), ""
    except Unreadable as error:
        return INVALID, None, str(error)

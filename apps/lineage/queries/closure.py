"""Where a version comes from: every dataset upstream, which state of it was read, its columns, terms and classifications.

The closure of a version is taken as things stood when the version was made: a table that is rebuilt every night does not
change what an approved version was trained on. Where lineage arrived only later, what arrived is used.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.catalog.past import datasets_at, fields_at
from apps.lineage.models import Edge, EdgeRun, FieldEdge, Run, RunIO
from apps.lineage.queries import propagating
from apps.lineage.queries.walk import Names, datasets_by_id, names_around, ties
from apps.registry.models import DatasetLink, ModelVersion
from apps.registry.queries import as_uuid

_Read = dict[tuple[UUID, datetime | None], frozenset[str]]
_read_once: ContextVar[_Read | None] = ContextVar("subjects_read_once", default=None)
DEEPEST = 200
LOCATION = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/]*)/+(.+)")


@dataclass(frozen=True)
class ReadVersion:
    """A state of a dataset that was read; inferred where no event named it."""

    version: DatasetVersion
    is_inferred: bool


@dataclass
class Source:
    """One dataset of the closure. ``depth`` 1 was read by the training itself."""

    dataset: Dataset
    depth: int
    roles: list[str] = field(default_factory=list)
    versions: list[ReadVersion] = field(default_factory=list)

    @property
    def terms_end_on(self) -> date | None:
        """When its terms of use end."""
        return self.dataset.terms_end_on


@dataclass
class Closure:
    """Everything upstream of a version."""

    version: ModelVersion
    at: datetime
    sources: dict[UUID, Source] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    field_edges: list[FieldEdge] = field(default_factory=list)
    fields: dict[UUID, Field] = field(default_factory=dict)
    verdicts: dict[UUID, propagating.Verdict] = field(default_factory=dict)
    links: list[DatasetLink] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    model_datasets: set[UUID] = field(default_factory=set)
    names: Names = field(default_factory=Names)

    @property
    def subjects(self) -> frozenset[str]:
        """What a judgement that uses this closure has read."""
        return frozenset(read.version.subject for source in self.sources.values() for read in source.versions)

    @property
    def training_datasets(self) -> list[UUID]:
        """The datasets that hold the features: linked for training, else read by the training run, else any linked."""
        linked = [self.names.of(link.dataset_version.dataset_id) for link in self.links if link.role == "train"]
        if linked:
            return list(dict.fromkeys(linked))
        by_run = sorted(pk for pk, source in self.sources.items() if "run" in source.roles)
        return by_run or sorted({self.names.of(link.dataset_version.dataset_id) for link in self.links})


def training_runs(version: ModelVersion) -> list[Run]:
    """The runs that made this version, as it says itself."""
    key = as_uuid(version.training.get("run_id", "")) if isinstance(version.training, dict) else None
    return list(Run.objects.filter(run_id=key).select_related("job").order_by("seen_at")) if key else []


def model_datasets(version: ModelVersion, runs: Iterable[Run]) -> set[UUID]:
    """The datasets that stand for this version in events: written as a MODEL by its run, or called by its name."""
    slug, number = version.model.slug, version.version
    called = {f"{slug}/{number}", f"models:/{slug}/{number}", f"models:/{version.model.name}/{number}"}
    of_run = Q(run__in=[run.pk for run in runs], kind="MODEL")
    by_name = Q(kind="MODEL", dataset__name__in=called)
    by_version = Q(kind="MODEL", dataset__name__in={slug, version.model.name}, version__key=number)
    found = set(RunIO.objects.filter(of_run | by_name | by_version, direction="out").values_list("dataset", flat=True))
    tied = ties().filter(alias__name__in=called).values_list("dataset", flat=True)
    found |= set(RunIO.objects.filter(kind="MODEL", dataset__in=tied).values_list("dataset", flat=True))
    location = LOCATION.fullmatch(version.artifact_uri)
    if location:
        at_uri = RunIO.objects.filter(
            kind="MODEL", dataset__namespace=location[1], dataset__name=location[2].rstrip("/")
        )
        found |= set(at_uri.values_list("dataset", flat=True))
    return found


def upstream(version: ModelVersion, as_of: datetime | None = None) -> Closure:
    """The closure of a version: as things stood when it was made, or strictly as known at ``as_of``."""
    runs = [run for run in training_runs(version) if as_of is None or run.started_at <= as_of]
    at = as_of or max([version.created_at, *(run.seen_at for run in runs)])
    found = Closure(version, at, runs=runs)
    links = DatasetLink.objects.filter(version=version).select_related("dataset_version__dataset")
    found.links = [link for link in links if as_of is None or link.created_at <= as_of]
    found.model_datasets = model_datasets(version, runs)
    roots = _roots(found)
    found.names = names_around([*roots, *found.model_datasets], as_of)
    depth = _walk(found, roots, strict=as_of is not None)
    rows = datasets_by_id(depth)
    if as_of is not None:
        rows = {row.pk: row for row in datasets_at(rows.values(), as_of)}
    found.sources = {pk: Source(rows[pk], step) for pk, step in depth.items() if pk in rows}
    _name_roles(found, roots)
    _read_versions(found)
    found.field_edges = _field_edges(found, strict=as_of is not None)
    members = found.names.all_of(found.sources)
    found.fields = {row.pk: row for row in _columns(found, members, as_of)}
    found.verdicts = propagating.verdicts(found.fields.values(), found.edges, found.field_edges, found.names)
    return found


def _columns(found: Closure, members: Iterable[UUID], as_of: datetime | None) -> list[Field]:
    """The columns of the datasets and of their other names, as they are or as they had been declared."""
    if as_of is None:
        return list(Field.objects.filter(dataset__in=members).order_by("ordinal", "path"))
    return [row for dataset in datasets_by_id(members).values() for row in fields_at(dataset, as_of)]


def _roots(found: Closure) -> dict[UUID, list[str]]:
    roots: dict[UUID, list[str]] = defaultdict(list)
    for link in found.links:
        roots[link.dataset_version.dataset_id].append(link.role)
    for dataset in RunIO.objects.filter(run__in=[run.pk for run in found.runs], direction="in").values_list(
        "dataset", flat=True
    ):
        roots[dataset].append("run")
    return roots


def _name_roles(found: Closure, roots: dict[UUID, list[str]]) -> None:
    for dataset, roles in roots.items():
        source = found.sources.get(found.names.of(dataset))
        if source is not None:
            source.roles = list(dict.fromkeys([*source.roles, *roles]))


def _walk(found: Closure, roots: dict[UUID, list[str]], *, strict: bool) -> dict[UUID, int]:
    """Distance of each dataset upstream; the model's own dataset is passed through and not counted."""
    own = {found.names.of(pk) for pk in found.model_datasets}
    depth = {found.names.of(pk): 1 for pk in roots if found.names.of(pk) not in own}
    frontier = {*depth, *own}
    step = 1
    while frontier and step < DEEPEST:
        members = found.names.all_of(frontier)
        edges = _holding(Edge.objects.filter(target__in=members).select_related("job"), found.at, strict=strict)
        fresh = {edge.source_id for edge in edges} - found.names.canonical.keys()
        found.names.canonical.update(names_around(fresh, found.at if strict else None).canonical)
        found.edges += edges
        following = set()
        for edge in edges:
            start = found.names.of(edge.source_id)
            if start not in depth and start not in own:
                depth[start] = step if found.names.of(edge.target_id) in own else step + 1
                following.add(start)
        frontier, step = following, step + 1
    return depth


def _holding(rows: Any, at: datetime, *, strict: bool) -> list[Any]:
    """The edges of each target that held at the moment; where none did yet, those that hold now."""
    by_target: dict[UUID, list[Any]] = defaultdict(list)
    for edge in rows.order_by("first_seen", "id"):
        by_target[edge.target_id].append(edge)
    chosen = []
    for edges in by_target.values():
        then = [edge for edge in edges if edge.first_seen <= at and (edge.retired_at is None or edge.retired_at > at)]
        chosen += then if then or strict else [edge for edge in edges if edge.retired_at is None]
    return chosen


def _field_edges(found: Closure, *, strict: bool) -> list[FieldEdge]:
    targets = {edge.target_id for edge in found.edges}
    rows = FieldEdge.objects.filter(target__in=targets).select_related(
        "source_field", "target_field", "job", "declared_by"
    )
    return _holding(rows, found.at, strict=strict)


def _read_versions(found: Closure) -> None:
    """Which state of each dataset: linked, named by the runs that prove the edges, else the newest at that time."""
    held: dict[UUID, dict[UUID, ReadVersion]] = defaultdict(dict)
    for link in found.links:
        held[found.names.of(link.dataset_version.dataset_id)][link.dataset_version_id] = ReadVersion(
            link.dataset_version, False
        )
    runs = _proving_runs(found) | {run.pk for run in found.runs}
    sides = RunIO.objects.filter(run__in=runs, version__isnull=False).select_related("version")
    for io in sides.order_by("run__seen_at"):
        owner = found.names.of(io.dataset_id)
        is_other_state = io.direction == "out" and owner in found.sources and found.sources[owner].roles and held[owner]
        if owner in found.sources and io.version is not None and not is_other_state:
            held[owner].setdefault(io.version.pk, ReadVersion(io.version, False))
    missing = {pk for pk in found.sources if pk not in held}
    newest = _newest(found.names.all_of(missing), found.at)
    for pk in missing:
        known = [newest[member] for member in found.names.all_of([pk]) if member in newest]
        for version in sorted(known, key=lambda row: row.valid_from)[-1:]:
            held[pk][version.pk] = ReadVersion(version, True)
    for pk, versions in held.items():
        if pk in found.sources:
            found.sources[pk].versions = sorted(versions.values(), key=lambda read: (read.version.key, read.version.pk))


def _proving_runs(found: Closure) -> set[UUID]:
    """For each edge the newest run that proves it and had ended when the version was made; else the oldest."""
    rows = (
        EdgeRun.objects.filter(edge__in=[edge.pk for edge in found.edges], is_written=True)
        .order_by("run__seen_at", "run__run_id")
        .values_list("edge", "run", "run__seen_at")
    )
    chosen: dict[UUID, tuple[UUID, datetime]] = {}
    for edge, run, seen_at in rows:
        if edge not in chosen or seen_at <= found.at:
            chosen[edge] = (run, seen_at)
    return {run for run, _ in chosen.values()}


def _newest(datasets: Iterable[UUID], at: datetime) -> dict[UUID, DatasetVersion]:
    rows = list(DatasetVersion.objects.filter(dataset__in=list(datasets)).order_by("valid_from", "key"))
    found: dict[UUID, DatasetVersion] = {}
    for row in rows:
        if row.dataset_id not in found or row.valid_from <= at:
            found[row.dataset_id] = row
    return found


@contextmanager
def subjects_read_once() -> Iterator[None]:
    """Inside, the subjects behind a version are read once. Only around one page or one judgement that changes nothing."""
    token = _read_once.set({})
    try:
        yield
    finally:
        _read_once.reset(token)


def closure_subjects(version: ModelVersion, as_of: datetime | None = None) -> set[str]:
    """The ``dataset_version:<id>`` subjects that a judgement of this version reads, now or as known at ``as_of``."""
    read = _read_once.get()
    if read is None:
        return set(upstream(version, as_of).subjects)
    if (version.pk, as_of) not in read:
        read[version.pk, as_of] = upstream(version, as_of).subjects
    return set(read[version.pk, as_of])

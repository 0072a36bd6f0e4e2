"""Who is hit when data change: model versions and deployments downstream of a dataset, a column or one state of a dataset.

An answer never comes without a statement of completeness: "nothing downstream" and "no lineage received" look different.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.lineage import propagation
from apps.lineage.models import Edge, FieldEdge, RunIO
from apps.lineage.propagation import Flow, Strength
from apps.lineage.queries.nodes import Node, dataset_node, field_node
from apps.lineage.queries.walk import datasets_by_id, names_around, reach_sql, reached, way_to, ways_down
from apps.registry.models import DatasetLink, Deployment, ModelVersion

MOST_FIELD_EDGES = 200_000


@dataclass
class Hit:
    """A model version that is reached."""

    version: ModelVersion
    depth: int
    strength: str
    basis: str
    path: list[str]
    through: list[str]
    roles: list[str]
    deployments: list[Deployment] = field(default_factory=list)


@dataclass
class Completeness:
    """How much of the answer rests on what, and what may be missing."""

    edges: dict[str, int]
    jobs: int
    jobs_with_errors: int
    jobs_unfinished: int
    oldest_seen: datetime | None
    is_known: bool
    is_source: bool

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.is_known and not (self.edges.get("cartesian") or self.jobs_with_errors or self.jobs_unfinished)

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.is_known:
            return _("No lineage was received for this yet, so whether anything depends on it is not known.")
        complete = self.jobs - self.jobs_with_errors - self.jobs_unfinished
        parts = [
            ngettext("Complete for %(n)d of %(all)d job", "Complete for %(n)d of %(all)d jobs", self.jobs)
            % {"n": max(complete, 0), "all": self.jobs}
        ]
        assumed = self.edges.get("cartesian", 0)
        if assumed:
            parts.append(ngettext("%(n)d step is assumed", "%(n)d steps are assumed", assumed) % {"n": assumed})
        return "; ".join(parts)


@dataclass
class Impact:
    """The answer."""

    node: Node
    hits: list[Hit]
    reached: int
    hidden: int
    completeness: Completeness
    unlinked_models: list[Dataset]
    is_truncated: bool = False

    @property
    def sentence(self) -> str:
        """Result first."""
        count = len(self.hits) + self.hidden
        if not count and not self.completeness.is_known:
            return _("It is not known what depends on %(node)s.") % {"node": self.node.label}
        if not count:
            return _("If %(node)s changes, no registered model version is affected.") % {"node": self.node.label}
        return ngettext(
            "If %(node)s changes, %(n)d model version is affected.",
            "If %(node)s changes, %(n)d model versions are affected.",
            count,
        ) % {"node": self.node.label, "n": count}


def impact(
    node: Node,
    *,
    user: Any = None,
    version: str = "",
    as_of: datetime | None = None,
) -> Impact:
    """Model versions downstream of a dataset, a column, a job's outputs; ``version`` narrows to one state of the dataset."""
    roots = _roots(node)
    if version and node.dataset is not None:
        strengths, states = _by_version(node.dataset, version, as_of)
        places: dict[UUID, Strength] = strengths
    else:
        states = None
        places = _by_column(node.field, as_of) if node.field is not None else _by_dataset(roots, as_of)
    links = _links(places, states)
    candidates = ModelVersion.objects.filter(pk__in=links).select_related("model__use_case")
    visible = candidates if user is None else candidates.visible_to(user)
    versions = list(visible.order_by("model__name", "-created_at"))
    hidden = len(links) - len(versions)
    hits = _hits(node, roots, versions, links, places, as_of)
    completeness = _completeness(roots, node, as_of)
    return Impact(node, hits, len(places), hidden, completeness, _unlinked(places, links))


def _roots(node: Node) -> set[UUID]:
    if node.job is not None:
        return set(RunIO.objects.filter(run__job=node.job, direction="out").values_list("dataset", flat=True)) | set(
            Edge.objects.filter(job=node.job).values_list("target", flat=True)
        )
    if node.version is not None:
        return set(DatasetLink.objects.filter(version=node.version).values_list("dataset_version__dataset", flat=True))
    return {node.dataset.pk} if node.dataset is not None else set()


def _by_dataset(roots: set[UUID], as_of: datetime | None) -> dict[UUID, Strength]:
    return dict.fromkeys(reached(roots, "down", as_of), Strength.CERTAIN)


def _by_column(column: Field, as_of: datetime | None) -> dict[UUID, Strength]:
    """How surely the values of the column are in each dataset downstream. Indirect influence counts as possible."""
    members = reached([column.dataset_id], "down", as_of)
    edges = list(Edge.objects.current(as_of).filter(source__in=members).only("source_id", "target_id"))
    rows = FieldEdge.objects.current(as_of).filter(source__in=members).only(
        "source_field_id", "target_field_id", "source_id", "target_id", "type", "subtype", "is_masked"
    )  # fmt: skip
    flows: list[Flow] = []
    explained = set()
    for row in rows[:MOST_FIELD_EDGES]:
        explained.add((row.source_id, row.target_id))
        held, start = ("in", row.target_id), row.source_field_id
        if row.type == "INDIRECT" or row.target_field_id is None:
            flows += [Flow(start, held, is_assumed=True), Flow(start, ("all", row.target_id), is_assumed=True)]
            continue
        flows += [Flow(start, row.target_field_id, row.type, row.subtype), Flow(start, held, row.type, row.subtype)]
    for edge in edges:
        pair = (("all", edge.source_id), ("all", edge.target_id))
        flows.append(Flow(*pair, is_assumed=True))
        flows.append(Flow(pair[1], ("in", edge.target_id), is_assumed=True))
        if (edge.source_id, edge.target_id) not in explained:
            flows.append(Flow(("in", edge.source_id), ("all", edge.target_id), is_assumed=True))
            flows.append(Flow(("in", edge.source_id), ("in", edge.target_id), is_assumed=True))
    flows += _aliases(members, as_of)
    found = propagation.propagate({column.pk: [("value", propagation.PLAIN)]}, flows)
    places = {column.dataset_id: Strength.CERTAIN}
    for reached_node, marks in found.items():
        if isinstance(reached_node, tuple) and reached_node[0] == "in":
            places[reached_node[1]] = max(mark.strength for mark in marks.values())
    names = names_around(places, as_of)
    for place, strength in list(places.items()):
        for other in names.all_of([place]):
            places[other] = max(places.get(other, Strength.NONE), strength)
    return places


def _aliases(members: set[UUID], as_of: datetime | None) -> list[Flow]:
    """One dataset under two names: its columns are the same columns."""
    names = names_around(members, as_of)
    shared = {member for member in members if member in names.canonical}
    by_place: dict[tuple[UUID, str], list[UUID]] = defaultdict(list)
    for pk, dataset, path in Field.objects.filter(dataset__in=shared).values_list("pk", "dataset", "path"):
        by_place[names.of(dataset), path].append(pk)
    flows = [
        Flow(one, other, "DIRECT", "IDENTITY")
        for same in by_place.values()
        for one in same
        for other in same
        if one != other
    ]
    for member in shared:
        use = names.of(member)
        for kind in ("in", "all"):
            if use != member:
                flows += [
                    Flow((kind, member), (kind, use), "DIRECT", "IDENTITY"),
                    Flow((kind, use), (kind, member), "DIRECT", "IDENTITY"),
                ]
    return flows


def _by_version(dataset: Dataset, key: str, as_of: datetime | None) -> tuple[dict[UUID, Strength], set[UUID]]:
    """Which states of which datasets came from this state: through the runs that read it."""
    start = DatasetVersion.objects.filter(dataset=dataset, key=key).first()
    if start is None:
        return {}, set()
    strengths: dict[UUID, Strength] = {start.pk: Strength.CERTAIN}
    frontier = {start}
    while frontier:
        reads = _reading_runs(frontier, strengths, as_of)
        outputs = RunIO.objects.filter(run__in=reads, direction="out", version__isnull=False).select_related("version")
        following = {}
        for io in outputs:
            made, strength = io.version, reads[io.run_id]
            if made is not None and strength > strengths.get(made.pk, Strength.NONE):
                strengths[made.pk] = strength
                following[made.pk] = made
        frontier = set(following.values())
    datasets: dict[UUID, Strength] = {}
    for pk, owner in DatasetVersion.objects.filter(pk__in=strengths).values_list("pk", "dataset"):
        datasets[owner] = max(datasets.get(owner, Strength.NONE), strengths[pk])
    return datasets, set(strengths)


def _reading_runs(
    versions: Iterable[DatasetVersion], strengths: dict[UUID, Strength], as_of: datetime | None
) -> dict[UUID, Strength]:
    """Runs that read these states: said by the run, or inferred because the state was the newest when the run began."""
    found: dict[UUID, Strength] = {}
    for version in versions:
        rows = RunIO.objects.filter(direction="in", dataset=version.dataset_id)
        if as_of is not None:
            rows = rows.filter(run__started_at__lte=as_of)
        later = DatasetVersion.objects.filter(dataset=version.dataset_id, valid_from__gt=version.valid_from)
        until = later.order_by("valid_from").values_list("valid_from", flat=True).first()
        inferred = rows.filter(version=None, run__started_at__gte=version.valid_from)
        if until is not None:
            inferred = inferred.filter(run__started_at__lt=until)
        for run in inferred.values_list("run", flat=True):
            found[run] = max(found.get(run, Strength.NONE), min(Strength.LIKELY, strengths[version.pk]))
        for run in rows.filter(version=version).values_list("run", flat=True):
            found[run] = max(found.get(run, Strength.NONE), strengths[version.pk])
    return found


def _links(places: dict[UUID, Strength], states: set[UUID] | None) -> dict[UUID, list[tuple[UUID, str]]]:
    """Model versions that used these datasets (or exactly these states of them), as (dataset, role)."""
    found: dict[UUID, list[tuple[UUID, str]]] = defaultdict(list)
    asked = {"places": list(places), "states": list(states or ())}
    exact = "AND s.id = ANY(%(states)s::uuid[])" if states is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT l.version_id, s.dataset_id, l.role FROM registry_datasetlink l
            JOIN catalog_datasetversion s ON s.id = l.dataset_version_id
            WHERE s.dataset_id = ANY(%(places)s::uuid[]) {exact} ORDER BY 1, 3, 2""",
            asked,
        )
        for version, dataset, role in cursor.fetchall():
            found[version].append((dataset, role))
    for version, dataset in _trained_on(asked, is_exact=states is not None):
        if all(dataset != known for known, _ in found[version]):
            found[version].append((dataset, "run"))
    return found


def _trained_on(asked: dict[str, Any], *, is_exact: bool) -> list[tuple[UUID, UUID]]:
    """Model versions whose training run read these datasets, or wrote them as a model."""
    narrowed = "AND (io.version_id IS NULL OR io.version_id = ANY(%(states)s::uuid[]))" if is_exact else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT DISTINCT v.id, io.dataset_id
            FROM registry_modelversion v
            JOIN lineage_run r ON v.training->>'run_id' IN (r.run_id::text, replace(r.run_id::text, '-', ''))
            JOIN lineage_runio io ON io.run_id = r.id AND (io.direction = 'in' OR io.kind = 'MODEL')
            WHERE io.dataset_id = ANY(%(places)s::uuid[]) {narrowed} ORDER BY 1, 2""",
            asked,
        )
        return list(cursor.fetchall())


def _hits(
    node: Node,
    roots: set[UUID],
    versions: list[ModelVersion],
    links: dict[UUID, list[tuple[UUID, str]]],
    places: dict[UUID, Strength],
    as_of: datetime | None,
) -> list[Hit]:
    if not versions:
        return []
    wanted = {dataset for version in versions for dataset, _ in links[version.pk]}
    ways = _ways(roots, wanted, as_of)
    steps = {pk for way in ways.values() for pk in way}
    rows = datasets_by_id(steps | wanted)
    bases = _bases(steps, as_of)
    deployments: dict[UUID, list[Deployment]] = defaultdict(list)
    for row in Deployment.objects.filter(version__in=versions, state="active").select_related("environment"):
        deployments[row.version_id].append(row)
    found = []
    for version in versions:
        way = min((ways[dataset] for dataset, _ in links[version.pk]), key=lambda steps: (len(steps), str(steps)))
        strength = max(places.get(dataset, Strength.POSSIBLE) for dataset, _ in links[version.pk])
        path = [dataset_node(rows[pk]) for pk in way if pk in rows]
        if node.field is not None and node.dataset is not None and path:
            path[0] = field_node(node.dataset, node.field.path)
        found.append(
            Hit(
                version=version,
                depth=len(way),
                strength=strength.name.lower(),
                basis=_weakest(bases, way),
                path=path,
                through=[str(rows[pk]) for pk in way if pk in rows],
                roles=sorted({role for _, role in links[version.pk]}),
                deployments=deployments[version.pk],
            )
        )
    return found


BASES = ("explicit", "column", "declared", "manual", "cartesian")


def _ways(roots: set[UUID], wanted: set[UUID], as_of: datetime | None) -> dict[UUID, list[UUID]]:
    """A shortest way to each wanted dataset, every dataset under the name to use."""
    before = ways_down(roots, wanted, as_of)
    found = {dataset: way_to(before, dataset) for dataset in wanted}
    names = names_around({pk for way in found.values() for pk in way}, as_of)
    return {dataset: list(dict.fromkeys(names.of(pk) for pk in way)) for dataset, way in found.items()}


def _bases(steps: set[UUID], as_of: datetime | None) -> dict[tuple[UUID, UUID], int]:
    """The surest basis of each step between these datasets."""
    names = names_around(steps, as_of)
    members = names.all_of(steps)
    best: dict[tuple[UUID, UUID], int] = {}
    rows = Edge.objects.current(as_of).filter(source__in=members, target__in=members)
    for source, target, basis in rows.values_list("source", "target", "basis"):
        pair = (names.of(source), names.of(target))
        best[pair] = min(best.get(pair, len(BASES)), BASES.index(basis))
    return best


def _weakest(best: dict[tuple[UUID, UUID], int], way: list[UUID]) -> str:
    """The least sure basis on the way."""
    worst = [best.get(step, len(BASES) - 1) for step in zip(way, way[1:], strict=False)]
    return BASES[max(worst)] if worst else "direct"


def _unlinked(places: dict[UUID, Strength], links: dict[UUID, Any]) -> list[Dataset]:
    """Models that events wrote downstream and that no registered version is tied to: a to-do, not a hit."""
    linked = {dataset for held in links.values() for dataset, _ in held}
    written = RunIO.objects.filter(kind="MODEL").extra(where=["dataset_id = ANY(%s::uuid[])"], params=[list(places)])
    rows = Dataset.objects.filter(pk__in=written.values("dataset"))
    return [row for row in rows.order_by("namespace", "name")[:50] if row.pk not in linked]


def _completeness(roots: set[UUID], node: Node, as_of: datetime | None) -> Completeness:
    held = "e.retired_at IS NULL" if as_of is None else (
        "e.first_seen <= %(at)s AND (e.retired_at IS NULL OR e.retired_at > %(at)s)"
    )  # fmt: skip
    sql = (
        reach_sql("down", as_of)
        + f""", steps AS (SELECT e.* FROM reached r JOIN lineage_edge e ON e.source_id = r.id WHERE {held}),
        latest AS (
            SELECT DISTINCT ON (r.job_id) r.job_id, r.failed_tasks, r.state FROM lineage_run r
            WHERE r.job_id IN (SELECT job_id FROM steps) ORDER BY r.job_id, r.seen_at DESC, r.run_id DESC)
        SELECT (SELECT coalesce(jsonb_object_agg(basis, n), '{{}}') FROM (SELECT basis, count(*) n FROM steps GROUP BY 1) b),
               (SELECT count(DISTINCT job_id) FROM steps),
               (SELECT count(*) FROM latest WHERE failed_tasks > 0),
               (SELECT count(*) FROM latest WHERE state = 'running'),
               (SELECT min(last_seen) FROM steps)"""
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {"roots": list(roots), "at": as_of})
        edges, jobs, errors, running, oldest = cursor.fetchone()
    known = Edge.objects.filter(source__in=roots).exists() or Edge.objects.filter(target__in=roots).exists()
    is_source = RunIO.objects.filter(dataset__in=roots, is_source=True).exists()
    known = known or RunIO.objects.filter(dataset__in=roots).exists() or bool(node.version)
    counts = json.loads(edges) if isinstance(edges, str) else edges
    return Completeness(counts, jobs, errors, running, oldest, known, is_source)

"""Who is hit when data change: model versions and deployments downstream of a dataset, a column or one state of a dataset.

An answer never comes without a statement of completeness: "nothing downstream" and "no lineage received" look different.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.catalog.models import Dataset
from apps.lineage.models import Edge, RunIO
from apps.lineage.propagation import Strength
from apps.lineage.queries.nodes import Node, dataset_node, field_node
from apps.lineage.queries.spread import by_column, by_version
from apps.lineage.queries.walk import HELD_NOW, HELD_THEN, datasets_by_id, names_around, reach_sql, ways_down
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


@dataclass(frozen=True)
class Read:
    """What one query over everything that is reached found."""

    reached: int
    links: dict[UUID, list[tuple[UUID, str]]]
    unlinked: list[UUID]
    edges: dict[str, int]
    jobs: int
    jobs_with_errors: int
    jobs_unfinished: int
    oldest_seen: datetime | None


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
    places, states, is_truncated = None, None, False
    if version and node.dataset is not None:
        places, states = by_version(node.dataset, version, as_of)
    elif node.field is not None:
        places, is_truncated = by_column(node.field, as_of)
    found = _read(roots, places, states, as_of)
    candidates = ModelVersion.objects.filter(pk__in=found.links).select_related("model__use_case", "model__owner")
    visible = candidates if user is None else candidates.visible_to(user)
    versions = list(visible.order_by("model__name", "-created_at"))
    hits = _hits(node, roots, versions, found.links, places, as_of)
    unlinked = list(Dataset.objects.filter(pk__in=found.unlinked).order_by("namespace", "name"))
    hidden = len(found.links) - len(versions)
    completeness = _completeness(found, roots, node)
    return Impact(node, hits, found.reached, hidden, completeness, unlinked, is_truncated)


def _roots(node: Node) -> set[UUID]:
    if node.job is not None:
        return set(RunIO.objects.filter(run__job=node.job, direction="out").values_list("dataset", flat=True)) | set(
            Edge.objects.filter(job=node.job).values_list("target", flat=True)
        )
    if node.version is not None:
        return set(DatasetLink.objects.filter(version=node.version).values_list("dataset_version__dataset", flat=True))
    return {node.dataset.pk} if node.dataset is not None else set()


def _hits(
    node: Node,
    roots: set[UUID],
    versions: list[ModelVersion],
    links: dict[UUID, list[tuple[UUID, str]]],
    places: dict[UUID, Strength] | None,
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
        held = [
            places.get(dataset, Strength.POSSIBLE) if places else Strength.CERTAIN for dataset, _ in links[version.pk]
        ]
        path = [dataset_node(rows[pk]) for pk in way if pk in rows]
        if node.field is not None and node.dataset is not None and path:
            path[0] = field_node(node.dataset, node.field.path)
        found.append(
            Hit(
                version=version,
                depth=len(way),
                strength=max(held).name.lower(),
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
    found = ways_down(roots, wanted, as_of)
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


GIVEN = "WITH RECURSIVE reached(id) AS (SELECT unnest(%(places)s::uuid[]))"
ANSWER = """
, used AS (
    SELECT l.version_id AS version, s.dataset_id AS dataset, l.role AS role FROM reached r
    JOIN catalog_datasetversion s ON s.dataset_id = r.id JOIN registry_datasetlink l ON l.dataset_version_id = s.id
    WHERE {exact}
), read_or_written AS (
    SELECT io.dataset_id AS dataset, io.kind AS kind, replace(n.run_id::text, '-', '') AS run FROM reached r
    JOIN lineage_runio io ON io.dataset_id = r.id AND (io.direction = 'in' OR io.kind = 'MODEL') AND {narrowed}
    JOIN lineage_run n ON n.id = io.run_id
), trained AS (
    SELECT DISTINCT v.id AS version, w.dataset AS dataset, 'run'::text AS role FROM read_or_written w
    JOIN registry_modelversion v ON replace(v.training->>'run_id', '-', '') = w.run
), linked AS (
    SELECT * FROM used UNION ALL SELECT t.* FROM trained t
    WHERE NOT EXISTS (SELECT FROM used u WHERE u.version = t.version AND u.dataset = t.dataset)
), steps AS (
    SELECT e.basis, e.job_id FROM reached r JOIN lineage_edge e ON e.source_id = r.id AND {held}
), latest AS (
    SELECT DISTINCT ON (n.job_id) n.job_id, n.failed_tasks, n.state, n.seen_at FROM lineage_run n
    WHERE n.job_id IN (SELECT job_id FROM steps) ORDER BY n.job_id, n.seen_at DESC, n.run_id DESC
)
SELECT (SELECT count(*) FROM reached),
       (SELECT coalesce(array_agg(DISTINCT version || ' ' || dataset || ' ' || role), '{{}}') FROM linked),
       (SELECT coalesce(array_agg(DISTINCT dataset), '{{}}') FROM read_or_written
        WHERE kind = 'MODEL' AND dataset NOT IN (SELECT dataset FROM linked)),
       (SELECT coalesce(array_agg(basis || ' ' || n), '{{}}') FROM (SELECT basis, count(*) n FROM steps GROUP BY 1) b),
       (SELECT count(DISTINCT job_id) FROM steps),
       (SELECT count(*) FROM latest WHERE failed_tasks > 0),
       (SELECT count(*) FROM latest WHERE state = 'running'),
       (SELECT min(seen_at) FROM latest)
"""


def _read(
    roots: set[UUID], places: dict[UUID, Strength] | None, states: set[UUID] | None, as_of: datetime | None
) -> Read:
    """One pass: who used what is reached, and what the steps on the way rest on."""
    sql = (reach_sql("down", as_of) if places is None else GIVEN) + ANSWER.format(
        exact="true" if states is None else "s.id = ANY(%(states)s::uuid[])",
        narrowed="true" if states is None else "(io.version_id IS NULL OR io.version_id = ANY(%(states)s::uuid[]))",
        held=HELD_NOW if as_of is None else HELD_THEN,
    )
    asked = {"roots": list(roots), "places": list(places or ()), "states": list(states or ()), "at": as_of}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")  # what is reached from a hub stays in memory
        cursor.execute(sql, asked)
        count, linked, unlinked, bases, jobs, errors, running, oldest = cursor.fetchone()
    links: dict[UUID, list[tuple[UUID, str]]] = defaultdict(list)
    for version, dataset, role in sorted(text.split(" ") for text in linked):
        links[UUID(version)].append((UUID(dataset), role))
    edges = {basis: int(number) for basis, number in sorted(text.split(" ") for text in bases)}
    return Read(count, dict(links), unlinked[:50], edges, jobs, errors, running, oldest)


def _completeness(found: Read, roots: set[UUID], node: Node) -> Completeness:
    known = Edge.objects.filter(source__in=roots).exists() or Edge.objects.filter(target__in=roots).exists()
    known = known or RunIO.objects.filter(dataset__in=roots).exists() or node.version is not None
    is_source = RunIO.objects.filter(dataset__in=roots, is_source=True).exists()
    return Completeness(
        found.edges, found.jobs, found.jobs_with_errors, found.jobs_unfinished, found.oldest_seen, known, is_source
    )

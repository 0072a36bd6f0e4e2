"""Walking the graph: who is reached, how far away, by which edges. Two names of one dataset count as one step of no length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.catalog.models import Dataset
from apps.lineage.models import Edge, NameAlias

REACH = """
WITH RECURSIVE reached(id) AS (
    SELECT unnest(%(roots)s::uuid[])
    UNION
    SELECT hop.id FROM reached r CROSS JOIN LATERAL (
        SELECT e.{there}_id AS id FROM lineage_edge e WHERE e.{here}_id = r.id AND {held}
        UNION ALL
        SELECT a.alias_id FROM lineage_namealias a WHERE a.dataset_id = r.id AND NOT a.is_shared AND {tied}
        UNION ALL
        SELECT a.dataset_id FROM lineage_namealias a WHERE a.alias_id = r.id AND NOT a.is_shared AND {tied}
    ) hop
)
"""
FEW = 25  # targets up to which a search from both ends is worth it
HELD_NOW, TIED_NOW = "e.retired_at IS NULL", "a.undone_at IS NULL"
HELD_THEN = "e.first_seen <= %(at)s AND (e.retired_at IS NULL OR e.retired_at > %(at)s)"
TIED_THEN = "a.stated_at <= %(at)s AND (a.undone_at IS NULL OR a.undone_at > %(at)s)"


def reach_sql(direction: str, as_of: datetime | None) -> str:
    """The recursive part of a query over everything that is reached; ids only, so that cycles end and hubs stay cheap."""
    here, there = ("source", "target") if direction == "down" else ("target", "source")
    held, tied = (HELD_NOW, TIED_NOW) if as_of is None else (HELD_THEN, TIED_THEN)
    return REACH.format(here=here, there=there, held=held, tied=tied)


def reached(roots: Iterable[UUID], direction: str, as_of: datetime | None = None) -> set[UUID]:
    """Every dataset that is reached from the roots, roots and their other names included."""
    with connection.cursor() as cursor:
        sql = reach_sql(direction, as_of) + "SELECT id FROM reached"
        cursor.execute(sql, {"roots": list(roots), "at": as_of})
        return {row[0] for row in cursor.fetchall()}


def ties(as_of: datetime | None = None) -> Any:
    """The pairs of names that count as one dataset."""
    rows = NameAlias.objects.filter(is_shared=False)
    if as_of is None:
        return rows.filter(undone_at=None)
    return rows.filter(Q(undone_at=None) | Q(undone_at__gt=as_of), stated_at__lte=as_of)


@dataclass
class Names:
    """Which names are one dataset. ``canonical`` gives the name to use; a dataset without other names is its own."""

    canonical: dict[UUID, UUID] = field(default_factory=dict)

    def of(self, dataset: UUID) -> UUID:
        """The id to use for this dataset."""
        return self.canonical.get(dataset, dataset)

    def all_of(self, datasets: Iterable[UUID]) -> set[UUID]:
        """These datasets under all of their names."""
        wanted = {self.of(dataset) for dataset in datasets}
        return wanted | {alias for alias, use in self.canonical.items() if use in wanted} | set(datasets)


def names_around(datasets: Iterable[UUID], as_of: datetime | None = None) -> Names:
    """The other names of these datasets, transitively, with the one to use: that which is nobody's alias."""
    parent: dict[UUID, UUID] = {}
    aliases: set[UUID] = set()
    frontier, seen = set(datasets), set(datasets)

    def root(node: UUID) -> UUID:
        while parent.get(node, node) != node:
            node = parent[node]
        return node

    while frontier:
        rows = _ties_of(frontier, as_of)
        found: set[UUID] = set()
        for dataset, alias in rows:
            aliases.add(alias)
            found |= {dataset, alias}
            first, second = sorted((root(dataset), root(alias)))
            parent[second] = first
        frontier = found - seen
        seen |= found
    groups: dict[UUID, list[UUID]] = defaultdict(list)
    for node in {*parent, *parent.values()}:
        groups[root(node)].append(node)
    canonical = {}
    for members in groups.values():
        use = min(members, key=lambda member: (member in aliases, member))
        canonical.update(dict.fromkeys(members, use))
    return Names(canonical)


def _ties_of(datasets: set[UUID], as_of: datetime | None) -> list[tuple[UUID, UUID]]:
    tied = TIED_NOW if as_of is None else TIED_THEN
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.dataset_id, a.alias_id FROM lineage_namealias a WHERE NOT a.is_shared AND {tied}"
            " AND (a.dataset_id = ANY(%(ids)s) OR a.alias_id = ANY(%(ids)s)) ORDER BY 1, 2",
            {"ids": list(datasets), "at": as_of},
        )
        return list(cursor.fetchall())


@dataclass
class Neighbourhood:
    """What stands around some datasets: how many steps away, over which edges, and whether all of it is here."""

    distance: dict[UUID, int] = field(default_factory=dict)
    before: dict[UUID, UUID] = field(default_factory=dict)
    edges: dict[UUID, Edge] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    is_truncated: bool = False


def neighbourhood(
    roots: Iterable[UUID],
    direction: str,
    *,
    depth: int,
    as_of: datetime | None = None,
    limit: int,
) -> Neighbourhood:
    """Level by level from the roots, exactly ``depth`` steps."""
    found = Neighbourhood(names=names_around(roots, as_of))
    frontier = {found.names.of(node) for node in roots}
    found.distance = dict.fromkeys(frontier, 0)
    here, there = ("source_id", "target_id") if direction == "down" else ("target_id", "source_id")
    for step in range(1, depth + 1):
        if not frontier:
            break
        rows = Edge.objects.current(as_of).filter(**{f"{here}__in": found.names.all_of(frontier)}).select_related("job")
        edges = list(rows.order_by("first_seen", "id"))
        fresh_ids = {getattr(edge, there) for edge in edges} - found.names.canonical.keys()
        found.names.canonical.update(names_around(fresh_ids, as_of).canonical)
        frontier = set()
        for edge in edges:
            start, end = found.names.of(getattr(edge, here)), found.names.of(getattr(edge, there))
            if end not in found.distance:
                if len(found.distance) >= limit:
                    found.is_truncated = True
                    continue
                found.distance[end], found.before[end] = step, start
                frontier.add(end)
            found.edges[edge.pk] = edge
    return found


LEVEL = """
SELECT there::text, min(here::text COLLATE "C") FROM (
    SELECT e.{there}_id AS there, e.{here}_id AS here FROM lineage_edge e
    WHERE e.{here}_id = ANY(%(from)s::uuid[]) AND {held}
    UNION ALL
    SELECT a.alias_id, a.dataset_id FROM lineage_namealias a
    WHERE a.dataset_id = ANY(%(from)s::uuid[]) AND NOT a.is_shared AND {tied}
    UNION ALL
    SELECT a.dataset_id, a.alias_id FROM lineage_namealias a
    WHERE a.alias_id = ANY(%(from)s::uuid[]) AND NOT a.is_shared AND {tied}
) step GROUP BY there
"""


class _Front:
    """One end of a search, growing level by level. ``before`` holds the step by which each dataset was reached.

    Ids are text here: behind a hub there are hundreds of thousands, and making a UUID of each took most of the time.
    """

    def __init__(self, roots: Iterable[UUID], direction: str, as_of: datetime | None) -> None:
        self.before: dict[str, str] = {}
        self.edge = [str(root) for root in roots]
        self.seen = set(self.edge)
        here, there = ("source", "target") if direction == "down" else ("target", "source")
        held, tied = (HELD_NOW, TIED_NOW) if as_of is None else (HELD_THEN, TIED_THEN)
        self.sql, self.as_of = LEVEL.format(here=here, there=there, held=held, tied=tied), as_of

    def grow(self) -> set[str]:
        """Go one level further; the datasets reached first now."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, {"from": self.edge, "at": self.as_of})
            fresh = {there: here for there, here in cursor.fetchall() if there not in self.seen}
        self.before.update(fresh)
        self.seen |= fresh.keys()
        self.edge = list(fresh)
        return set(fresh)

    def way(self, node: str) -> list[str]:
        """From a root to the node."""
        found = [node]
        while found[-1] in self.before:
            found.append(self.before[found[-1]])
        return found[::-1]


def ways_down(roots: Iterable[UUID], wanted: set[UUID], as_of: datetime | None = None) -> dict[UUID, list[UUID]]:
    """A shortest way from the roots to each wanted dataset; a dataset that cannot be reached is its own way."""
    if len(wanted) <= FEW:
        return {target: _meeting(roots, target, as_of) for target in wanted}
    front = _Front(roots, "down", as_of)
    missing = {str(target) for target in wanted} - front.seen
    while front.edge and missing:
        missing -= front.grow()
    return {target: [UUID(step) for step in front.way(str(target))] for target in wanted}


def _meeting(roots: Iterable[UUID], target: UUID, as_of: datetime | None) -> list[UUID]:
    """From both ends, the smaller one first: behind a hub the two meet long before either has seen everything."""
    down, up = _Front(roots, "down", as_of), _Front([target], "up", as_of)
    common = down.seen & up.seen
    while down.edge and up.edge and not common:
        growing, other = (down, up) if len(down.edge) <= len(up.edge) else (up, down)
        common = growing.grow() & other.seen
    if not common:
        return [target]
    middle = min(common, key=lambda node: (len(down.way(node)) + len(up.way(node)), node))
    return [UUID(step) for step in [*down.way(middle), *up.way(middle)[-2::-1]]]


def datasets_by_id(ids: Iterable[UUID]) -> dict[UUID, Dataset]:
    """The rows of these datasets."""
    return {row.pk: row for row in Dataset.objects.filter(pk__in=list(ids)).select_related("owner")}

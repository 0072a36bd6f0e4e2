"""How far a column, or one state of a dataset, spreads: datasets downstream that hold something of it, and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.lineage import propagation
from apps.lineage.models import Edge, FieldEdge, RunIO
from apps.lineage.propagation import Flow, Strength
from apps.lineage.queries.walk import names_around, reached

MOST_FIELD_EDGES = 200_000


def by_column(column: Field, as_of: datetime | None) -> tuple[dict[UUID, Strength], bool]:
    """How surely the values of the column are in each dataset downstream. Indirect influence counts as possible.

    The second value says that there were more column edges than were read."""
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
    return places, rows.count() > MOST_FIELD_EDGES


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


def by_version(dataset: Dataset, key: str, as_of: datetime | None) -> tuple[dict[UUID, Strength], set[UUID]]:
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

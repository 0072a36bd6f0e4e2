"""The neighbourhood of a node as nodes and edges: what the API answers and what the drawing draws."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.catalog.models import Dataset, Field
from apps.lineage.models import Edge, FieldEdge, RunIO
from apps.lineage.queries.nodes import Node, dataset_node, field_node, job_node, version_node
from apps.lineage.queries.walk import Names, datasets_by_id, neighbourhood
from apps.registry.models import DatasetLink, Deployment, ModelVersion

MOST_NODES = 300
DEPTHS = (1, 20)


@dataclass
class Graph:
    """Datasets around a root with their columns, edges, and the model versions that hang on them."""

    root: Node
    datasets: dict[UUID, Dataset] = field(default_factory=dict)
    distance: dict[UUID, int] = field(default_factory=dict)
    fields: dict[UUID, list[Field]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    field_edges: list[FieldEdge] = field(default_factory=list)
    links: list[DatasetLink] = field(default_factory=list)
    versions: dict[UUID, ModelVersion] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    beyond: int = 0
    is_truncated: bool = False


def roots_of(node: Node) -> set[UUID]:
    """The datasets from which a node is looked at."""
    if node.job is not None:
        sides = RunIO.objects.filter(run__job=node.job).values_list("dataset", flat=True)
        ends = Edge.objects.filter(job=node.job).values_list("source", "target")
        return set(sides) | {pk for pair in ends for pk in pair}
    if node.version is not None:
        return set(DatasetLink.objects.filter(version=node.version).values_list("dataset_version__dataset", flat=True))
    return {node.dataset.pk} if node.dataset is not None else set()


def graph(
    node: Node, *, direction: str = "both", depth: int = 2, as_of: datetime | None = None, user: Any = None
) -> Graph:
    """Everything within ``depth`` steps up, down or both ways."""
    roots = roots_of(node)
    found = Graph(node)
    edges: dict[UUID, Edge] = {}
    ways = ("up", "down") if direction == "both" else (direction,)
    for way in ways:
        steps = depth - 1 if node.version is not None and way == "up" else depth
        around = neighbourhood(roots, way, depth=steps, as_of=as_of, limit=MOST_NODES)
        found.names.canonical.update(around.names.canonical)
        found.is_truncated |= around.is_truncated
        edges |= around.edges
        for pk, steps_away in around.distance.items():
            found.distance.setdefault(pk, steps_away if way == "down" else -steps_away)
    found.datasets = datasets_by_id(found.distance)
    held = found.datasets.keys()
    found.edges = [
        edge for edge in edges.values() if {found.names.of(edge.source_id), found.names.of(edge.target_id)} <= held
    ]
    _add_columns(found, as_of)
    _add_versions(found, user)
    found.beyond = _count_beyond(found, as_of)
    return found


def _add_columns(found: Graph, as_of: datetime | None) -> None:
    members = found.names.all_of(found.datasets)
    by_place: dict[UUID, dict[str, Field]] = defaultdict(dict)
    for row in Field.objects.filter(dataset__in=members).order_by("ordinal", "path"):
        by_place[found.names.of(row.dataset_id)].setdefault(row.path, row)
    found.fields = {pk: list(by_place[pk].values()) for pk in found.datasets}
    pairs = {(edge.source_id, edge.target_id) for edge in found.edges}
    rows = FieldEdge.objects.current(as_of).filter(
        source__in={source for source, _ in pairs}, target__in={target for _, target in pairs}
    )
    rows = rows.select_related("source_field", "target_field", "job").order_by("first_seen", "id")
    found.field_edges = [row for row in rows if (row.source_id, row.target_id) in pairs]


def _add_versions(found: Graph, user: Any) -> None:
    links = DatasetLink.objects.filter(dataset_version__dataset__in=found.names.all_of(found.datasets))
    visible = ModelVersion.objects.all() if user is None else ModelVersion.objects.visible_to(user)
    if found.root.version is not None:
        visible = visible.filter(pk=found.root.version.pk)
    versions = visible.filter(pk__in=links.values("version")).select_related("model")
    found.versions = {row.pk: row for row in versions.order_by("model__name", "created_at")[:MOST_NODES]}
    found.links = list(
        links.filter(version__in=found.versions).select_related("dataset_version").order_by("role", "id")
    )
    if found.root.version is not None:
        found.versions.setdefault(found.root.version.pk, found.root.version)
    running = Deployment.objects.filter(version__in=found.versions, state=Deployment.State.ACTIVE)
    found.deployments = list(running.select_related("environment").order_by("environment__name"))


def _count_beyond(found: Graph, as_of: datetime | None) -> int:
    """Datasets one step further that are not shown."""
    members = found.names.all_of(found.datasets)
    rows = Edge.objects.current(as_of).filter(Q(source__in=members) | Q(target__in=members))
    ends = {pk for pair in rows.values_list("source", "target") for pk in pair}
    return len({found.names.of(pk) for pk in ends} - found.datasets.keys())


def as_answer(found: Graph) -> dict[str, Any]:
    """The graph in the API's words."""
    nodes = [_dataset_value(found, dataset) for dataset in found.datasets.values()]
    edges = [*_edge_values(found), *_field_values(found), *_link_values(found)]
    if found.root.job is not None:
        nodes.append(
            {"id": found.root.id, "type": "job", "namespace": found.root.job.namespace, "name": found.root.job.name}
        )
        edges += _job_values(found)
    for version in found.versions.values():
        nodes.append({
            "id": version_node(version.pk), "type": "model_version", "name": version.version,
            "model": version.model.slug, "title": str(version), "digest": version.artifact_digest,
        })  # fmt: skip
    for row in found.deployments:
        name = f"deployment:{row.pk}"
        nodes.append({"id": name, "type": "deployment", "name": row.environment.slug, "title": row.environment.name})
        edges.append({"from": version_node(row.version_id), "to": name, "type": "deployment", "basis": "explicit"})
    return {
        "root": found.root.id,
        "nodes": nodes,
        "edges": edges,
        "truncated": found.is_truncated,
        "beyond": found.beyond,
    }


def _dataset_value(found: Graph, dataset: Dataset) -> dict[str, Any]:
    aliases = sorted(
        dataset_node(row) for row in Dataset.objects.filter(pk__in=found.names.all_of([dataset.pk]) - {dataset.pk})
    ) if dataset.pk in found.names.canonical else []  # fmt: skip
    return {
        "id": dataset_node(dataset),
        "type": "dataset",
        "namespace": dataset.namespace,
        "name": dataset.name,
        "title": str(dataset),
        "dataset": str(dataset.pk),
        "governed": dataset.is_governed,
        "state": dataset.state,
        "distance": found.distance[dataset.pk],
        "aliases": aliases,
        "fields": [
            {"id": field_node(dataset, row.path), "name": row.path, "type": row.type, "classification": row.classification,
             "protected": row.is_protected}
            for row in found.fields.get(dataset.pk, [])
        ],
    }  # fmt: skip


def _times(edge: Any) -> dict[str, Any]:
    return {
        "job": job_node(edge.job) if edge.job else None,
        "first_seen": edge.first_seen,
        "last_seen": edge.last_seen,
    }


def _edge_values(found: Graph) -> list[dict[str, Any]]:
    ends = found.datasets
    return [
        {
            "from": dataset_node(ends[found.names.of(edge.source_id)]),
            "to": dataset_node(ends[found.names.of(edge.target_id)]),
            "type": "dataset",
            "basis": edge.basis,
            **_times(edge),
        }
        for edge in found.edges
    ]


def _field_values(found: Graph) -> list[dict[str, Any]]:
    values = []
    for edge in found.field_edges:
        source, target = found.datasets[found.names.of(edge.source_id)], found.datasets[found.names.of(edge.target_id)]
        values.append({
            "from": field_node(source, edge.source_field.path),
            "to": field_node(target, edge.target_field.path) if edge.target_field else dataset_node(target),
            "type": "field",
            "basis": edge.basis,
            "transformation": {
                "type": edge.type, "subtype": edge.subtype, "masking": edge.is_masked, "description": edge.description,
            },
            **_times(edge),
        })  # fmt: skip
    return values


def _link_values(found: Graph) -> list[dict[str, Any]]:
    values = []
    for link in found.links:
        dataset = found.datasets.get(found.names.of(link.dataset_version.dataset_id))
        if dataset is not None:
            values.append({
                "from": dataset_node(dataset), "to": version_node(link.version_id), "type": "model_version",
                "basis": "declared", "role": link.role, "version": link.dataset_version.key,
            })  # fmt: skip
    return values


def _job_values(found: Graph) -> list[dict[str, Any]]:
    job, values = found.root.job, []
    sides = set(RunIO.objects.filter(run__job=job).values_list("dataset", "direction"))
    for edge in Edge.objects.filter(job=job, retired_at=None):
        sides |= {(edge.source_id, "in"), (edge.target_id, "out")}
    for pk, direction in sorted(sides, key=str):
        dataset = found.datasets.get(found.names.of(pk))
        if dataset is not None:
            ends = (dataset_node(dataset), found.root.id)
            start, end = ends if direction == "in" else ends[::-1]
            values.append({"from": start, "to": end, "type": "job", "basis": "explicit"})
    return values

"""What the drawing of a version, or of the surroundings of a node, shows: which boxes, which columns, which lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.catalog.models import Dataset, Field
from apps.lineage import drawing as svg
from apps.lineage.drawing import Box, Link, Picture, Row
from apps.lineage.queries.closure import Closure, upstream
from apps.lineage.queries.features import BY_BASIS, DECLARED, PROVEN, Feature, confidence_of, feature_lineage
from apps.lineage.queries.graph import Graph
from apps.registry.models import Deployment, ModelVersion

MOST_BOXES = 80
MOST_ROWS = 14
Pair = tuple[UUID, UUID]


def drawing(subject: ModelVersion | Closure | Graph, *, followed: UUID | None = None) -> str:
    """The SVG of a version, of its closure or of a graph; the same on the page and in the dossier."""
    if isinstance(subject, Graph):
        return svg.render(graph_picture(subject, followed))
    closure = upstream(subject) if isinstance(subject, ModelVersion) else subject
    return svg.render(version_picture(closure, feature_lineage(closure.version, closure), followed))


def version_picture(closure: Closure, features: list[Feature], followed: UUID | None = None) -> Picture:
    """Sources, features, version and where it runs."""
    version = closure.version
    shown = sorted(closure.sources, key=lambda pk: (closure.sources[pk].depth, str(closure.sources[pk].dataset)))[
        :MOST_BOXES
    ]
    datasets = {pk: closure.sources[pk].dataset for pk in shown}
    fields: dict[UUID, list[Field]] = defaultdict(list)
    aside = _aside(closure, shown, followed)
    for row in closure.fields.values():
        if closure.names.of(row.dataset_id) not in aside:
            fields[closure.names.of(row.dataset_id)].append(row)
    trail = _trail(closure.field_edges, followed)
    canvas = _Canvas(datasets, fields, closure.names, trail)
    canvas.notes = _notes(closure, features)
    canvas.minor = {
        pk for pk in canvas.notes if not closure.fields[pk].is_protected and not closure.fields[pk].is_masked
    }
    canvas.used = {item.column.pk for item in features if item.column is not None}
    canvas.add_edges(closure.edges, closure.field_edges)
    picture = Picture(_takeaway(closure, features, followed, trail))
    first = {pk for pk in shown if not any(canvas.pairs_into(pk))}
    picture.boxes = canvas.boxes({
        pk: _("Sources") if pk in first and pk not in closure.training_datasets else
        _("Features") if pk in closure.training_datasets else ""
        for pk in shown
    })  # fmt: skip
    picture.links = canvas.links
    node = f"version:{version.pk}"
    running = list(Deployment.objects.filter(version=version, state="active").select_related("environment"))
    digest = version.artifact_digest.removeprefix("sha256:")
    picture.boxes.append(Box(node, str(version), "version", f"{digest[:8]} {digest[8:16]}", _("Version"), is_root=True))
    picture.links += _into_version(closure, features, canvas, node)
    for row in running:
        key = f"deployment:{row.pk}"
        picture.boxes.append(Box(key, row.environment.name, "deployment", _("runs now"), _("Deployment")))
        picture.links.append(Link(node, key))
    return picture


def _aside(closure: Closure, shown: list[UUID], followed: UUID | None) -> set[UUID]:
    """Datasets that neither trained the version nor feed others, such as the rows it was tested on: drawn without columns."""
    names = closure.names
    feeding = {names.of(edge.source_id) for edge in closure.edges if edge.source_id != edge.target_id}
    column = closure.fields.get(followed) if followed else None
    kept = {*closure.training_datasets, *feeding} | ({names.of(column.dataset_id)} if column else set())
    return set(shown) - kept


def _into_version(closure: Closure, features: list[Feature], canvas: _Canvas, node: str) -> list[Link]:
    """From each feature to the version; from datasets of which no feature is known, one line."""
    links, having = [], set()
    for item in features:
        if item.column is None:
            continue
        owner = closure.names.of(item.column.dataset_id)
        if owner in canvas.datasets and canvas.has_row(owner, item.column.path):
            having.add(owner)
            basis = PROVEN if "run" in closure.sources[owner].roles else DECLARED
            is_followed = item.column.pk in canvas.trail
            links.append(Link(str(owner), node, item.column.path, "", basis, is_followed=is_followed))
    for pk in canvas.datasets:
        source = closure.sources[pk]
        if source.roles and pk not in having:
            links.append(Link(str(pk), node, basis=PROVEN if "run" in source.roles else DECLARED))
    return links


def _notes(closure: Closure, features: list[Feature]) -> dict[UUID, str]:
    targets = {link.target for link in closure.links if link.target}
    found = {}
    for row in closure.fields.values():
        verdict = closure.verdicts.get(row.pk)
        if row.path in targets and closure.names.of(row.dataset_id) in closure.training_datasets:
            found[row.pk] = _("target")
        elif row.is_protected:
            found[row.pk] = _("protected")
        elif row.is_masked or (verdict is not None and verdict.is_masked):
            found[row.pk] = _("masked")
        elif verdict is not None:
            found[row.pk] = _("personal") if not verdict.is_inherited else _("from personal")
    return found


def _trail(field_edges: Iterable[Any], followed: UUID | None) -> set[UUID]:
    """The followed column and every column that its values reach."""
    onward: dict[UUID, set[UUID]] = defaultdict(set)
    for edge in field_edges:
        if edge.target_field_id and edge.type != "INDIRECT":
            onward[edge.source_field_id].add(edge.target_field_id)
    found, waiting = set(), [followed] if followed else []
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(onward[node])
    return found


def _takeaway(closure: Closure, features: list[Feature], followed: UUID | None, trail: set[UUID]) -> str:
    said = confidence_of(features).sentence
    column = closure.fields.get(followed) if followed else None
    if column is None:
        return f"{closure.version}. {said}."
    owner = closure.sources[closure.names.of(column.dataset_id)].dataset
    hit = [item for item in features if item.column is not None and item.column.pk in trail]
    reaches = ", ".join(item.name + (_(" (masked)") if item.masked else "") for item in hit) or _("no feature")
    words = _("The column %(column)s of %(dataset)s reaches %(version)s as: %(reaches)s.")
    head = words % {"column": column.path, "dataset": owner, "version": closure.version, "reaches": reaches}
    return f"{head} {said}."


def graph_picture(found: Graph, followed: UUID | None = None) -> Picture:
    """The surroundings of a node."""
    near = sorted(found.datasets, key=lambda pk: (abs(found.distance[pk]), str(found.datasets[pk])))[:MOST_BOXES]
    datasets = {pk: found.datasets[pk] for pk in near}
    trail = _trail(found.field_edges, followed)
    canvas = _Canvas(datasets, found.fields, found.names, trail)
    canvas.add_edges(found.edges, found.field_edges)
    title = _("%(node)s with %(datasets)d datasets and %(versions)d model versions around it.") % {
        "node": found.root.label, "datasets": len(found.datasets), "versions": len(found.versions),
    }  # fmt: skip
    root = found.root.dataset.pk if found.root.dataset else None
    picture = Picture(title, canvas.boxes({}, root=found.names.of(root) if root else None), canvas.links)
    room = MOST_BOXES - len(picture.boxes)
    for version in list(found.versions.values())[: max(room, 10)]:
        picture.boxes.append(
            Box(f"version:{version.pk}", str(version), "version", "", is_root=found.root.version == version)
        )
    for link in found.links:
        owner = found.names.of(link.dataset_version.dataset_id)
        picture.links.append(Link(str(owner), f"version:{link.version_id}", basis=DECLARED))
    for row in found.deployments:
        key = f"deployment:{row.pk}"
        picture.boxes.append(Box(key, row.environment.name, "deployment", _("runs now")))
        picture.links.append(Link(f"version:{row.version_id}", key))
    return picture


class _Canvas:
    """Boxes and lines of datasets, whoever asked for them."""

    def __init__(self, datasets: dict[UUID, Dataset], fields: Any, names: Any, trail: set[UUID]) -> None:
        self.datasets, self.fields, self.names, self.trail = datasets, fields, names, trail
        self.links: list[Link] = []
        self.notes: dict[UUID, str] = {}
        self.minor: set[UUID] = set()
        self.used: set[UUID] = set()
        self._into: dict[UUID, set[UUID]] = defaultdict(set)

    def pairs_into(self, pk: UUID) -> set[UUID]:
        """Shown datasets that this one comes from."""
        return self._into[pk]

    def _rows(self, pk: UUID) -> list[Field]:
        unique: dict[str, Field] = {}
        for row in self.fields.get(pk, []):
            unique.setdefault(row.path, row)
        return sorted(
            sorted(unique.values(), key=lambda row: (row.pk not in self.trail, row.pk not in self.used))[:MOST_ROWS],
            key=lambda row: (row.ordinal, row.path),
        )

    def has_row(self, pk: UUID, path: str) -> bool:
        """Whether the column is drawn."""
        return any(row.path == path for row in self._rows(pk))

    def boxes(self, headings: dict[UUID, str], root: UUID | None = None) -> list[Box]:
        """A box for each dataset, with its columns and how many are left out."""
        found = []
        for pk, dataset in self.datasets.items():
            shown = self._rows(pk)
            rows = [
                Row(
                    row.path,
                    self.notes.get(row.pk, ""),
                    bool(self.used) and not self._is_used(row),
                    row.pk in self.trail,
                    row.pk in self.minor,
                )
                for row in shown
            ]
            left = len({row.path for row in self.fields.get(pk, [])}) - len(shown)
            if left > 0:
                rows.append(Row(_("and %(n)d more columns") % {"n": left}, is_quiet=True))
            found.append(Box(str(pk), str(dataset), rows=rows, heading=headings.get(pk, ""), is_root=pk == root))
        return found

    def _is_used(self, row: Field) -> bool:
        return row.pk in self.used or (str(self.names.of(row.dataset_id)), row.path) in self._line_ends

    def add_edges(self, edges: Iterable[Any], field_edges: Iterable[Any]) -> None:
        """Lines between columns; where a pair of datasets has none, one between the datasets."""
        drawn: dict[tuple[Any, ...], Link] = {}
        connected: set[Pair] = set()
        for edge in field_edges:
            start, end = self.names.of(edge.source_id), self.names.of(edge.target_id)
            if edge.target_field is None or edge.type == "INDIRECT" or not {start, end} <= self.datasets.keys():
                continue
            ends = (start, edge.source_field.path, end, edge.target_field.path)
            is_followed = edge.source_field_id in self.trail
            link = Link(
                str(start), str(end), edge.source_field.path, edge.target_field.path, BY_BASIS[edge.basis],
                edge.is_masked, is_followed, edge.job.name if edge.job else "",
            )  # fmt: skip
            if self.has_row(start, ends[1]) and self.has_row(end, ends[3]):
                drawn.setdefault(ends, link)
                connected.add((start, end))
        for item in edges:
            pair = (self.names.of(item.source_id), self.names.of(item.target_id))
            if pair[0] == pair[1] or not set(pair) <= self.datasets.keys():
                continue
            self._into[pair[1]].add(pair[0])
            if pair not in connected:
                job = item.job.name if item.job else ""
                drawn.setdefault(pair, Link(str(pair[0]), str(pair[1]), basis=BY_BASIS[item.basis], job=job))
        self.links = list(drawn.values())
        self._line_ends = {(link.source, link.source_row) for link in self.links} | {
            (link.target, link.target_row) for link in self.links
        }

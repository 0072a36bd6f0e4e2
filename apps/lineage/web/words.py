"""Lineage in words: the same as the drawing for who reads on a phone or hears the page."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.lineage import queries

MOST_LINES = 12
Line = tuple[str, list[tuple[str, str]]]


def upstream_words(sources: Iterable[Any]) -> list[Line]:
    """The datasets that stand behind a version, nearest first: "1 step upstream: …"."""
    found: dict[int, list[Any]] = defaultdict(list)
    for source in sources:
        found[source.depth].append(source.dataset)
    said = [
        (ngettext("%(n)s step upstream", "%(n)s steps upstream", depth) % {"n": depth}, _named(found[depth]))
        for depth in sorted(found)
    ]
    return said[:MOST_LINES]


def graph_words(found: queries.Graph) -> list[Line]:
    """What lies upstream and downstream of where the drawing starts, by steps, and the model versions that read it."""
    roots = {found.names.of(pk) for pk, steps in found.distance.items() if steps == 0}
    edges = [(found.names.of(edge.source_id), found.names.of(edge.target_id)) for edge in found.edges]
    up = [
        (ngettext("%(n)s step upstream", "%(n)s steps upstream", steps) % {"n": steps}, ring)
        for steps, ring in _rings(roots, [(target, source) for source, target in edges])
    ]
    down = [
        (ngettext("%(n)s step downstream", "%(n)s steps downstream", steps) % {"n": steps}, ring)
        for steps, ring in _rings(roots, edges)
    ]
    said = [(what, _named(found.datasets[pk] for pk in ring)) for what, ring in [*up, *down]]
    readers = [(str(version), _address(version)) for version in found.versions.values()]
    return [*said[:MOST_LINES], *([(_("Model versions that read them"), readers)] if readers else [])]


def _rings(roots: set[UUID], edges: list[tuple[UUID, UUID]]) -> Iterator[tuple[int, list[UUID]]]:
    """What is reached along the edges, nearest first: (steps, ids)."""
    seen, ring, steps = set(roots), set(roots), 0
    while ring:
        steps += 1
        ring = {target for source, target in edges if source in ring} - seen
        seen |= ring
        if ring:
            yield steps, sorted(ring, key=str)


def _named(datasets: Iterable[Any]) -> list[tuple[str, str]]:
    found = [(str(dataset), reverse("console:dataset", args=[dataset.pk])) for dataset in datasets]
    return sorted(found)


def _address(version: Any) -> str:
    return reverse("lineage:version", args=[version.pk])

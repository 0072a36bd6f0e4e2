"""Lineage in words: the same as the drawing for who reads on a phone or hears the page."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

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


def graph_words(found: queries.Graph, rows: Iterable[tuple[Any, Any, Any]]) -> list[Line]:
    """What each dataset of a drawing comes from, and the model versions that read them."""
    behind: dict[Any, dict[Any, Any]] = defaultdict(dict)
    for _edge, source, target in rows:
        behind[target][source.pk] = source
    said = [
        (_("%(dataset)s comes from") % {"dataset": target}, _named(sources.values()))
        for target, sources in behind.items()
    ]
    readers = [(str(version), _address(version)) for version in found.versions.values()]
    return [*said[:MOST_LINES], *([(_("Model versions that read them"), readers)] if readers else [])]


def _named(datasets: Iterable[Any]) -> list[tuple[str, str]]:
    return [(str(dataset), reverse("console:dataset", args=[dataset.pk])) for dataset in datasets]


def _address(version: Any) -> str:
    return reverse("lineage:version", args=[version.pk])

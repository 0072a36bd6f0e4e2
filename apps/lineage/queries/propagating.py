"""Classifications of columns, own and arrived by lineage: the rows around the pure rules of ``propagation``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.catalog.models import Classification, Field
from apps.lineage import propagation
from apps.lineage.models import Edge, Facet, FieldEdge
from apps.lineage.propagation import Flow, Strength

#: from the most to the least sensitive
LEVELS = (
    Classification.SPECIAL_CATEGORY,
    Classification.IDENTIFIER,
    Classification.PERSONAL,
    Classification.QUASI_IDENTIFIER,
)
TAG_KEYS = frozenset({"pii", "personal", "personal_data", "sensitive"})
FALSE = frozenset({"false", "no", "0", "none", ""})


@dataclass(frozen=True)
class Verdict:
    """The classification that counts for a column, and where it comes from."""

    classification: str
    form: str
    strength: str
    is_inherited: bool
    origin: Any

    @property
    def is_masked(self) -> bool:
        """Whether only a masked form of the value is here."""
        return self.form == propagation.MASKED


def tagged_fields(fields: Iterable[Field]) -> set[UUID]:
    """Columns that a producer tagged as personal."""
    by_place = {(field.dataset_id, field.path): field.pk for field in fields}
    subjects = {f"dataset:{dataset}": dataset for dataset, _ in by_place}
    found = set()
    for row in Facet.objects.filter(subject__in=subjects, place="dataset", name="tags", is_deleted=False).exclude(
        body=""
    ):
        tags = json.loads(row.body).get("tags")
        for tag in tags if isinstance(tags, list) else []:
            if isinstance(tag, dict) and _is_personal(tag):
                place = (subjects[row.subject], tag.get("field"))
                if place in by_place:
                    found.add(by_place[place])
    return found


def _is_personal(tag: dict[str, Any]) -> bool:
    return str(tag.get("key", "")).lower() in TAG_KEYS and str(tag.get("value", "")).lower() not in FALSE


def flows_of(fields: Iterable[Field], edges: Iterable[Edge], field_edges: Iterable[FieldEdge]) -> list[Flow]:
    """The graph of columns: what column lineage says, and where it says nothing every column to every column."""
    columns: dict[UUID, list[UUID]] = defaultdict(list)
    for field in fields:
        columns[field.dataset_id].append(field.pk)
    found, explained = [], set()
    for edge in field_edges:
        explained.add((edge.source_id, edge.target_id))
        target = edge.target_field_id or ("dataset", edge.target_id)
        if edge.target_field_id is None and edge.type != "INDIRECT":
            for column in columns[edge.target_id]:
                found.append(
                    Flow(edge.source_field_id, column, edge.type, edge.subtype, edge.is_masked, is_incomplete=True)
                )
            continue
        found.append(Flow(edge.source_field_id, target, edge.type, edge.subtype, edge.is_masked))
    for item in edges:
        if (item.source_id, item.target_id) not in explained and item.source_id != item.target_id:
            hub = ("edge", item.source_id, item.target_id)
            found += [Flow(column, hub, is_assumed=True) for column in columns[item.source_id]]
            found += [Flow(hub, column, is_assumed=True) for column in columns[item.target_id]]
    return found


def _same_columns(fields: Iterable[Field], names: Any) -> list[Flow]:
    """Columns of one dataset under two names are one column."""
    by_place: dict[tuple[UUID, str], list[UUID]] = defaultdict(list)
    for field in fields:
        by_place[names.of(field.dataset_id), field.path].append(field.pk)
    return [
        Flow(one, other, "DIRECT", "IDENTITY")
        for members in by_place.values()
        for one in members
        for other in members
        if one != other
    ]


def marks(
    fields: Iterable[Field], edges: Any, field_edges: Any, names: Any
) -> dict[Any, dict[tuple[str, str], propagation.Mark]]:
    """Every mark on every column and dataset."""
    fields = list(fields)
    seeds: dict[Any, list[tuple[str, str]]] = defaultdict(list)
    cleared = set()
    tagged = tagged_fields(fields)
    for field in fields:
        if field.classification in LEVELS:
            seeds[field.pk].append((field.classification, propagation.MASKED if field.is_masked else propagation.PLAIN))
        elif field.classification == Classification.NONE and field.is_declared:
            cleared |= {(field.pk, str(level)) for level in LEVELS}
        elif field.pk in tagged:
            seeds[field.pk].append((Classification.PERSONAL, propagation.PLAIN))
    flows = [*flows_of(fields, edges, field_edges), *_same_columns(fields, names)]
    return propagation.propagate(seeds, flows, frozenset(cleared))


def verdicts(fields: Iterable[Field], edges: Any, field_edges: Any, names: Any) -> dict[UUID, Verdict]:
    """For each column that holds or may hold personal data: the most sensitive, surest mark."""
    fields = list(fields)
    found = {}
    by_node = marks(fields, edges, field_edges, names)
    for field in fields:
        held = by_node.get(field.pk)
        if held:
            (tag, form), mark = max(held.items(), key=_weight)
            found[field.pk] = Verdict(tag, form, mark.strength.name.lower(), mark.via is not None, mark.origin)
    return found


def _weight(item: tuple[tuple[str, str], propagation.Mark]) -> tuple[bool, Strength, int, str]:
    (tag, form), mark = item
    return form == propagation.PLAIN, mark.strength, -LEVELS.index(tag), str(mark.origin)

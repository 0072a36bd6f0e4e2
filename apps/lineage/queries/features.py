"""What each feature of a version comes from, and how sure that is: proven, declared, assumed or opaque.

``proven``: a run said so, column by column. ``declared``: a design-time event or a person said so. ``assumed``: only the
datasets are known to be connected. ``opaque``: nothing is known of where the feature comes from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.catalog.models import Dataset, Field
from apps.lineage import merge
from apps.lineage.models import FieldEdge
from apps.lineage.queries import propagating
from apps.lineage.queries.closure import Closure, upstream
from apps.registry.models import ModelVersion

PROVEN, DECLARED, ASSUMED, OPAQUE = "proven", "declared", "assumed", "opaque"
WORST_FIRST = (OPAQUE, ASSUMED, DECLARED, PROVEN)
BY_BASIS = {
    merge.EXPLICIT: PROVEN,
    merge.COLUMN: PROVEN,
    merge.DECLARED: DECLARED,
    merge.MANUAL: DECLARED,
    merge.CARTESIAN: ASSUMED,
}
DEEPEST = 50


@dataclass(frozen=True)
class Origin:
    """A column at the start of the lineage, or (``path`` empty) a dataset of which no column is known."""

    dataset: Dataset
    path: str
    field: UUID | None = None

    @property
    def label(self) -> str:
        """Dataset and column."""
        return f"{self.dataset} · {self.path}" if self.path else str(self.dataset)


@dataclass
class Feature:
    """One feature with its sources. ``steps`` are the column edges on the way, nearest first."""

    name: str
    basis: str = OPAQUE
    column: Field | None = None
    sources: list[Origin] = field(default_factory=list)
    influences: list[Origin] = field(default_factory=list)
    steps: list[FieldEdge] = field(default_factory=list)
    masked: bool = False
    last_seen: datetime | None = None
    verdict: propagating.Verdict | None = None

    @property
    def how(self) -> str:
        """In words, what happened on the way."""
        if self.basis == OPAQUE:
            return _("Not known")
        if self.basis == ASSUMED:
            return _("Same run, no column lineage")
        if not self.steps:
            return _("Read as it is")
        words = list(dict.fromkeys(_in_words(step) for step in self.steps if step.type != "INDIRECT"))
        return "; ".join(reversed(words)) or _("Only influenced")


def _in_words(step: FieldEdge) -> str:
    if step.description:
        return step.description
    if step.basis == merge.MANUAL and step.declared_by is not None:
        return _("Stated by %(person)s") % {"person": step.declared_by}
    if step.is_masked:
        return _("Masked")
    known = {"IDENTITY": _("Copied"), "TRANSFORMATION": _("Transformed"), "AGGREGATION": _("Aggregated")}
    return known.get(step.subtype) or (
        _("Derived") if step.type == "DIRECT" else _("Derived, the run does not say how")
    )


def feature_names(version: ModelVersion) -> list[str]:
    """The features a version declares."""
    return [item["name"] if isinstance(item, dict) else str(item) for item in version.features or []]


def feature_lineage(version: ModelVersion, closure: Closure | None = None) -> list[Feature]:
    """Every declared feature of the version, in its order."""
    closure = closure or upstream(version)
    tracer = _Tracer(closure)
    return [tracer.trace(name) for name in feature_names(version)]


class _Tracer:
    """Follows columns upstream inside one closure."""

    def __init__(self, closure: Closure) -> None:
        self.closure, self.names = closure, closure.names
        self.columns: dict[tuple[UUID, str], Field] = {}
        for row in closure.fields.values():
            self.columns.setdefault((self.names.of(row.dataset_id), row.path), row)
        self.into: dict[tuple[UUID, str], list[FieldEdge]] = defaultdict(list)
        self.whole: dict[UUID, list[FieldEdge]] = defaultdict(list)
        for edge in closure.field_edges:
            target = self.names.of(edge.target_id)
            if edge.target_field is None:
                self.whole[target].append(edge)
            else:
                self.into[target, edge.target_field.path].append(edge)
        self.before: dict[UUID, set[UUID]] = defaultdict(set)
        self.bases: dict[tuple[UUID, UUID], set[str]] = defaultdict(set)
        for item in closure.edges:
            start, end = self.names.of(item.source_id), self.names.of(item.target_id)
            if start != end:
                self.before[end].add(start)
                self.bases[start, end].add(item.basis)

    def trace(self, name: str) -> Feature:
        """The feature of this name in the first training dataset that has such a column."""
        for dataset in self.closure.training_datasets:
            column = self.columns.get((dataset, name))
            if column is not None:
                found = Feature(name, PROVEN, column, verdict=self.closure.verdicts.get(column.pk))
                self._follow(found, dataset, name)
                return found
        return Feature(name)

    def _follow(self, found: Feature, dataset: UUID, path: str) -> None:
        basis = PROVEN if "run" in self.closure.sources[dataset].roles else DECLARED
        waiting: list[tuple[UUID, str, bool, int]] = [(dataset, path, False, 0)]
        seen: dict[tuple[UUID, str], set[bool]] = defaultdict(set)
        ends: list[tuple[Origin, str, bool]] = []
        while waiting:
            place, column, masked, depth = waiting.pop()
            if masked in seen[place, column] or depth > DEEPEST:
                continue
            seen[place, column].add(masked)
            direct = [edge for edge in self.into[place, column] if edge.type != "INDIRECT"]
            self._note_influences(found, place, column)
            if not direct:
                ends += [
                    (origin, held, masked) for origin, held in self._end(place, column, basis if depth == 0 else PROVEN)
                ]
            for edge in direct:
                found.steps.append(edge)
                start = self.names.of(edge.source_id)
                waiting.append((start, edge.source_field.path, masked or edge.is_masked, depth + 1))
        self._conclude(found, ends)

    def _end(self, place: UUID, column: str, basis: str) -> list[tuple[Origin, str]]:
        """Where the trail of a column stops: at a source, or where column lineage is missing."""
        dataset = self.closure.sources[place].dataset
        earlier = sorted(self.before[place])
        if not earlier:
            known = self.columns.get((place, column))
            return [(Origin(dataset, column, known.pk if known else None), basis)]
        same = [pk for pk in earlier if (pk, column) in self.columns]
        if same:
            return [
                (
                    Origin(self.closure.sources[pk].dataset, column, self.columns[pk, column].pk),
                    self._assumed(pk, place),
                )
                for pk in same
            ]
        if self._is_explained(place):
            return [(Origin(dataset, column), OPAQUE)]
        return [(Origin(self.closure.sources[pk].dataset, ""), self._assumed(pk, place)) for pk in earlier]

    def _assumed(self, start: UUID, end: UUID) -> str:
        """A person's word for a pair of datasets is a declaration; everything else without columns is assumed."""
        return DECLARED if merge.MANUAL in self.bases[start, end] else ASSUMED

    def _is_explained(self, place: UUID) -> bool:
        return any(target == place for (target, _), edges in self.into.items() if edges)

    def _note_influences(self, found: Feature, place: UUID, column: str) -> None:
        for edge in [*self.whole[place], *self.into[place, column]]:
            if edge.type == "INDIRECT":
                start = self.names.of(edge.source_id)
                if start in self.closure.sources:
                    origin = Origin(self.closure.sources[start].dataset, edge.source_field.path, edge.source_field_id)
                    if origin not in found.influences:
                        found.influences.append(origin)

    def _conclude(self, found: Feature, ends: list[tuple[Origin, str, bool]]) -> None:
        bases = [BY_BASIS[edge.basis] for edge in found.steps] + [basis for _, basis, _ in ends]
        found.basis = next((word for word in WORST_FIRST if word in bases), OPAQUE)
        found.sources = list(dict.fromkeys(origin for origin, _, _ in ends))
        found.masked = bool(ends) and all(masked for _, _, masked in ends)
        seen = [edge.last_seen for edge in found.steps]
        found.last_seen = min(seen) if seen else self._read_at(found)

    def _read_at(self, found: Feature) -> datetime | None:
        if found.basis != PROVEN or not self.closure.runs:
            return None
        return max(run.seen_at for run in self.closure.runs)


@dataclass(frozen=True)
class Confidence:
    """How many features are traced, and how."""

    proven: int
    declared: int
    assumed: int
    opaque: int

    @property
    def total(self) -> int:
        """All features."""
        return self.proven + self.declared + self.assumed + self.opaque

    @property
    def traced(self) -> int:
        """Features with a known source."""
        return self.total - self.opaque

    @property
    def sentence(self) -> str:
        """For people: "18 of 21 features proven, 2 declared, 1 opaque"."""
        if not self.total:
            return _("No features are registered for this version, so none can be traced.")
        parts = [
            _("%(n)d proven") % {"n": self.proven} if self.proven else "",
            _("%(n)d declared") % {"n": self.declared} if self.declared else "",
            _("%(n)d assumed") % {"n": self.assumed} if self.assumed else "",
            _("%(n)d opaque") % {"n": self.opaque} if self.opaque else "",
        ]
        said = ", ".join(part for part in parts if part)
        head = ngettext(
            "%(traced)d of %(total)d feature is traced to a source",
            "%(traced)d of %(total)d features are traced to a source",
            self.total,
        ) % {"traced": self.traced, "total": self.total}
        return f"{head}: {said}"


def confidence_of(features: Iterable[Feature]) -> Confidence:
    """Counts over traced features."""
    counts = dict.fromkeys(WORST_FIRST, 0)
    for item in features:
        counts[item.basis] += 1
    return Confidence(counts[PROVEN], counts[DECLARED], counts[ASSUMED], counts[OPAQUE])


def confidence(version: ModelVersion) -> Confidence:
    """How well the features of a version are traced."""
    return confidence_of(feature_lineage(version))


def as_values(features: Iterable[Feature]) -> list[dict[str, Any]]:
    """Features as JSON values, for evidence and manifests."""
    return [
        {
            "feature": item.name,
            "sources": [
                {"namespace": origin.dataset.namespace, "name": origin.dataset.name, "field": origin.path}
                for origin in item.sources
            ],
            "basis": item.basis,
            "masked": item.masked,
            "how": item.how,
            "classification": item.verdict.classification if item.verdict else "",
            "strength": item.verdict.strength if item.verdict else "",
        }
        for item in features
    ]

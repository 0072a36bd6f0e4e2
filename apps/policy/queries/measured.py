"""Facts that are measured or looked up, never answered: metrics, terms of the data, targets of the use case, the tier."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from apps.catalog.models import Dataset
from apps.catalog.past import datasets_at
from apps.evidence import queries as evidence
from apps.evidence.models import Evidence
from apps.lineage import queries as lineage
from apps.lineage.models import Edge
from apps.policy import wording
from apps.registry.models import Kpi, ModelVersion, UseCase
from apps.registry.past import kpis_at

MOST_NAMED = 3


@dataclass(frozen=True)
class Behind:
    """The datasets behind a version, and the subjects whose change matters."""

    datasets: list[Dataset]
    subjects: frozenset[str]


@dataclass
class Measured:
    """Measured facts by their dotted names, and which evidence each came from."""

    facts: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, tuple[dict[str, str], ...]] = field(default_factory=dict)


def reference(item: Evidence) -> dict[str, str]:
    """An item of evidence as a result names it."""
    return {"id": str(item.pk), "title": item.title, "digest": item.digest, "dated": item.dated.isoformat()}


def organisation_day(at: datetime) -> date:
    """The day it is in the organisation at a moment."""
    return at.astimezone(zone()).date()


def zone() -> Any:
    """The organisation's time zone: days end there."""
    return ZoneInfo(settings.ORGANISATION_ZONE)


def datasets_behind(version: ModelVersion, past: datetime | None = None) -> Behind:
    """Every dataset that a version's data were made from, now or as they were, and the subjects of their versions."""
    subjects = frozenset(lineage.closure_subjects(version, past))
    keys = [subject.partition(":")[2] for subject in subjects if subject.startswith("dataset_version:")]
    made_by_a_job = Edge.objects.current(past).filter(target=OuterRef("pk"))
    linked = Q(versions__in=keys) | Q(versions__links__version=version)
    rows = (
        Dataset.objects.filter(linked).distinct().annotate(is_made=Exists(made_by_a_job)).order_by("namespace", "name")
    )
    return Behind(list(rows) if past is None else datasets_at(rows, past), subjects)


def measured_facts(
    version: ModelVersion, behind: Behind, types: dict[str, Any], at: datetime, past: datetime | None = None
) -> Measured:
    """Everything measured that a limit may read, by its first name: metrics, evidence, terms, kpi, tier, version."""
    found = Measured()
    for item in evidence.current_for(version, at=at):
        if (
            item.check_key
            and evidence.standing_of(item) == evidence.ACCEPTED
            and item.is_valid_on(organisation_day(at))
        ):
            for row in item.metrics:
                name = f"metrics.{item.check_key}.{row['key']}"
                if isinstance(row.get("value"), (int, float, str, bool)) and name not in found.facts:
                    found.facts[name], found.sources[name] = row["value"], (reference(item),)
    for type_id, view in types.items():
        if view.accepted:
            for name, value in view.fields.items():
                found.facts[f"evidence.{type_id}.{name}"] = value
                found.sources[f"evidence.{type_id}.{name}"] = tuple(view.evidence)
    found.facts |= terms_facts(behind.datasets, version.use_case, organisation_day(at))
    found.facts |= kpi_facts(version, found.facts, past)
    found.facts |= {
        "tier.is_confirmed": version.use_case.is_tier_confirmed,
        "tier.words": f"tier {version.use_case.tier}" if version.use_case.is_tier_confirmed else "not confirmed",
    }
    if kind := version.output.get("kind"):
        found.facts["version.output_kind"] = kind
    return found


def terms_facts(datasets: list[Dataset], use_case: UseCase, today: date) -> dict[str, Any]:
    """Whether the terms of every dataset behind the version still run, and allow this purpose."""
    purposes = {str(use_case.facts.get("use.domain", "")), use_case.slug} - {""}
    unknown = [row for row in datasets if not row.is_governed and not getattr(row, "is_made", False)]
    governed = [row for row in datasets if row.is_governed]
    ended = [row for row in datasets if row.terms_have_ended(today)]
    refused = [
        row
        for row in governed
        if not purposes & {purpose.strip() for purpose in row.permitted_purposes}
        and (row.permitted_purposes or not getattr(row, "is_made", False))
    ]
    faulty = [row for row in datasets if row.state == Dataset.State.FAULTY]
    ended_words = named(ended, ended_of) or first_end(governed)
    refused_words = f"not permitted: {named(refused, str)}" if refused else f"{len(governed)} datasets permit it"
    unknown_words = f"not registered: {named(unknown, str)}" if unknown else f"{len(datasets)} of {len(datasets)} known"
    return {
        "terms.datasets": len(datasets), "terms.ended": len(ended), "terms.ended_words": ended_words,
        "terms.not_permitted": len(refused), "terms.not_permitted_words": refused_words,
        "terms.unknown": len(unknown) + (0 if datasets else 1), "terms.unknown_words": unknown_words,
        "terms.faulty": len(faulty), "terms.faulty_words": named(faulty, str) or "none",
    }  # fmt: skip


def ended_of(dataset: Dataset) -> str:
    """A dataset whose terms are over, with the day."""
    return (
        f"{dataset} ended {wording.day(dataset.terms_end_on)}" if dataset.terms_end_on else f"{dataset} was withdrawn"
    )


def named(datasets: list[Dataset], say: Any) -> str:
    """The first few of these, in words."""
    rows = [say(row) for row in datasets[:MOST_NAMED]]
    rest = len(datasets) - len(rows)
    return ", ".join(rows) + (f" and {rest} more" if rest else "")


def first_end(datasets: list[Dataset]) -> str:
    """The first date on which terms end, in words."""
    ends = [row.terms_end_on for row in datasets if row.terms_end_on]
    return f"until {wording.day(min(ends))}" if ends else "no end"


def terms_turn(datasets: Iterable[Dataset], at: datetime) -> datetime | None:
    """When terms of use next end by themselves: the moment after their last day."""
    days = [row.terms_end_on for row in datasets if row.terms_end_on and row.terms_end_on >= organisation_day(at)]
    return datetime.combine(min(days) + timedelta(days=1), time.min, tzinfo=zone()) if days else None


def kpi_facts(version: ModelVersion, known: dict[str, Any], past: datetime | None = None) -> dict[str, Any]:
    """How many targets with a named baseline the version was measured on, and how many it beats."""
    rows = [(row, base) for row in kpis_at(version.use_case, past) if (base := row.baseline_value) is not None]
    measured = {row.name: value for row, _ in rows if (value := kpi_value(row, version, known)) is not None}
    behind = [
        (row, base) for row, base in rows if row.name in measured and not is_better(row, measured[row.name], base)
    ]
    facts: dict[str, Any] = {"kpi.with_baseline": len(rows)}
    if rows and len(measured) == len(rows):
        facts["kpi.not_better"] = len(behind)
        shown = behind or rows
        facts["kpi.words"] = "; ".join(
            f"{row.name} {wording.against(measured[row.name], base)}" for row, base in shown[:MOST_NAMED]
        )
    return facts


def kpi_value(kpi: Kpi, version: ModelVersion, known: dict[str, Any]) -> float | None:
    """The measured value of a target: of the metric it names, or of the training metric with its name."""
    reported = version.training.get("metrics", {})
    offers = (
        known.get(kpi.measure),
        known.get(f"metrics.{kpi.measure}"),
        reported.get(kpi.measure),
        reported.get(kpi.name),
    )
    return next(
        (float(value) for value in offers if isinstance(value, (int, float)) and not isinstance(value, bool)), None
    )


def is_better(kpi: Kpi, value: float, baseline: float | None) -> bool:
    """Whether the value beats the baseline in the direction that counts."""
    if baseline is None:
        return True
    return value > baseline if kpi.direction == Kpi.Direction.HIGHER else value < baseline

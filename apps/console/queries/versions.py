"""One version as a page: what it is, what it stands against, and how two of them differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.console import comparison
from apps.console.comparison import Section
from apps.core.errors import NotFound
from apps.evidence import queries as evidence_queries
from apps.evidence.models import Evidence
from apps.gate.models import Clearance
from apps.policy.models import Assessment
from apps.registry import past
from apps.registry.models import DatasetLink, Deployment, Environment, ModelVersion
from apps.workflow import lifecycle
from apps.workflow import queries as workflow
from apps.workflow.models import Review

HEADLINES = 4
OUTCOME_WORDS = {
    "satisfied": "Met", "open": "Not met", "missing": "Missing", "waived": "Waived", "expired": "Expired",
    "answer_needed": "Answer needed", "not_applicable": "Not applicable", "not_yet_effective": "Not yet in force",
    "unchecked": "Not checked yet", "error": "Check failed to run",
}  # fmt: skip


@dataclass(frozen=True)
class Against:
    """The version that is in production, or was approved last, and the headline differences to it."""

    version: ModelVersion
    deployment: Deployment | None
    rows: list[comparison.Difference]


def environments(user: User, at: datetime | None = None) -> list[Environment]:
    """Where a version may be judged for, production first."""
    rows = Environment.objects.visible_to(user)
    return list((rows if at is None else rows.filter(created_at__lte=at)).order_by("-is_production", "name"))


def chosen(environments: list[Environment], slug: str) -> Environment | None:
    """The environment named in the address, otherwise the first."""
    if not slug:
        return environments[0] if environments else None
    found = next((row for row in environments if row.slug == slug), None)
    if found is None:
        raise NotFound(f"There is no environment {slug}.")
    return found


def dataset_links(version: ModelVersion, at: datetime | None = None) -> list[DatasetLink]:
    """The data of a version with their datasets, now or as tied to it by then."""
    rows: QuerySet[DatasetLink] = version.dataset_links.select_related("dataset_version__dataset")
    rows = rows if at is None else rows.filter(created_at__lte=at)
    return list(rows.order_by("role", "created_at", "id"))


def deployments(version: ModelVersion, at: datetime | None = None) -> list[Deployment]:
    """Where this version ran and runs, newest first."""
    rows = Deployment.objects.filter(version=version.pk).select_related("environment", "version__model__use_case")
    rows = rows if at is None else rows.filter(created_at__lte=at)
    return past.deployments_at(rows.order_by("-id")[:10], at)


def states(versions: Iterable[Any], at: datetime | None = None) -> dict[Any, str]:
    """The state of many versions by id: the newest review's, as the rules last found it. For now it takes one query."""
    keys = [getattr(version, "pk", version) for version in versions]
    if at is not None:
        known = ModelVersion.objects.filter(pk__in=keys).select_related("model__use_case")
        return {row.pk: workflow.standing_as_at(row, at).state for row in known}
    rows = Review.objects.filter(version__in=keys).order_by("version_id", "-submitted_at", "-id").distinct("version_id")
    newest = {row.version_id: row.recorded_standing or row.state for row in rows}
    return {key: newest.get(key, lifecycle.DRAFT) for key in keys}


def baseline_at(version: ModelVersion, at: datetime) -> tuple[ModelVersion | None, Deployment | None]:
    """What there was to compare with: the version that ran in production then, otherwise the one before."""
    rows = Deployment.objects.filter(version__model=version.model_id, environment__is_production=True)
    rows = rows.exclude(version=version.pk).filter(created_at__lte=at).select_related("version", "environment")
    found = [row for row in past.deployments_at(rows.order_by("-id"), at) if row.state == Deployment.State.ACTIVE]
    if found:
        return found[0].version, found[0]
    earlier = ModelVersion.objects.filter(model=version.model_id, pk__lt=version.pk, created_at__lte=at)
    return earlier.order_by("-created_at", "-id").first(), None


def baseline(version: ModelVersion, at: datetime | None = None) -> tuple[ModelVersion | None, Deployment | None]:
    """What to compare with: the version in production, otherwise the newest approved one, otherwise the one before."""
    if at is not None:
        return baseline_at(version, at)
    running = Deployment.objects.active().filter(version__model=version.model_id, environment__is_production=True)
    deployment = running.exclude(version=version).select_related("version", "environment").order_by("-id").first()
    if deployment is not None:
        return deployment.version, deployment
    granted = Review.objects.filter(version__model=version.model_id, state__in=lifecycle.GRANTED)
    review = granted.exclude(version=version).select_related("version").order_by("-decided_at", "-id").first()
    if review is not None:
        return review.version, None
    earlier = ModelVersion.objects.filter(model=version.model_id, pk__lt=version.pk)
    return earlier.order_by("-created_at", "-id").first(), None


def against(version: ModelVersion, links: list[DatasetLink], at: datetime | None = None) -> Against | None:
    """The few numbers that say what a change of version means; None for a first version."""
    other, deployment = baseline(version, at)
    if other is None:
        return None
    before, after = (evidence_queries.current_for(row, at=at) for row in (other, version))
    rows = [row for row in comparison.metrics(metrics_of(before), metrics_of(after)) if row.tone]
    rows = sorted(rows, key=lambda row: row.tone != comparison.WORSE)[:HEADLINES]
    data_rows = comparison.sets(_data_words(dataset_links(other, at)), _data_words(links))
    fresh = sum(row.change == "new" for row in data_rows)
    rows.append(_count("Data sources", len(data_rows) - sum(row.change == "gone" for row in data_rows), fresh, "new"))
    types_before, types_after = _types(before), _types(after)
    rows.append(_count("Kinds of evidence", len(types_after), len(types_after - types_before), "new"))
    return Against(other, deployment, rows)


def _count(name: str, now: int, changed: int, word: str) -> comparison.Difference:
    return comparison.Difference(name, "", str(now), f"{changed} {word}" if changed else "same")


def metrics_of(items: list[Evidence]) -> dict[str, dict[str, Any]]:
    """Measured numbers of current evidence by check and key; the newest of each."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        for metric in item.metrics:
            found.setdefault(f"{item.check_key}.{metric['key']}", metric)
    return found


def _types(items: list[Evidence]) -> set[str]:
    return {type_id for item in items for type_id in item.types}


def _data_words(links: list[DatasetLink]) -> dict[str, str]:
    return {f"{link.dataset_version.dataset} ({link.get_role_display()})": link.dataset_version.key for link in links}


def compared(
    version: ModelVersion, other: ModelVersion, *, show_equal: bool = False, at: datetime | None = None
) -> list[Section]:
    """Every difference between two versions of a model, by kind, now or as they stood; `other` is before."""
    pairs: list[tuple[str, str, Any]] = [
        ("measured", "Measured", _measured(version, other, at)),
        ("requirements", "Requirements", _requirements(version, other, at)),
        ("training", "Bytes and training", comparison.values(_made(other), _made(version))),
        (
            "parameters",
            "Parameters",
            comparison.values(*(row.training.get("parameters") or {} for row in (other, version))),
        ),
        ("features", "Features", comparison.sets(_features(other), _features(version))),
        ("sources", "Data", comparison.sets(*(_data_words(dataset_links(row, at)) for row in (other, version)))),
        ("approval", "Approval", _approval(version, other, at)),
    ]
    return [comparison.section(key, title, rows, show_equal=show_equal) for key, title, rows in pairs]


def _measured(version: ModelVersion, other: ModelVersion, at: datetime | None) -> list[comparison.Difference]:
    """What got worse first, then what got better, then what is neither."""
    before, after = (metrics_of(evidence_queries.current_for(row, at=at)) for row in (other, version))
    order = {comparison.WORSE: 0, comparison.BETTER: 1}
    return sorted(comparison.metrics(before, after), key=lambda row: order.get(row.tone, len(order)))


def _requirements(version: ModelVersion, other: ModelVersion, at: datetime | None) -> list[comparison.Difference]:
    """Outcomes as the gate keeps, or had found, them for production; a version it never judged there has none."""
    found: dict[Any, dict[str, str]] = {version.pk: {}, other.pk: {}}
    for row in _assessments([version, other], at):
        outcomes = {str(item["title"]): OUTCOME_WORDS.get(item["outcome"], item["outcome"]) for item in row.results}
        found[row.version_id] = outcomes | found[row.version_id]
    return comparison.values(found[other.pk], found[version.pk]) if all(found.values()) else []


def _assessments(versions: list[ModelVersion], at: datetime | None) -> QuerySet[Assessment]:
    rows: QuerySet[Assessment] = Assessment.objects.filter(version__in=versions, environment__is_production=True)
    if at is None:
        kept = Clearance.objects.filter(version__in=versions, environment__is_production=True)
        return rows.filter(pk__in=kept.values("assessment_id")).order_by("environment_id")
    known = rows.filter(stage="gate", created_at__lte=at)
    return known.order_by("environment_id", "version_id", "-created_at").distinct("environment_id", "version_id")


def _made(version: ModelVersion) -> dict[str, Any]:
    training = version.training
    return {
        "Format": version.artifact_format,
        "Artifact digest": version.artifact_digest,
        "Files": len(version.artifact_files),
        "Image": version.image,
        "Code commit": training.get("code_commit"),
        "Environment lock": training.get("environment_lock"),
        "Seed": training.get("seed"),
        "Threshold": version.output.get("threshold"),
        "Endpoint": version.endpoint.get("url"),
        "Reason for the version": version.get_reason_display(),
    }


def _features(version: ModelVersion) -> dict[str, str]:
    return {feature["name"]: feature.get("reason", "") for feature in version.features}


def _approval(version: ModelVersion, other: ModelVersion, at: datetime | None) -> list[comparison.Difference]:
    found = states([version, other], at)
    before, after = (lifecycle.LABELS[found[row.pk]] for row in (other, version))
    return comparison.values({"State": before}, {"State": after})


def siblings(version: ModelVersion, limit: int = 50, at: datetime | None = None) -> list[ModelVersion]:
    """The other versions of the model, newest first, now or as far as there were any."""
    rows = ModelVersion.objects.filter(model=version.model_id).exclude(pk=version.pk)
    rows = rows if at is None else rows.filter(created_at__lte=at)
    return list(rows.order_by("-created_at", "-id")[:limit])


def other_version(
    version: ModelVersion, wanted: str, others: list[ModelVersion], at: datetime | None = None
) -> ModelVersion | None:
    """The version that one compares with: the one of these that is named, otherwise the baseline. NotFound for a wrong name."""
    if not wanted:
        return baseline(version, at)[0]
    found = next((row for row in others if row.version == wanted), None)
    if found is None:
        raise NotFound(f"{version.model.name} has no other version {wanted[:60]}.")
    return found

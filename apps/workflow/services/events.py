"""An event of a dataset, followed downstream: whom it hits, findings on every one, suspension as the process says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.catalog import services as catalog
from apps.catalog.models import Dataset, DatasetEvent
from apps.core.permissions import authorise
from apps.registry.models import Deployment, ModelVersion
from apps.workflow import lifecycle
from apps.workflow.models import Finding, Process, Review
from apps.workflow.queries.downstream import versions_hit
from apps.workflow.services import approving, findings, records
from apps.workflow.services.texts import clean_reason

RULES = {"severity": Finding.Severity.HIGH, "suspend_tiers": [1, 2, 3, 4], "due_days": 10}


@dataclass(frozen=True)
class EventOutcome:
    """What an event of a dataset led to."""

    event: DatasetEvent
    versions: list[ModelVersion] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    suspended: list[Review] = field(default_factory=list)
    running: list[Deployment] = field(default_factory=list)
    completeness: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def report_data_event(
    dataset: Dataset, *, kind: str, reason: str, actor: User, fields: Sequence[str] = (), classification: str = ""
) -> EventOutcome:
    """Record what happened to a dataset, list what it touches, open a finding on every version it hits, suspend by rule.

    Versions that are neither under review nor approved get no finding; their next judgement reads the new facts anyway.
    """
    authorise(actor, "workflow.report_data_event", dataset)
    reason = clean_reason(reason)
    event = catalog.record_event(
        dataset, kind=kind, fields=list(fields), classification=classification, reason=reason, actor=actor
    )
    hit = versions_hit(dataset, fields)
    outcome = EventOutcome(event, versions=hit.versions, completeness=hit.completeness)
    for version in hit.versions:
        follow(version, outcome, dataset, actor=actor)
    running = (
        Deployment.objects.active().filter(version__in=hit.versions).select_related("version__model", "environment")
    )
    outcome.running.extend(running)
    return outcome


def rule_for(kind: str, process: Process) -> dict[str, Any]:
    """What the process of a review says about this kind of event; strict where it says nothing."""
    rules: dict[str, Any] = process.body.get("data_events", {}).get(kind, {})
    return {**RULES, **rules}


def follow(version: ModelVersion, outcome: EventOutcome, dataset: Dataset, *, actor: User) -> None:
    """What the event means for one version."""
    event = outcome.event
    live = lifecycle.OPEN | lifecycle.GRANTED | {lifecycle.SUSPENDED}
    rows = Review.objects.filter(version=version, state__in=live).select_related("process", "version__model__use_case")
    review = rows.order_by("-submitted_at", "-id").first()
    if review is None:
        return
    rule = rule_for(event.kind, review.process)
    columns = f" ({', '.join(event.fields)})" if event.fields else ""
    title = f"Dataset {dataset}: {event.get_kind_display().lower()}{columns}"
    finding = findings.write_finding(
        version, actor=actor, severity=rule["severity"], title=title[:200], text=event.reason, owner=version.model.owner,
        due_on=timezone.now().date() + timedelta(days=int(rule["due_days"])), review=review,
        source=Finding.Source.DATA_EVENT, origin=f"dataset_event:{event.pk}",
    )  # fmt: skip
    outcome.findings.append(finding)
    review = Review.objects.select_related("process", "environment", "version__model__use_case").locked(review.pk)
    if review.state in lifecycle.GRANTED and review.process.tier in rule["suspend_tiers"]:
        sentence = f"{title}. Finding {finding.reference} was opened."
        approving.suspend_review(review, actor=audit.system("workflow"), reason=sentence)
        outcome.suspended.append(review)
    records.write_findings_register(version, actor=audit.system("workflow"))

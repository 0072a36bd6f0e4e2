"""Publishing process definitions. A published version never changes; the next one is a new row."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import transaction

from apps.accounts.models import Role
from apps.audit import services as audit
from apps.core.errors import Invalid
from apps.core.models import digest_of
from apps.core.permissions import authorise
from apps.workflow import processes
from apps.workflow.models import Process, Review

SHIPPED = Path(settings.ROOT) / "fixtures" / "processes" / "process.yaml"
SHARED = ("data_events", "review_triggers", "rules")


def shipped_definition() -> dict[str, Any]:
    """The definition that comes with the product."""
    body: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return body


@transaction.atomic
def publish_processes(definition: dict[str, Any], *, actor: Any, reason: str = "") -> list[Process]:
    """Publish the tiers of a definition that differ from what is in force; answers with the new versions.

    `actor` is a person with the role for it, or `audit.system("workflow")` at set-up. Raises Invalid on a definition that
    would let someone approve their own work.
    """
    if getattr(actor, "pk", None) is not None:
        authorise(actor, "workflow.publish_process")
    published = []
    for body in bodies(definition):
        newest = Process.objects.filter(slug=slug_of(body)).order_by("-version").first()
        if newest is None or digest_of(newest.body) != digest_of(body):
            published.append(publish(body, newest, actor=actor, reason=reason))
    return published


def bodies(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """One complete body per tier, checked."""
    found = []
    try:
        for tier in definition["tiers"]:
            processes.check_tier(tier, Role.values)
            shared = {key: definition[key] for key in SHARED if key in definition}
            found.append({**tier, **shared, "minimum_evidence": minimum_evidence(definition, int(tier["tier"]))})
    except (processes.InvalidProcess, KeyError, TypeError) as wrong:
        raise Invalid(f"The process cannot be published: {wrong}", code="INVALID_PROCESS") from wrong
    return found


def minimum_evidence(definition: dict[str, Any], tier: int) -> list[str]:
    """The evidence types that every version of a tier needs: those of tier 4 and what each stricter tier adds."""
    sets = definition.get("minimum_evidence", {})
    names = list(sets.get("4", []))
    for step in (3, 2, 1):
        names += sets.get(f"{step}_adds", []) if tier <= step else []
    return names


def slug_of(body: dict[str, Any]) -> str:
    """The slug under which the versions of a tier's process stand."""
    return f"tier-{body['tier']}"


def publish(body: dict[str, Any], newest: Process | None, *, actor: Any, reason: str) -> Process:
    """Write one version. Approvals given under an earlier one are judged again: they may lack a signature now."""
    process = Process(slug=slug_of(body), tier=body["tier"], version=newest.version + 1 if newest else 1, body=body)
    process.save()
    approved = Review.objects.granted().filter(process__tier=process.tier).values_list("version", flat=True)
    audit.record(
        actor, "workflow.process_published", process, data={"version": str(process.version), "tier": str(process.tier)},
        reason=reason, changes=[f"model_version:{key}" for key in approved], row=process,
    )  # fmt: skip
    return process

"""Environments, and deployments in them. Only the gate authorises; pipelines report what then happened."""

import re
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Conflict, Invalid
from apps.core.permissions import authorise
from apps.registry import lifecycle
from apps.registry.models import Deployment, Environment, Model, ModelVersion

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def new_slug(kind: type[Any], given: str, title: str) -> str:
    """A free slug: the one given, or one made from the title. Conflict when it is taken, Invalid when it is none."""
    slug = given or slugify(title)[:80].strip("-")
    if not SLUG.fullmatch(slug) or len(slug) > 80:
        detail = "A slug is up to 80 small letters and digits with single dashes between them. Give one."
        raise Invalid(errors=[{"pointer": "/slug", "code": "SLUG", "detail": detail}])
    if kind.objects.filter(slug=slug).exists():
        raise Conflict(f"There is one with the slug {slug} already. Give another slug.", code="SLUG_TAKEN")
    return slug


@transaction.atomic
def create_environment(
    *, name: str, slug: str = "", is_production: bool = False, mode: str = Environment.Mode.ENFORCE, actor: User
) -> Environment:
    """Add a place where versions run. It enforces unless it is told otherwise."""
    environment = Environment(slug=slug or slugify(name), name=name, is_production=is_production, mode=mode)
    authorise(actor, "registry.set_environment", environment)
    environment.slug = new_slug(Environment, slug, name)
    environment.save()
    said = {"slug": environment.slug, "is_production": is_production, "mode": mode}
    record(actor, "registry.environment_created", environment, data=said, changes=[environment])
    return environment


@transaction.atomic
def change_environment(
    environment: Environment,
    *,
    name: str | None = None,
    is_production: bool | None = None,
    mode: str | None = None,
    reason: str,
    actor: User,
) -> Environment:
    """Change how strictly the gate guards an environment. What is None stays."""
    environment = Environment.objects.locked(environment.pk)
    told = {"name": name, "is_production": is_production, "mode": mode}
    before = {key: getattr(environment, key) for key, value in told.items() if value is not None}
    for key in before:
        setattr(environment, key, told[key])
    authorise(actor, "registry.set_environment", environment)
    after = {key: getattr(environment, key) for key in before}
    if after != before:
        environment.save(update_fields=list(before))
        said = {"before": before, "after": after}
        record(actor, "registry.environment_changed", environment, data=said, reason=reason, changes=[environment])
    return environment


@transaction.atomic
def authorise_deployment(
    version: ModelVersion, environment: Environment, *, digest: str, decision_id: UUID, actor: User
) -> Deployment:
    """Create the deployment that an allow of the gate stands for. One decision makes at most one."""
    authorise(actor, "registry.authorise_deployment", version)
    now = timezone.now()
    allowed = {
        "version": version,
        "environment": environment,
        "artifact_digest": digest,
        "state": Deployment.State.AUTHORISED,
        "authorised_by": actor,
        "authorised_at": now,
    }
    deployment, is_new = Deployment.objects.get_or_create(decision_id=decision_id, defaults=allowed)
    if is_new:
        said = {"deployment": str(deployment.pk), "environment": environment.slug, "digest": digest}
        record(actor, "registry.deployment_authorised", deployment, data={**said, "decision": str(decision_id)})
    return deployment


@transaction.atomic
def start_deployment(deployment: Deployment, *, actor: User) -> Deployment:
    """The pipeline reports that the version runs now. Reporting it twice changes nothing."""
    deployment = Deployment.objects.locked(deployment.pk)
    if deployment.state == Deployment.State.ACTIVE:
        authorise(actor, lifecycle.START.permission, deployment)
        return deployment
    authorise(actor, lifecycle.START, deployment)
    deployment.state, deployment.started_at = lifecycle.START.target, timezone.now()
    deployment.save(update_fields=["state", "started_at"])
    record(actor, "registry.deployment_started", deployment, data={"deployment": str(deployment.pk)})
    if deployment.environment.is_production:
        note_use(deployment.version, actor)
    return deployment


def note_use(version: ModelVersion, actor: User) -> None:
    """A model that runs in production is in use, whatever the inventory said before."""
    model = Model.objects.locked(version.model_id)
    if model.state not in {Model.State.IN_USE, Model.State.UNDER_DECOMMISSION}:
        before, model.state = model.state, Model.State.IN_USE
        model.save(update_fields=["state"])
        said = {"before": before, "after": model.state.value}
        record(actor, "registry.model_state_changed", model, data=said, changes=[model.use_case])


@transaction.atomic
def end_deployment(deployment: Deployment, *, reason: str = "", actor: User) -> Deployment:
    """The pipeline reports that the version runs there no longer. Reporting it twice changes nothing."""
    deployment = Deployment.objects.locked(deployment.pk)
    if deployment.state == Deployment.State.ENDED:
        authorise(actor, lifecycle.END.permission, deployment)
        return deployment
    authorise(actor, lifecycle.END, deployment)
    deployment.state, deployment.ended_at = lifecycle.END.target, timezone.now()
    deployment.end_reason = reason[:300]
    deployment.save(update_fields=["state", "ended_at", "end_reason"])
    record(actor, "registry.deployment_ended", deployment, data={"deployment": str(deployment.pk)}, reason=reason)
    return deployment

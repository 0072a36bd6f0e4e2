"""Which policy is in force where, compiled once per process; which frameworks are active; lists for pages."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.errors import Unavailable
from apps.policy import packs, past, requirements
from apps.policy.models import Assessment, Framework, FrameworkChoice, Policy, PolicyVersion, Publication, Waiver
from apps.policy.requirements import CompiledPolicy
from apps.registry.models import Environment, ModelVersion

MOST_COMPILED = 64
STRICTEST = 1

_compiled: "OrderedDict[str, CompiledPolicy]" = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class ActiveFramework:
    """A framework in its newest library version, with what the organisation chose."""

    framework: Framework
    is_on: bool
    is_early: bool
    wish: FrameworkChoice | None


def fact_names() -> dict[str, str]:
    """The names an expression over facts may use, with their types."""
    return packs.fact_types()


def tier_of(version: ModelVersion) -> int:
    """The tier that a version is held to: without a confirmed one the strictest that the proposal allows."""
    return version.use_case.tier or version.use_case.proposed_tier or STRICTEST


def policy_for(version: ModelVersion, environment: Environment, *, at: datetime | None = None) -> PolicyVersion:
    """The policy version in force for this version in this environment. Raises Unavailable when there is none."""
    tier = tier_of(version)
    found = policy_in_force(tier, environment, at=at)
    if found is None:
        raise Unavailable(
            f"No policy is in force for tier {tier} in {environment.name}. An administrator loads the packs.",
            code="NO_POLICY",
        )
    return found


def policy_in_force(tier: int, environment: Environment, *, at: datetime | None = None) -> PolicyVersion | None:
    """The newest published version of the policy for this environment itself, else of its kind."""
    kind = Q(
        policy_version__policy__environment__isnull=True,
        policy_version__policy__is_production=environment.is_production,
    )
    rows = (
        Publication.objects.filter(starts_at__lte=at or timezone.now(), policy_version__policy__tier=tier)
        .filter(Q(policy_version__policy__environment=environment) | kind)
        .select_related("policy_version__policy")
        .defer("policy_version__body")
        .order_by("-starts_at", "-id")
    )
    found: dict[Any, PolicyVersion] = {}
    for row in rows:
        found.setdefault(row.policy_version.policy.environment_id, row.policy_version)
    return found.get(environment.pk) or found.get(None)


def policies_in_force(at: datetime | None = None) -> dict[Any, PolicyVersion]:
    """Per policy the version in force."""
    rows = (
        Publication.objects.filter(starts_at__lte=at or timezone.now())
        .select_related("policy_version__policy__environment", "policy_version__drafted_by", "published_by")
        .defer("policy_version__body")
        .order_by("starts_at", "id")
    )
    return {row.policy_version.policy_id: row.policy_version for row in rows}


def compiled(version: PolicyVersion) -> CompiledPolicy:
    """The policy version, compiled; kept per process by its digest, so a body is read and compiled once."""
    with _lock:
        if version.digest in _compiled:
            _compiled.move_to_end(version.digest)
            return _compiled[version.digest]
    ready = requirements.compile_policy(version.body, packs.rule_types(), packs.field_types())
    with _lock:
        _compiled[version.digest] = ready
        while len(_compiled) > MOST_COMPILED:
            _compiled.popitem(last=False)
    return ready


def framework_states(at: datetime | None = None) -> list[ActiveFramework]:
    """Every framework in its newest library version: automatic ones are on, suggested ones unless left, others when adopted."""
    newest: dict[str, Framework] = {}
    libraries = Framework.objects.order_by("slug", "library_version")
    for framework in libraries if at is None else libraries.filter(created_at__lte=at):
        newest[framework.slug] = framework
    chosen: dict[str, FrameworkChoice] = {}
    wishes: dict[str, FrameworkChoice] = {}
    for row in past.choices_at(at):
        (chosen if row.state == FrameworkChoice.State.CONFIRMED else wishes)[row.slug] = row
    return [
        ActiveFramework(
            framework=framework,
            is_on=is_active(framework, chosen.get(slug)),
            is_early=bool(slug in chosen and chosen[slug].is_early),
            wish=wishes.get(slug),
        )
        for slug, framework in newest.items()
    ]


def is_active(framework: Framework, choice: FrameworkChoice | None) -> bool:
    """Whether its requirements are looked at: a law always, the rest as the organisation chose."""
    if framework.activation == Framework.Activation.AUTOMATIC:
        return True
    if choice is None:
        return framework.activation == Framework.Activation.SUGGESTED
    return choice.is_on


def active_frameworks() -> list[ActiveFramework]:
    """The frameworks whose requirements the default policies carry."""
    return [row for row in framework_states() if row.is_on]


def waivers_for(user: Any) -> QuerySet[Waiver]:
    """The waivers a user may see, those that end first before the others."""
    return Waiver.objects.visible_to(user).select_related(
        "version__model__use_case", "environment", "requested_by", "decided_by", "withdrawn_by", "extends"
    )


def assessments_of(version: ModelVersion, environment: Environment | None = None) -> QuerySet[Assessment]:
    """Stored judgements of a version, newest first."""
    rows = Assessment.objects.filter(version=version).select_related("environment", "policy_version__policy")
    return rows.filter(environment=environment) if environment else rows


def drafts(policy: Policy, at: datetime | None = None) -> list[PolicyVersion]:
    """Versions of a policy that nobody had published, newest first."""
    unpublished = Q(publication__isnull=True)
    if at is not None:
        unpublished = Q(created_at__lte=at) & (unpublished | Q(publication__created_at__gt=at))
    return list(policy.versions.filter(unpublished).select_related("drafted_by").order_by("-version"))

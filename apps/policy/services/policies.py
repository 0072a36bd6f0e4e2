"""Frameworks and policies: loaded from packs, changed by one person, put in force by another. What was published stays."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid, WrongState
from apps.core.permissions import authorise
from apps.policy import packs, queries, requirements
from apps.policy.expressions import InvalidExpression
from apps.policy.models import Framework, FrameworkChoice, Policy, PolicyVersion, Publication
from apps.registry.models import Environment

SHORTEST_REASON = 20
TIER_WORDS = {1: "Critical", 2: "High", 3: "Moderate", 4: "Low"}


@transaction.atomic
def load_frameworks(paths: Iterable[Path] | None = None) -> list[Framework]:
    """Take framework files into the library; a library version that is there already stays as it is.

    Raises BadPack when a file does not validate, does not compile, or differs from what was loaded under the same version.
    """
    loaded = []
    for path in packs.framework_files() if paths is None else paths:
        body = packs.read_framework(path.read_text("utf-8"))
        head = body["framework"]
        row = Framework(
            slug=head["id"],
            library_version=head["library_version"],
            name=head["name"],
            short_name=head["short_name"],
            binding=head["binding"],
            activation=head["activation"],
            body=body,
        )
        earlier = Framework.objects.filter(slug=row.slug, library_version=row.library_version).first()
        if earlier is None:
            row.save()
            audit.record(
                audit.system("policy"),
                "policy.framework_loaded",
                row,
                row=row,
                data={"library_version": str(row.library_version), "requirements": str(len(body["requirements"]))},
            )
        elif earlier.digest != row.compute_digest():
            raise packs.BadPack(
                f"{path.name} differs from library version {row.library_version} of {row.slug}, which is in use. "
                "Raise library_version: judgements keep the one they were made under."
            )
        loaded.append(earlier or row)
    return loaded


@transaction.atomic
def load_packs() -> dict[str, int]:
    """Load the frameworks, and publish the default policies of every tier where their packs have changed."""
    frameworks = load_frameworks()
    return {"frameworks": len(frameworks), "policies": len(ship_default_policies())}


def ship_default_policies(reason: str = "The packs that ship with the product.") -> list[PolicyVersion]:
    """Publish every policy anew whose frameworks, minimum evidence or shipped rules differ from what is in force.

    House rules that people drafted stay theirs; only what comes from the packs and from active frameworks is renewed.
    """
    for tier in packs.TIERS:
        for is_production in (True, False):
            default_policy(tier, is_production)
    active, in_force, published = queries.active_frameworks(), queries.policies_in_force(), []
    for policy in Policy.objects.all():
        held = in_force.get(policy.pk)
        if held is None and policy.environment_id is not None:
            continue
        body = default_body(policy.tier, is_production=policy.is_production, active=active, rules=own_rules(held))
        if held is None or held.body != body:
            version = draft(policy, body, reason=reason, drafted_by=None)
            put_in_force(version, audit.system("policy"), published_by=None, reason=reason)
            published.append(version)
    return published


def own_rules(held: PolicyVersion | None) -> list[dict[str, Any]] | None:
    """The house rules that people drafted for a policy; None when it uses those that ship."""
    if held is None or not held.body.get("has_own_rules"):
        return None
    return [row for row in held.body["requirements"] if row["framework"] == packs.HOUSE]


def default_policy(tier: int, is_production: bool) -> Policy:
    """The policy of a tier for production, or for everything else."""
    place = "production" if is_production else "trial"
    row, _ = Policy.objects.get_or_create(
        tier=tier,
        is_production=is_production,
        environment=None,
        defaults={"slug": f"tier-{tier}-{place}", "name": f"{TIER_WORDS[tier]} risk, {place}"},
    )
    return row


def default_body(
    tier: int,
    *,
    is_production: bool,
    active: list[queries.ActiveFramework],
    rules: Iterable[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The default policy of a tier from these frameworks."""
    given = [(row.framework.body, row.framework.digest, row.is_early) for row in active]
    return packs.policy_body(tier, is_production=is_production, frameworks=given, rules=rules)


def draft(policy: Policy, body: dict[str, Any], *, reason: str, drafted_by: User | None) -> PolicyVersion:
    """A new version of a policy, compiled first. Raises Invalid naming the requirement that does not compile."""
    try:
        requirements.compile_policy(body, packs.rule_types(), packs.field_types())
    except InvalidExpression as trouble:
        raise Invalid(str(trouble), code="DOES_NOT_COMPILE") from trouble
    last = policy.versions.order_by("-version").values_list("version", flat=True).first() or 0
    version = PolicyVersion(
        policy=policy, version=last + 1, body=body, reason=reason, drafted_by=drafted_by, built_from=packs.fingerprint()
    )
    version.save()
    return version


@transaction.atomic
def draft_policy(policy: Policy, *, rules: Iterable[Mapping[str, Any]], reason: str, actor: User) -> PolicyVersion:
    """Draft a version with other house rules; frameworks and minimum evidence come from the packs in force."""
    policy = Policy.objects.locked(policy.pk)
    authorise(actor, "policy.draft_policy", policy)
    require_reason(reason)
    active = queries.active_frameworks()
    body = default_body(policy.tier, is_production=policy.is_production, active=active, rules=list(rules))
    version = draft(policy, body, reason=reason, drafted_by=actor)
    audit.record(
        actor, "policy.policy_drafted", policy, row=version, reason=reason, data={"version": str(version.version)}
    )
    return version


@transaction.atomic
def publish_policy(
    version: PolicyVersion, *, actor: User, reason: str = "", starts_at: datetime | None = None
) -> Publication:
    """Put a drafted version in force, now or from a later moment. Who drafted it cannot publish it."""
    Policy.objects.locked(version.policy_id)
    authorise(actor, "policy.publish_policy", version)
    if Publication.objects.filter(policy_version=version).exists():
        raise WrongState(f"{version} is published already.")
    if starts_at is not None and starts_at < timezone.now():
        raise Invalid("A policy starts now or later, never earlier.", code="BACK_DATED")
    return put_in_force(version, actor, published_by=actor, reason=reason, starts_at=starts_at)


def put_in_force(
    version: PolicyVersion, actor: Any, *, published_by: User | None, reason: str, starts_at: datetime | None = None
) -> Publication:
    """Write the publication; every judgement under the policy is made again."""
    row = Publication(
        policy_version=version, starts_at=starts_at or timezone.now(), published_by=published_by, reason=reason
    )
    row.save()
    audit.record(
        actor,
        "policy.policy_published",
        version.policy,
        row=row,
        reason=reason,
        changes=[version.policy],
        data={"version": str(version.version), "digest": version.digest, "starts_at": row.starts_at.isoformat()},
    )
    return row


@transaction.atomic
def policy_for_environment(environment: Environment, *, tier: int, name: str, actor: User) -> Policy:
    """A policy of its own for one environment; it is in force from its first publication."""
    authorise(actor, "policy.draft_policy", environment)
    if Policy.objects.filter(environment=environment, tier=tier).exists():
        raise WrongState(f"{environment.name} has a policy of its own for tier {tier} already.")
    policy = Policy.objects.create(
        slug=f"tier-{tier}-in-{environment.slug}",
        name=name,
        tier=tier,
        is_production=environment.is_production,
        environment=environment,
    )
    audit.record(actor, "policy.policy_created", policy, data={"environment": environment.slug, "tier": str(tier)})
    return policy


@transaction.atomic
def request_framework(slug: str, *, is_on: bool, is_early: bool = False, reason: str, actor: User) -> FrameworkChoice:
    """Wish to adopt a framework, leave it, or start with it before its dates. A law that applies cannot be left."""
    authorise(actor, "policy.request_framework")
    require_reason(reason)
    framework = Framework.objects.filter(slug=slug).order_by("-library_version").first()
    if framework is None:
        raise Invalid(f"There is no framework {slug[:60]!r}.", code="UNKNOWN_FRAMEWORK")
    if framework.activation == Framework.Activation.AUTOMATIC and not is_on:
        raise Invalid(
            f"{framework.short_name} is law: it applies whenever the facts say so, and cannot be switched off.",
            code="LAW",
        )
    if FrameworkChoice.objects.filter(slug=slug, state=FrameworkChoice.State.REQUESTED).exists():
        raise WrongState(f"A change of {framework.short_name} already waits for a second person.")
    row = FrameworkChoice.objects.create(
        slug=slug, is_on=is_on, is_early=is_early, reason=reason.strip(), requested_by=actor
    )
    audit.record(
        actor, "policy.framework_change_requested", row, reason=reason, data={"is_on": is_on, "is_early": is_early}
    )
    return row


@transaction.atomic
def confirm_framework(choice: FrameworkChoice, *, actor: User) -> list[PolicyVersion]:
    """A second person agrees: the default policies are published anew with the framework in or out."""
    choice = open_choice(choice, actor)
    choice.state, choice.decided_by, choice.decided_at = FrameworkChoice.State.CONFIRMED, actor, timezone.now()
    choice.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(
        actor,
        "policy.framework_change_confirmed",
        choice,
        reason=choice.reason,
        changes=["organisation:self"],
        data={"is_on": choice.is_on, "is_early": choice.is_early, "requested_by": str(choice.requested_by_id)},
    )
    words = f"{choice.slug} {'in force' if choice.is_on else 'left'}{', before its dates' if choice.is_early else ''}: {choice.reason}"
    return ship_default_policies(words)


@transaction.atomic
def reject_framework(choice: FrameworkChoice, *, actor: User, reason: str) -> FrameworkChoice:
    """A second person refuses the change."""
    require_reason(reason)
    choice = open_choice(choice, actor)
    choice.state, choice.decided_by, choice.decided_at = FrameworkChoice.State.REJECTED, actor, timezone.now()
    choice.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(actor, "policy.framework_change_rejected", choice, reason=reason)
    return choice


def open_choice(choice: FrameworkChoice, actor: User) -> FrameworkChoice:
    """The wish, locked, when this person may decide it and nobody has yet."""
    choice = FrameworkChoice.objects.locked(choice.pk)
    authorise(actor, "policy.confirm_framework", choice)
    if choice.state != FrameworkChoice.State.REQUESTED:
        raise WrongState("This change is decided already.")
    return choice


def require_reason(reason: str) -> None:
    """Raise Invalid unless a reason is given."""
    if len(reason.strip()) < SHORTEST_REASON:
        detail = f"Enter a reason of at least {SHORTEST_REASON} characters."
        raise Invalid(errors=[{"pointer": "/reason", "code": "TOO_SHORT", "detail": detail}])

"""Waivers: asked for by who needs one, decided by somebody who neither built, checked nor gains, ended by their date."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid, WrongState
from apps.core.permissions import authorise
from apps.evidence import services as evidence
from apps.policy import packs, queries, wording
from apps.policy.models import Waiver
from apps.policy.queries.measured import organisation_day
from apps.policy.requirements import Requirement
from apps.policy.results import RequirementResult, WaiverView
from apps.policy.services.assessing import Judgement, assess, end_of_day
from apps.registry.models import Environment, Involvement, ModelVersion
from apps.registry.services import involve

SHORTEST_REASON = 20
DEFAULT_DAYS = 30
STRICTEST = 1


@dataclass(frozen=True)
class WaiverEffect:
    """What a waiver would change, judged now for one environment."""

    environment: Environment
    before: Judgement
    after: Judgement
    ends_at: datetime

    @property
    def sentence(self) -> str:
        """The effect in a sentence."""
        last = wording.day(self.ends_at - timedelta(microseconds=1))
        if not self.after.is_ready:
            return (
                f"Even with this waiver {self.environment.name} stays closed until the other requirements are met: "
                f"{lower(self.after.sentence)}."
            )
        if self.before.is_ready:
            return f"{self.environment.name} is ready without this waiver: {lower(self.before.sentence)}."
        return (
            f"If approved, the judgement for {self.environment.name} changes from “{self.before.sentence}” to "
            f"“{self.after.sentence}” until the end of {last} in the organisation's time zone, and then back."
        )


def lower(text: str) -> str:
    """A sentence inside another one."""
    return text[:1].lower() + text[1:]


def longest_days(version: ModelVersion) -> int:
    """How long a waiver for this version may last."""
    use_case = version.use_case
    return int(packs.tier_row(use_case.tier or use_case.proposed_tier or STRICTEST)["exception_max_days"])


def preview_waiver(version: ModelVersion, environment: Environment, *, requirement: str, ends_on: date) -> WaiverEffect:
    """What the judgement would be with this waiver. Nothing is stored."""
    now = timezone.now()
    end = end_of_day(ends_on)
    view = WaiverView("preview", requirement, now, end)
    return WaiverEffect(
        environment,
        assess(version, environment, at=now),
        assess(version, environment, at=now, extra_waivers={requirement: view}),
        end,
    )


@transaction.atomic
def request_waiver(
    version: ModelVersion, *, environment: Environment | None, requirement: str, reason: str, compensating_control: str,
    ends_on: date, actor: User, extends: Waiver | None = None,
) -> Waiver:  # fmt: skip
    """Ask that a requirement need not be met by this version until a day. Nobody waives a legal prohibition."""
    authorise(actor, "policy.request_waiver", version)
    rule = waivable_requirement(version, environment, requirement)
    refuse_wrong_request(version, reason=reason, control=compensating_control, ends_on=ends_on)
    if extends is not None and (extends.version_id, extends.requirement_id) != (version.pk, requirement):
        raise Invalid("A waiver extends one for the same version and requirement.", code="OTHER_WAIVER")
    same = Waiver.objects.filter(
        version=version, environment=environment, requirement_id=requirement, state=Waiver.State.REQUESTED
    ).first()
    if same is not None:
        raise WrongState(f"{same.reference} already asks for this. It is decided or withdrawn first.")
    waiver = Waiver.objects.create(
        version=version,
        environment=environment,
        requirement_id=rule.id,
        requirement_title=rule.title,
        reason=reason.strip(),
        compensating_control=compensating_control.strip(),
        ends_on=ends_on,
        requested_by=actor,
        extends=extends,
    )
    involve(version, actor, Involvement.Capacity.REQUESTED_WAIVER)
    audit.record(actor, "policy.waiver_requested", waiver, data=words_of(waiver), reason=reason, changes=[version])
    return waiver


def waivable_requirement(version: ModelVersion, environment: Environment | None, requirement_id: str) -> Requirement:
    """The requirement of a policy that holds for the version. Raises Invalid when there is none or nobody may waive it."""
    places = [environment] if environment else list(Environment.objects.all())
    found = [
        rule
        for place in places
        if (rule := queries.compiled(queries.policy_for(version, place)).requirement(requirement_id))
    ]
    if not found:
        detail = f"No policy for this version has a requirement {requirement_id[:80]!r}."
        raise Invalid(errors=[{"pointer": "/requirement", "code": "UNKNOWN_REQUIREMENT", "detail": detail}])
    if not found[0].is_waivable:
        detail = f"{found[0].title} is a legal prohibition ({found[0].ref}). Nobody can waive it."
        raise Invalid(errors=[{"pointer": "/requirement", "code": "PROHIBITION", "detail": detail}])
    return found[0]


def refuse_wrong_request(version: ModelVersion, *, reason: str, control: str, ends_on: date) -> None:
    """Raise Invalid unless reasons are given and the end lies ahead, within what the tier allows."""
    today = organisation_day(timezone.now())
    last = today + timedelta(days=longest_days(version))
    errors = []
    if len(reason.strip()) < SHORTEST_REASON:
        errors.append(("/reason", "TOO_SHORT", f"Enter a reason of at least {SHORTEST_REASON} characters."))
    if len(control.strip()) < SHORTEST_REASON:
        errors.append(
            (
                "/compensating_control",
                "TOO_SHORT",
                f"Say in at least {SHORTEST_REASON} characters what limits the risk in the meantime.",
            )
        )
    if ends_on < today:
        errors.append(("/ends_on", "IN_THE_PAST", "The last day must be today or later."))
    elif ends_on > last:
        errors.append(
            (
                "/ends_on",
                "TOO_LONG",
                f"The last day must be {wording.day(last)} or earlier: waivers of this tier last "
                f"{longest_days(version)} days at most.",
            )
        )
    if errors:
        raise Invalid(errors=[{"pointer": pointer, "code": code, "detail": detail} for pointer, code, detail in errors])


@transaction.atomic
def approve_waiver(waiver: Waiver, *, actor: User, reason: str = "") -> Waiver:
    """Grant a waiver. It takes effect at once and ends with its last day by itself; it never counts as met."""
    waiver = decided(waiver, actor, Waiver.State.GRANTED, reason)
    refuse_wrong_request(
        waiver.version, reason=waiver.reason, control=waiver.compensating_control, ends_on=waiver.ends_on
    )
    waivable_requirement(waiver.version, waiver.environment, waiver.requirement_id)
    waiver.starts_at = waiver.decided_at
    waiver.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "starts_at"])
    involve(waiver.version, actor, Involvement.Capacity.GRANTED_WAIVER)
    audit.record(actor, "policy.waiver_granted", waiver, data=words_of(waiver), reason=reason, changes=[waiver.version])
    days = (waiver.ends_on - organisation_day(timezone.now())).days
    evidence.record(
        waiver.version,
        type="exception_approval",
        fields={"reason": True, "expiry_days": days},
        summary=f"{waiver.reference} excuses “{waiver.requirement_title}” until {wording.day(waiver.ends_on)}.",
        actor=actor,
        valid_until=waiver.ends_on,
    )
    return waiver


@transaction.atomic
def reject_waiver(waiver: Waiver, *, actor: User, reason: str) -> Waiver:
    """Refuse a waiver, with a reason."""
    require_reason(reason)
    waiver = decided(waiver, actor, Waiver.State.REJECTED, reason)
    waiver.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    audit.record(
        actor, "policy.waiver_rejected", waiver, data=words_of(waiver), reason=reason, changes=[waiver.version]
    )
    return waiver


def decided(waiver: Waiver, actor: User, state: str, reason: str) -> Waiver:
    """The waiver, locked and decided, not saved yet."""
    waiver = Waiver.objects.select_related("version__model__use_case", "environment").locked(waiver.pk)
    authorise(actor, "policy.decide_waiver", waiver)
    if waiver.state != Waiver.State.REQUESTED:
        raise WrongState(f"{waiver.reference} is {waiver.get_state_display().lower()} already.")
    waiver.state, waiver.decided_by, waiver.decided_at, waiver.decision_reason = (
        state,
        actor,
        timezone.now(),
        reason.strip(),
    )
    return waiver


@transaction.atomic
def withdraw_waiver(waiver: Waiver, *, actor: User, reason: str) -> Waiver:
    """Take a request or a granted waiver back. A granted one ends at this moment."""
    require_reason(reason)
    waiver = Waiver.objects.select_related("version__model__use_case", "environment").locked(waiver.pk)
    authorise(actor, "policy.withdraw_waiver", waiver)
    if waiver.state not in {Waiver.State.REQUESTED, Waiver.State.GRANTED}:
        raise WrongState(f"{waiver.reference} is {waiver.get_state_display().lower()} already.")
    waiver.state, waiver.withdrawn_by, waiver.withdrawn_at = Waiver.State.WITHDRAWN, actor, timezone.now()
    waiver.withdrawal_reason = reason.strip()
    waiver.save(update_fields=["state", "withdrawn_by", "withdrawn_at", "withdrawal_reason"])
    audit.record(
        actor, "policy.waiver_withdrawn", waiver, data=words_of(waiver), reason=reason, changes=[waiver.version]
    )
    return waiver


def require_reason(reason: str) -> None:
    """Raise Invalid unless a reason is given."""
    if len(reason.strip()) < SHORTEST_REASON:
        detail = f"Enter a reason of at least {SHORTEST_REASON} characters."
        raise Invalid(errors=[{"pointer": "/reason", "code": "TOO_SHORT", "detail": detail}])


def words_of(waiver: Waiver) -> dict[str, Any]:
    """A waiver as its audit entries hold it."""
    return {
        "version": str(waiver.version_id), "environment": waiver.environment.slug if waiver.environment else "",
        "requirement": waiver.requirement_id, "ends_on": waiver.ends_on.isoformat(), "state": waiver.state,
        "starts_at": waiver.starts_at.isoformat() if waiver.starts_at else "",
        "extends": str(waiver.extends_id) if waiver.extends_id else "",
    }  # fmt: skip


def waivable(judgement: Judgement) -> list[RequirementResult]:
    """The results of a judgement for which somebody may ask a waiver."""
    return [row for row in judgement.results if row.is_waivable]

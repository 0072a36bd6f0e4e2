"""Use cases, their facts and tier, and models."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.queries import visible_use_cases
from apps.audit.services import as_text, record
from apps.core.errors import Conflict, Invalid, WrongState
from apps.core.models import digest_of
from apps.core.permissions import authorise
from apps.registry.content import text_fault
from apps.registry.lifecycle import MODEL_MOVES
from apps.registry.models import Deployment, IntakeAnswer, Involvement, Kpi, Model, UseCase
from apps.registry.services.involvement import involve
from apps.registry.services.running import new_slug

DESCRIBED = ("title", "purpose", "objective", "people_affected", "owner")
TIERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class KpiTarget:
    """One measure of the objective, its target, and the baseline it is compared with."""

    name: str
    target: float
    measure: str = ""
    unit: str = ""
    baseline_name: str = ""
    baseline_value: float | None = None
    direction: str = Kpi.Direction.HIGHER


def require_owner(owner: User, slug: str) -> None:
    """Raise Invalid unless this is an active person who sees the use case."""
    seen = visible_use_cases(owner)
    if not owner.is_active or not owner.is_person or not (seen is None or slug in seen):
        sentence = (
            f"{owner} cannot own this: an owner is an active person with a role for this use case or for everything."
        )
        raise Invalid(errors=[{"pointer": "/owner", "code": "OWNER", "detail": sentence}])


@transaction.atomic
def create_use_case(
    *,
    title: str,
    purpose: str,
    owner: User | None = None,
    slug: str = "",
    objective: str = "",
    people_affected: str = "",
    kpis: Sequence[KpiTarget] = (),
    actor: User,
) -> UseCase:
    """Enter what a model is to be used for. Title, purpose and owner are enough to begin."""
    authorise(actor, "registry.create_use_case")
    use_case = UseCase(title=title, purpose=purpose, objective=objective, people_affected=people_affected)
    use_case.owner, use_case.created_by = owner or actor, actor
    use_case.slug = new_slug(UseCase, slug, title)
    require_owner(use_case.owner, use_case.slug)
    use_case.save()
    put_kpis(use_case, kpis)
    said = {"slug": use_case.slug, "title": title, "owner": str(use_case.owner_id)}
    described = digest_of([purpose, objective, people_affected, [asdict(kpi) for kpi in kpis]])
    record(actor, "registry.use_case_created", use_case, data={**said, "description": described}, changes=[use_case])
    return use_case


@transaction.atomic
def change_use_case(use_case: UseCase, *, changes: Mapping[str, Any], reason: str = "", actor: User) -> UseCase:
    """Change title, purpose, objective, people affected or owner; names that are not given stay."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.change_use_case", use_case)
    unknown = sorted(set(changes) - set(DESCRIBED))
    if unknown:
        raise Invalid(f"A use case has no {', '.join(unknown)} that changes like this. Known: {', '.join(DESCRIBED)}.")
    changed = [name for name, value in changes.items() if getattr(use_case, name) != value]
    if "owner" in changed:
        require_owner(changes["owner"], use_case.slug)
    if changed:
        before = {name: str(getattr(use_case, name)) for name in changed if name != "owner"}
        for name in changed:
            setattr(use_case, name, changes[name])
        use_case.save(update_fields=changed)
        after = {name: str(changes[name]) for name in changed if name != "owner"}
        said = {
            "changed": changed,
            "before": digest_of(before),
            "after": digest_of(after),
            "owner": str(use_case.owner_id),
        }
        record(actor, "registry.use_case_changed", use_case, data=said, reason=reason, changes=[use_case])
    return use_case


@transaction.atomic
def set_kpis(use_case: UseCase, *, kpis: Sequence[KpiTarget], reason: str = "", actor: User) -> list[Kpi]:
    """Replace the measures of a use case; the log keeps those before."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.change_use_case", use_case)
    before = [as_text(row) for row in use_case.kpis.values("name", "target", "unit", "baseline_name", "baseline_value")]
    put_kpis(use_case, kpis)
    said = {"before": before, "after": [as_text(asdict(kpi)) for kpi in kpis]}
    record(actor, "registry.kpis_set", use_case, data=said, reason=reason, changes=[use_case])
    return list(use_case.kpis.all())


def put_kpis(use_case: UseCase, kpis: Sequence[KpiTarget]) -> None:
    """Write the measures, refusing a name that comes twice."""
    names = [kpi.name for kpi in kpis]
    if len(set(names)) != len(names):
        raise Invalid(
            errors=[{"pointer": "/kpis", "code": "NAMED_TWICE", "detail": "Two measures have the same name."}]
        )
    use_case.kpis.all().delete()
    Kpi.objects.bulk_create([Kpi(use_case=use_case, **asdict(kpi)) for kpi in kpis])


@transaction.atomic
def answer_facts(
    use_case: UseCase, *, facts: Mapping[str, Any], answers: Mapping[str, Any] | None = None, actor: User
) -> UseCase:
    """Answer facts (dotted names) and intake questions. None takes an answer back; names that are not given stay."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.answer_facts", use_case)
    given = {"facts": dict(facts), "answers": dict(answers or {})}
    if found := text_fault(given["facts"], "/facts") + text_fault(given["answers"], "/answers"):
        raise Invalid(errors=found)
    merged_facts, merged_answers = merge(use_case.facts, facts), merge(use_case.intake_answers, answers or {})
    if (merged_facts, merged_answers) == (use_case.facts, use_case.intake_answers):
        return use_case
    use_case.facts, use_case.intake_answers, use_case.answered_at = merged_facts, merged_answers, timezone.now()
    use_case.save(update_fields=["facts", "intake_answers", "answered_at"])
    row = IntakeAnswer(use_case=use_case, by=actor, **given)
    row.save()
    said = {"facts": sorted(facts), "answers": sorted(answers or {})}
    record(actor, "registry.facts_answered", use_case, data=said, row=row, changes=[use_case])
    return use_case


def merge(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is known after these answers."""
    return {name: value for name, value in {**known, **given}.items() if value is not None}


@transaction.atomic
def set_proposed_tier(use_case: UseCase, *, tier: int, arithmetic: Mapping[str, Any], actor: User) -> UseCase:
    """Keep the tier that follows from the answers, with its arithmetic. The same proposal again changes nothing."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.answer_facts", use_case)
    require_tier(tier)
    if use_case.proposed_tier == tier and use_case.tier_arithmetic == dict(arithmetic):
        return use_case
    before, use_case.proposed_tier = use_case.proposed_tier, tier
    use_case.tier_arithmetic, use_case.tier_proposed_by = dict(arithmetic), actor
    use_case.tier_proposed_at = timezone.now()
    use_case.save(update_fields=["proposed_tier", "tier_arithmetic", "tier_proposed_by", "tier_proposed_at"])
    said = {"before": as_text(before), "after": str(tier), "arithmetic": digest_of(as_text(dict(arithmetic)))}
    record(actor, "registry.tier_proposed", use_case, data=said, changes=[use_case])
    return use_case


@transaction.atomic
def confirm_tier(use_case: UseCase, *, tier: int, reason: str = "", actor: User) -> UseCase:
    """A second person confirms the proposed tier, or overrides it with a reason."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.confirm_tier", use_case)
    require_tier(tier)
    if use_case.proposed_tier is None:
        raise WrongState("No tier is proposed yet. The intake questions are answered first.")
    if tier != use_case.proposed_tier and not reason.strip():
        sentence = f"Tier {use_case.proposed_tier} is proposed. Say why it is to be {tier}."
        raise Invalid(errors=[{"pointer": "/reason", "code": "MISSING", "detail": sentence}])
    before, use_case.tier = use_case.tier, tier
    use_case.tier_confirmed_by, use_case.tier_confirmed_at = actor, timezone.now()
    use_case.tier_confirmed_for, use_case.tier_reason = use_case.proposed_tier, reason
    use_case.save(update_fields=["tier", "tier_confirmed_by", "tier_confirmed_at", "tier_confirmed_for", "tier_reason"])
    said = {"before": as_text(before), "after": str(tier), "proposed": str(use_case.proposed_tier)}
    record(actor, "registry.tier_confirmed", use_case, data=said, reason=reason, changes=[use_case])
    return use_case


def require_tier(tier: int) -> None:
    """Raise Invalid unless it is a tier."""
    if tier not in TIERS:
        raise Invalid(errors=[{"pointer": "/tier", "code": "UNKNOWN", "detail": "A tier is 1, 2, 3 or 4."}])


@transaction.atomic
def create_model(
    use_case: UseCase, *, name: str, slug: str = "", purpose: str = "", owner: User | None = None, actor: User
) -> Model:
    """Enter a model into the inventory. Its owner is the use case's unless another is named."""
    authorise(actor, "registry.create_model", use_case)
    owner = owner or use_case.owner
    require_owner(owner, use_case.slug)
    model = Model(name=name, use_case=use_case, purpose=purpose, owner=owner, created_by=actor)
    model.slug = new_slug(Model, slug, name)
    model.save()
    said = {"slug": model.slug, "name": name, "use_case": use_case.slug, "owner": str(owner.pk)}
    record(actor, "registry.model_created", model, data=said)
    return model


@transaction.atomic
def change_model_owner(model: Model, *, owner: User, reason: str, actor: User) -> Model:
    """Hand a model over. Both owners stay involved in every version there is."""
    model = Model.objects.locked(model.pk)
    authorise(actor, "registry.change_owner", model)
    require_owner(owner, model.use_case.slug)
    before, model.owner = model.owner_id, owner
    model.save(update_fields=["owner"])
    said = {"before": str(before), "after": str(owner.pk)}
    record(actor, "registry.owner_changed", model, data=said, reason=reason, changes=[model.use_case])
    for version in model.versions.all():
        involve(version, owner, Involvement.Capacity.OWNS)
    return model


@transaction.atomic
def propose_model_state(model: Model, *, state: str, reason: str, actor: User) -> Model:
    """The owner proposes where the model should stand in the inventory; model risk confirms."""
    model = Model.objects.locked(model.pk)
    authorise(actor, "registry.propose_state", model)
    if state not in MODEL_MOVES[model.state]:
        allowed = ", ".join(sorted(MODEL_MOVES[model.state]))
        raise WrongState(f"{model} is {model.state}; from there it can become {allowed}.")
    model.proposed_state, model.proposed_by, model.proposed_reason = state, actor, reason
    model.save(update_fields=["proposed_state", "proposed_by", "proposed_reason"])
    record(actor, "registry.model_state_proposed", model, data={"before": model.state, "after": state}, reason=reason)
    return model


@transaction.atomic
def confirm_model_state(model: Model, *, state: str, reason: str = "", actor: User) -> Model:
    """Model risk confirms exactly the proposed state. A model is retired only when no version of it runs any more."""
    model = Model.objects.locked(model.pk)
    authorise(actor, "registry.confirm_state", model)
    if not model.proposed_state or model.proposed_state != state:
        raise Conflict(f"What is proposed for {model} is {model.proposed_state or 'nothing'}, not {state}.")
    running = Deployment.objects.active().filter(version__model=model).count()
    if state == Model.State.RETIRED and running:
        raise WrongState(f"{running} deployments of {model} still run. They end first.")
    before, model.state = model.state, state
    model.proposed_state, model.proposed_reason, model.proposed_by = "", "", None
    model.save(update_fields=["state", "proposed_state", "proposed_reason", "proposed_by"])
    said = {"before": before, "after": state}
    record(actor, "registry.model_state_changed", model, data=said, reason=reason, changes=[model.use_case])
    return model

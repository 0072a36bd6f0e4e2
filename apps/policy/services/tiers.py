"""Intake: facts are answered, the tier follows by arithmetic, and a second person confirms it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.accounts.queries import organisation_facts
from apps.core.errors import Invalid, WrongState
from apps.core.permissions import authorise
from apps.policy import packs, queries, tiering
from apps.policy.tiering import Proposal
from apps.registry import services as registry
from apps.registry.models import UseCase

RECORDED = {"model.tier": "the confirmed tier", "model.state": "the state of the record"}


def proposal_for(use_case: UseCase) -> Proposal:
    """The tier that follows from what was answered so far, with its arithmetic."""
    return tiering.propose(
        packs.questionnaire(), use_case.intake_answers, queries.known_facts(use_case), packs.fact_types()
    )


@transaction.atomic
def answer_facts(
    use_case: UseCase, *, facts: Mapping[str, Any], answers: Mapping[str, Any] | None = None, actor: User
) -> Proposal:
    """Answer facts of the catalogue and intake questions; None takes an answer back. The tier is proposed anew.

    Facts about the organisation (`org.…`) are kept for all use cases and need the right to change them.
    """
    authorise(actor, "registry.answer_facts", use_case)
    given = dict(answers or {}) | {name: value for name, value in facts.items() if name in question_ids()}
    stated = {name: value for name, value in facts.items() if name not in question_ids()}
    refuse_wrong_answers(stated, given)
    current = organisation_facts()
    for name in [name for name in stated if name.startswith("org.")]:
        value = stated.pop(name)
        if value is not None and current.get(name) != value:
            accounts.set_organisation_fact(name, value, actor=actor)
    use_case = registry.answer_facts(use_case, facts=stated, answers=given, actor=actor)
    return propose_tier(use_case, actor=actor)


def question_ids() -> dict[str, dict[str, Any]]:
    """Questions by id."""
    return {question["id"]: question for question in packs.questionnaire()["questions"]}


def refuse_wrong_answers(facts: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
    """Raise Invalid naming every fact and answer that is unknown or of the wrong kind."""
    errors = [(f"/facts/{name}", trouble) for name, value in facts.items() if (trouble := fact_trouble(name, value))]
    questions = question_ids()
    for name, value in answers.items():
        options = [option["value"] for option in questions.get(name, {}).get("options", [])]
        if name not in questions:
            errors.append((f"/answers/{name}", f"There is no question {name[:20]!r}."))
        elif value is not None and value not in options:
            errors.append((f"/answers/{name}", f"The answer to {name} is one of {', '.join(options)}."))
    if errors:
        raise Invalid(
            errors=[{"pointer": pointer[:200], "code": "WRONG_ANSWER", "detail": detail} for pointer, detail in errors]
        )


def fact_trouble(name: str, value: Any) -> str:
    """Why this is no answer to this fact; '' when it is one."""
    fact = packs.facts().get(name)
    if fact is None:
        return f"There is no fact {name[:80]!r}. The catalogue lists the known ones."
    if name in RECORDED:
        return f"{name} follows from {RECORDED[name]}; nobody answers it."
    if value is None:
        return ""
    return kind_trouble(name, fact["type"], fact.get("values"), value)


def kind_trouble(name: str, kind: str, values: list[str] | None, value: Any) -> str:
    """Why a value is not of the kind that a fact has; '' when it is."""
    if kind == "bool":
        return "" if isinstance(value, bool) else f"{name} is answered with true or false."
    if kind in ("number", "int"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53
        return (
            "" if is_number and (kind == "number" or isinstance(value, int)) else f"{name} is answered with a number."
        )
    if kind == "enum":
        return (
            ""
            if isinstance(value, str) and value in (values or [value])
            else f"{name} is one of {', '.join(values or [])}."
        )
    if (
        not isinstance(value, list)
        or len(value) > 50
        or not all(isinstance(item, str) and len(item) <= 120 for item in value)
    ):
        return f"{name} is answered with a list of texts."
    strange = [item for item in value if values and item not in values]
    return f"{name} may hold {', '.join(values or [])}; not {', '.join(strange)}." if strange else ""


@transaction.atomic
def propose_tier(use_case: UseCase, *, actor: User) -> Proposal:
    """Compute the tier from the answers and keep it with its arithmetic, once every question is answered."""
    proposal = proposal_for(use_case)
    if proposal.is_complete and not proposal.is_blocked:
        registry.set_proposed_tier(use_case, tier=proposal.tier, arithmetic=arithmetic_of(proposal), actor=actor)
    return proposal


def arithmetic_of(proposal: Proposal) -> dict[str, Any]:
    """A proposal as it is kept with the use case and shown."""
    return {
        "materiality": proposal.materiality, "inherent": proposal.inherent, "bands": list(proposal.bands),
        "matrix_tier": proposal.matrix_tier, "tier": proposal.tier, "sentence": proposal.sentence,
        "parts": [asdict(part) for part in proposal.parts],
        "floors": [{"tier": floor.tier, "reason": floor.reason} for floor in proposal.floors],
        "open_floors": [{"tier": floor.tier, "reason": floor.reason, "missing": list(floor.missing)} for floor in proposal.open_floors],
    }  # fmt: skip


@transaction.atomic
def confirm_tier(use_case: UseCase, *, tier: int, reason: str = "", actor: User) -> UseCase:
    """A second person confirms the tier; it may be raised, or lowered by one step, never below a floor."""
    use_case = UseCase.objects.locked(use_case.pk)
    authorise(actor, "registry.confirm_tier", use_case)
    proposal = proposal_for(use_case)
    is_independent = actor.pk not in {use_case.owner_id, use_case.created_by_id, use_case.tier_proposed_by_id}
    if trouble := tiering.refusal(proposal, tier, is_independent=is_independent):
        raise WrongState(trouble, code="TIER_REFUSED")
    return registry.confirm_tier(use_case, tier=tier, reason=reason, actor=actor)

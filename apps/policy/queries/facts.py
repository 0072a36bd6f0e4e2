"""Answered facts about a version: of its use case, of the organisation, and of the record itself. Nothing is guessed."""

from datetime import datetime
from typing import Any

from apps.accounts.past import organisation_facts_at
from apps.accounts.queries import organisation_facts
from apps.policy import expressions, packs, tiering
from apps.registry.models import Deployment, Model, ModelVersion, UseCase
from apps.registry.past import deployments_at


def implied_facts(use_case: UseCase) -> dict[str, Any]:
    """Facts that follow from the chosen options of the questionnaire."""
    answers = use_case.intake_answers
    return dict(tiering.propose(packs.questionnaire(), answers, {}, packs.fact_types()).sets)


def known_facts(use_case: UseCase, *, at: datetime | None = None) -> dict[str, Any]:
    """Dotted facts of a use case: what was answered beats what an option implies; the organisation speaks for itself."""
    organisation = organisation_facts() if at is None else organisation_facts_at(at)
    facts = {**implied_facts(use_case), **organisation, **use_case.facts}
    facts |= {name: value for name, value in organisation.items() if name.startswith("org.")}
    if use_case.tier is not None:
        facts["model.tier"] = use_case.tier
    return {name: value for name, value in facts.items() if name in packs.facts() and value is not None}


def facts_of(version: ModelVersion, *, at: datetime | None = None) -> dict[str, Any]:
    """Nested answered facts (org, use, model, data, eu, us, uk, ca, nyc) as a rule reads them, now or as they were."""
    facts = known_facts(version.use_case, at=at) | {"model.state": state_of(version, at=at)}
    return expressions.nest(facts)


def state_of(version: ModelVersion, *, at: datetime | None = None) -> str:
    """The `model.state` fact as far as the registry knows it."""
    if version.model.state == Model.State.RETIRED:
        return "retired"
    states = {row.state for row in deployments_at(Deployment.objects.filter(version=version), at)}
    if Deployment.State.SUSPENDED in states:
        return "suspended"
    return "deployed" if Deployment.State.ACTIVE in states else "draft"


def unanswered_facts(use_case: UseCase) -> list[str]:
    """Facts of the catalogue that nobody answered and no record supplies, in catalogue order."""
    known = known_facts(use_case)
    return [name for name in packs.facts() if name not in known and name not in ("model.tier", "model.state")]

"""The inventory as it was: use cases, measures, models, versions and deployments at an earlier moment."""

import json
from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

from apps.accounts.past import person_named
from apps.audit.past import Told, actor_id, told
from apps.audit.services import as_text
from apps.core.models import digest_of
from apps.core.moment import NOT_RECORDED, require_there
from apps.registry.models import Deployment, IntakeAnswer, Kpi, Model, ModelVersion, UseCase

TEXTS = ("title", "purpose", "objective", "people_affected")
CREATED, CHANGED = "registry.use_case_created", "registry.use_case_changed"
PROPOSED, CONFIRMED, MEASURED = "registry.tier_proposed", "registry.tier_confirmed", "registry.kpis_set"
MOVED, HANDED_OVER, MODEL_CREATED = "registry.model_state_changed", "registry.owner_changed", "registry.model_created"


def use_case_at(use_case: UseCase, at: datetime) -> UseCase:
    """The use case as it was. Texts that changed since are not recorded: the log keeps only their digests."""
    require_there(use_case, at, f"The use case {use_case.slug}")
    then, log = copy(use_case), told([use_case], at)[use_case.subject]
    changed = {name for entry in log.since if entry.verb == CHANGED for name in entry.facts.get("changed", [])}
    for name in changed.intersection(TEXTS):
        setattr(then, name, NOT_RECORDED)
    named = log.last(CREATED, CHANGED)
    if "owner" in changed and named is not None:
        then.owner = person_named(named.facts.get("owner")) or use_case.owner
    _answer(then, at)
    _propose(then, log, at)
    _confirm(then, log, at)
    return then


def _answer(then: UseCase, at: datetime) -> None:
    """Facts and answers, put together again from the rows that each answer left."""
    rows = list(IntakeAnswer.objects.filter(use_case=then.pk).order_by("created_at", "id"))
    known = [row for row in rows if row.created_at <= at]
    if len(known) == len(rows):
        return
    then.facts, then.intake_answers, then.answered_at = {}, {}, known[-1].created_at if known else None
    for row in known:
        then.facts = _merged(then.facts, row.facts)
        then.intake_answers = _merged(then.intake_answers, row.answers)


def _merged(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**known, **given}.items() if value is not None}


def _propose(then: UseCase, log: Told, at: datetime) -> None:
    proposal = log.last(PROPOSED)
    if proposal is None:
        if then.tier_proposed_at is not None and (log.knows(PROPOSED) or then.tier_proposed_at > at):
            then.proposed_tier, then.tier_arithmetic, then.tier_proposed_at, then.tier_proposed_by = (
                None,
                {},
                None,
                None,
            )
        return
    then.proposed_tier, then.tier_proposed_at = int(proposal.facts["after"]), proposal.at
    then.tier_proposed_by = person_named(actor_id(proposal))
    if digest_of(as_text(then.tier_arithmetic)) != proposal.facts.get("arithmetic"):
        then.tier_arithmetic = {}  # the log keeps the digest of the arithmetic, not the arithmetic


def _confirm(then: UseCase, log: Told, at: datetime) -> None:
    confirmed = log.last(CONFIRMED)
    if confirmed is None:
        if then.tier_confirmed_at is not None and (log.knows(CONFIRMED) or then.tier_confirmed_at > at):
            then.tier, then.tier_confirmed_by, then.tier_confirmed_at = None, None, None
            then.tier_confirmed_for, then.tier_reason = None, ""
        return
    then.tier, then.tier_confirmed_for = int(confirmed.facts["after"]), int(confirmed.facts["proposed"])
    then.tier_confirmed_by, then.tier_confirmed_at = person_named(actor_id(confirmed)), confirmed.at
    then.tier_reason = confirmed.reason


def kpis_at(use_case: UseCase, at: datetime | None) -> list[Kpi]:
    """The measures of a use case, now or as they were; what the log does not keep of a replaced one is not recorded."""
    present = list(use_case.kpis.order_by("name"))
    if at is None:
        return present
    log = told([use_case], at)[use_case.subject]
    if (following := log.first_since(MEASURED)) is None:
        return present
    newest = log.last(MEASURED)
    rows = newest.facts["after"] if newest else following.facts["before"]
    return sorted((_kpi(use_case, row) for row in rows), key=lambda kpi: kpi.name)


def _kpi(use_case: UseCase, row: dict[str, Any]) -> Kpi:
    baseline = row.get("baseline_value")
    return Kpi(
        use_case=use_case, name=row["name"], target=json.loads(row["target"]), unit=row.get("unit", ""),
        measure=row.get("measure", NOT_RECORDED), baseline_name=row.get("baseline_name", ""),
        baseline_value=None if baseline is None else json.loads(baseline), direction=row.get("direction", ""),
    )  # fmt: skip


def model_at(model: Model, at: datetime) -> Model:
    """The model as it was: its state, its owner, and its use case as that was."""
    require_there(model, at, f"The model {model.slug}")
    then, log = copy(model), told([model], at)[model.subject]
    if moved := log.last(MOVED):
        then.state = moved.facts["after"]
    elif following := log.first_since(MOVED):
        then.state = following.facts["before"]
    if following := log.first_since(HANDED_OVER):
        then.owner = person_named(following.facts["before"]) or model.owner
    then.proposed_state, then.proposed_reason, then.proposed_by = "", "", None
    then.use_case = use_case_at(model.use_case, at)
    return then


def version_at(version: ModelVersion, at: datetime) -> ModelVersion:
    """The version, which never changes, with its model and use case as they were."""
    require_there(version, at, str(version))
    then = copy(version)
    then.model = model_at(version.model, at)
    return then


def deployment_at(deployment: Deployment, at: datetime) -> Deployment:
    """The deployment as it was, by the times that the gate and the pipeline left."""
    require_there(deployment, at, "This deployment")
    then = copy(deployment)
    if then.ended_at is not None and then.ended_at > at:
        then.ended_at, then.end_reason = None, ""
    if then.started_at is not None and then.started_at > at:
        then.started_at = None
    timed = {Deployment.State.AUTHORISED, Deployment.State.ACTIVE, Deployment.State.ENDED}
    if then.state in timed:
        known = Deployment.State.ACTIVE if then.started_at else Deployment.State.AUTHORISED
        then.state = Deployment.State.ENDED if then.ended_at else known
    return then


def deployments_at(rows: Iterable[Deployment], at: datetime | None) -> list[Deployment]:
    """These deployments, now or as far as there were any."""
    return list(rows) if at is None else [deployment_at(row, at) for row in rows if row.created_at <= at]

"""Writes of the auditor's room: drawing samples, asking, answering, accepting; reading is told to the log."""

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.accounts.queries import roles_anywhere
from apps.audit.services import record
from apps.core.errors import Invalid, WrongState
from apps.core.models import plain
from apps.core.permissions import authorise
from apps.examination import queries, sampling
from apps.examination.models import Answer, InformationRequest, Sample

LARGEST = 1000
LONGEST_SEED = 64


def new_seed() -> str:
    """A seed that nobody chose."""
    return secrets.token_hex(16)


@transaction.atomic
def draw_sample(
    *, title: str, size: int, least: int = 1, seed: str = "", wanted: Mapping[str, Any] | None = None, actor: User
) -> Sample:
    """Choose decisions by a seed, stratified by tier and outcome. Every draw is told to the log, so none can be hidden."""
    authorise(actor, "examination.draw_sample")
    refuse_wrong_draw(size, least, seed)
    drawn_at = timezone.now()
    filtered = {name: plain(value) for name, value in (wanted or {}).items() if value not in (None, "")}
    items = queries.items_of(queries.population(filtered, until=drawn_at))
    if not items:
        raise Invalid("No decision matches this filter, so there is nothing to draw from.", code="EMPTY_POPULATION")
    seed = seed.strip() or new_seed()
    drawn = sampling.draw(items, seed=seed, size=size, least=least)
    sample = Sample(
        title=title.strip(), seed=seed, size=size, least=least, wanted={**filtered, "drawn_at": plain(drawn_at)},
        population=drawn.population, population_digest=drawn.population_digest, strata=strata_of(drawn),
        chosen=[{"id": item.id, "digest": item.digest, "tier": item.stratum[0]} for item in drawn.chosen], drawn_by=actor,
    )  # fmt: skip
    sample.save()
    said = {"seed": seed, "population": str(drawn.population), "taken": str(len(drawn.chosen))}
    record(actor, "examination.sample_drawn", sample, data={**said, "of": drawn.population_digest}, row=sample)
    return sample


def strata_of(drawn: sampling.Draw) -> list[dict[str, Any]]:
    """Population and sample counted by stratum."""
    return [
        {"tier": tier, "outcome": outcome, "population": count, "taken": drawn.taken[tier, outcome]}
        for (tier, outcome), count in drawn.counts.items()
    ]


def refuse_wrong_draw(size: int, least: int, seed: str) -> None:
    """Raise Invalid unless size, least and seed can be used."""
    errors = []
    if not 1 <= size <= LARGEST:
        errors.append({"pointer": "/size", "code": "SIZE", "detail": f"A sample has 1 to {LARGEST} items."})
    if not 0 <= least <= LARGEST:
        errors.append({"pointer": "/least", "code": "LEAST", "detail": f"Of each stratum 0 to {LARGEST} items."})
    if len(seed) > LONGEST_SEED or not seed.isascii() or any(not sign.isprintable() for sign in seed):
        detail = f"A seed is up to {LONGEST_SEED} plain characters."
        errors.append({"pointer": "/seed", "code": "SEED", "detail": detail})
    if errors:
        raise Invalid(errors=errors)


@transaction.atomic
def note_export(sample: Sample, *, kind: str, actor: User) -> None:
    """Tell the log that somebody took a sample home."""
    record(actor, "examination.sample_exported", sample, data={"format": kind, "sample": sample.digest})


@transaction.atomic
def note_reading(subject: Any, *, about: str, actor: User) -> None:
    """Tell the log what an auditor read; of others only downloads are told."""
    if Role.AUDITOR in roles_anywhere(actor):
        record(actor, "examination.trace_read", subject, data={"about": about})


@transaction.atomic
def ask(*, title: str, text: str, due_on: date, assigned_to: User, actor: User) -> InformationRequest:
    """Ask a person for something until a day."""
    authorise(actor, "examination.ask")
    refuse_wrong_request(title, text, due_on, assigned_to, actor)
    asked = InformationRequest.objects.create(
        title=title.strip(), text=text.strip(), due_on=due_on, assigned_to=assigned_to, asked_by=actor
    )
    said = {"due_on": due_on.isoformat(), "assigned_to": assigned_to.audit_ref, "title": asked.title}
    record(actor, "examination.requested", asked, data=said, reason=asked.text)
    return asked


def refuse_wrong_request(title: str, text: str, due_on: date, assigned_to: User, actor: User) -> None:
    """Raise Invalid unless a person can answer it in time."""
    errors = []
    for name, value in (("title", title), ("text", text)):
        if not value.strip():
            errors.append({"pointer": f"/{name}", "code": "MISSING", "detail": "Say what is needed."})
    if due_on < queries.today():
        errors.append({"pointer": "/due_on", "code": "IN_THE_PAST", "detail": "The due date is today or later."})
    if not assigned_to.is_active or not assigned_to.is_person or assigned_to == actor:
        detail = "A request goes to another active person."
        errors.append({"pointer": "/assigned_to", "code": "WRONG_PERSON", "detail": detail})
    if errors:
        raise Invalid(errors=errors)


@transaction.atomic
def answer(asked: InformationRequest, *, text: str = "", link: str = "", actor: User) -> Answer:
    """Answer a request with a text, a link, or both. The auditor accepts or returns it."""
    asked = InformationRequest.objects.locked(asked.pk)
    authorise(actor, "examination.answer", asked)
    if asked.state == InformationRequest.State.ACCEPTED:
        raise WrongState(f"{asked.reference} is accepted already; nothing more is needed.")
    if not text.strip() and not link.strip():
        detail = "Give a text or a link."
        raise Invalid(errors=[{"pointer": "/text", "code": "MISSING", "detail": detail}])
    if link and not link.startswith(("https://", "http://")):
        detail = "A link begins with https:// or http://."
        raise Invalid(errors=[{"pointer": "/link", "code": "NOT_A_LINK", "detail": detail}])
    said = Answer(request=asked, text=text.strip(), link=link.strip(), by=actor)
    said.save()
    asked.state = InformationRequest.State.ANSWERED
    asked.save(update_fields=["state"])
    record(actor, "examination.answered", asked, data={"answer": str(said.pk)}, row=said)
    return said


def answered(asked: InformationRequest, actor: User) -> InformationRequest:
    """The request, locked, whose answer this person may accept or return. Raises NotAllowed and WrongState."""
    found: InformationRequest = InformationRequest.objects.locked(asked.pk)
    authorise(actor, "examination.accept", found)
    if found.state != InformationRequest.State.ANSWERED:
        raise WrongState(f"{found.reference} is {found.get_state_display().lower()}; it has no answer to look at.")
    return found


@transaction.atomic
def accept_answer(asked: InformationRequest, *, actor: User, reason: str = "") -> InformationRequest:
    """Say that the answer is what was asked for. The request is closed."""
    asked = answered(asked, actor)
    asked.state, asked.accepted_by, asked.accepted_at = InformationRequest.State.ACCEPTED, actor, timezone.now()
    asked.save(update_fields=["state", "accepted_by", "accepted_at"])
    record(actor, "examination.answer_accepted", asked, reason=reason.strip())
    return asked


@transaction.atomic
def return_answer(asked: InformationRequest, *, actor: User, reason: str) -> InformationRequest:
    """Say what is still missing. The request is open again, with the same day."""
    asked = answered(asked, actor)
    if not reason.strip():
        raise Invalid(errors=[{"pointer": "/reason", "code": "MISSING", "detail": "Say what is missing."}])
    asked.state = InformationRequest.State.OPEN
    asked.save(update_fields=["state"])
    record(actor, "examination.answer_returned", asked, reason=reason.strip())
    return asked

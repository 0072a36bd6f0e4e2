"""Reads of the auditor's room: populations and samples, requests, and what somebody read and downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.accounts.queries import as_uuid
from apps.audit.models import Entry
from apps.core.errors import NotFound
from apps.examination import sampling
from apps.examination.models import InformationRequest, Sample
from apps.gate.models import Decision
from apps.policy.models import PolicyVersion
from apps.policy.queries.measured import organisation_day, zone
from apps.workflow.queries.panels import entry_numbers

READ = r"\.(\w+_)?(downloaded|exported|read)$"
NO_TIER = "none"


@dataclass(frozen=True)
class Line:
    """One decision of a sample, with its stratum and the number of its entry in the log."""

    decision: Decision
    tier: str
    digest: str
    entry: int | None

    @property
    def is_unchanged(self) -> bool:
        """Whether the decision still has the digest with which it was drawn, and its content still gives that digest."""
        return self.decision.digest == self.digest == self.decision.compute_digest()


@dataclass(frozen=True)
class Repetition:
    """A sample drawn again today from the same filter."""

    is_same_population: bool
    is_same_choice: bool
    population: int
    population_digest: str


def population(wanted: Mapping[str, Any], *, until: datetime) -> QuerySet[Decision]:
    """The decisions that a filter names, made until a moment."""
    rows: QuerySet[Decision] = Decision.objects.filter(asked_at__lte=until)
    if wanted.get("from"):
        rows = rows.filter(asked_at__gte=_first_moment(wanted["from"]))
    if wanted.get("until"):
        rows = rows.filter(asked_at__lt=_first_moment(wanted["until"]) + timedelta(days=1))
    if wanted.get("environment"):
        rows = rows.filter(environment__slug=wanted["environment"])
    return rows if wanted.get("dry_runs") else rows.filter(is_dry_run=False)


def _first_moment(day: Any) -> datetime:
    known = day if isinstance(day, date) else date.fromisoformat(str(day))
    return datetime.combine(known, time(), tzinfo=zone())


def items_of(decisions: QuerySet[Decision]) -> list[sampling.Item]:
    """The members of a population, with the tier of the policy that each decision was made under."""
    rows = decisions.order_by().values_list("pk", "digest", "policy_id", "outcome")
    tiers: dict[Any, str] = {pk: str(tier) for pk, tier in PolicyVersion.objects.values_list("pk", "policy__tier")}
    return [
        sampling.Item(str(pk), digest, (tiers.get(policy, NO_TIER), outcome))
        for pk, digest, policy, outcome in rows.iterator(chunk_size=5000)
    ]


def samples_for(user: Any) -> QuerySet[Sample]:
    """The samples a user may see, newest first."""
    rows: QuerySet[Sample] = Sample.objects.visible_to(user).select_related("drawn_by")
    return rows


def sample_for(user: Any, pk: Any) -> Sample:
    """The sample with this id, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found = samples_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such sample, or you may not see it.")
    return found


def lines_of(sample: Sample) -> list[Line]:
    """The decisions of a sample in the order in which they were drawn."""
    rows = Decision.objects.select_related("version__model", "environment", "asked_by")
    found = rows.in_bulk([row["id"] for row in sample.chosen])
    numbers = entry_numbers(found.values())
    by_id = {str(pk): decision for pk, decision in found.items()}
    return [
        Line(by_id[row["id"]], row["tier"], row["digest"], numbers.get(by_id[row["id"]].pk))
        for row in sample.chosen
        if row["id"] in by_id
    ]


def repetition_of(sample: Sample) -> Repetition:
    """Draw a sample again from what is in the database now: same filter, same end, same seed."""
    drawn_at = parse_datetime(sample.wanted["drawn_at"]) or sample.created_at
    items = items_of(population(sample.wanted, until=drawn_at))
    again = sampling.draw(items, seed=sample.seed, size=sample.size, least=sample.least)
    is_same_choice = [item.id for item in again.chosen] == [row["id"] for row in sample.chosen]
    return Repetition(
        again.population_digest == sample.population_digest, is_same_choice, again.population, again.population_digest
    )


def requests_for(user: Any) -> QuerySet[InformationRequest]:
    """The requests a user may see, the nearest day first."""
    rows: QuerySet[InformationRequest] = InformationRequest.objects.visible_to(user)
    return rows.select_related("asked_by", "assigned_to", "accepted_by").order_by("due_on", "id")


def awaiting_answer(user: Any) -> list[InformationRequest]:
    """What auditors asked of this person and nobody has answered, the nearest day first."""
    state = InformationRequest.State.OPEN
    return list(InformationRequest.objects.filter(assigned_to=user.pk, state=state).order_by("due_on", "id"))


def request_for(user: Any, pk: Any) -> InformationRequest:
    """The request with this id, if the user may see it. Raises NotFound."""
    key = as_uuid(pk)
    found = requests_for(user).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("There is no such request, or you may not see it.")
    return found


def requests_in(rows: QuerySet[InformationRequest], state: str) -> QuerySet[InformationRequest]:
    """Requests in this state; `overdue` are those that nobody answered in time."""
    if state == "overdue":
        return rows.filter(state=InformationRequest.State.OPEN, due_on__lt=today())
    return rows.filter(state=state) if state else rows


def today() -> date:
    """The day it is in the organisation."""
    return organisation_day(timezone.now())


def readings(actor: Any) -> QuerySet[Entry]:
    """What somebody read and downloaded, as the log tells it, newest first."""
    found: QuerySet[Entry] = Entry.objects.filter(Q(verb__regex=READ), actor=actor.audit_ref)
    return found.select_related("leaf").order_by("-at", "-id")


def taken(entry: Entry) -> dict[str, str]:
    """In which form something was read, and the digest of what was taken home, where its entry tells."""
    facts = entry.facts
    form = next((facts[name] for name in ("file", "format", "about", "kind") if facts.get(name)), "")
    digest = next((facts[name] for name in ("sha256", "sample", "digest") if facts.get(name)), "")
    return {"form": str(form), "digest": str(digest)}

"""What is true of the organisation as a whole. Every judgement reads it, so a change makes them all be done again."""

import json
import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import OrganisationFact
from apps.audit.services import record
from apps.core.errors import Invalid
from apps.core.permissions import authorise

SUBJECT = "organisation:self"
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@transaction.atomic
def set_organisation_fact(name: str, value: Any, *, actor: Any, reason: str = "") -> OrganisationFact:
    """Answer one fact of the fact catalogue for the whole organisation. The same answer again changes nothing."""
    authorise(actor, "accounts.set_organisation_fact")
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is not the name of a fact; names read like org.sector.")
    fact = OrganisationFact.objects.select_for_update().filter(name=name).first()
    if fact is not None and fact.value == value:
        return fact
    before = None if fact is None else json.dumps(fact.value, sort_keys=True)
    fact, _ = OrganisationFact.objects.update_or_create(
        name=name, defaults={"value": value, "set_by": actor, "set_at": timezone.now()}
    )
    answered = {"name": name, "before": before, "after": json.dumps(value, sort_keys=True)}
    record(actor, "accounts.organisation_fact_set", SUBJECT, data=answered, reason=reason, changes=[SUBJECT])
    return fact

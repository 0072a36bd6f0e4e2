"""What was true of the organisation at an earlier moment, and who was who."""

import json
from datetime import datetime
from typing import Any

from apps.accounts.models import OrganisationFact, User
from apps.accounts.queries import as_uuid
from apps.audit.past import told

SET = "accounts.organisation_fact_set"


def organisation_facts_at(at: datetime) -> dict[str, Any]:
    """Answered facts about the organisation as they were: those set since are taken back to what the log says was before."""
    facts = dict(OrganisationFact.objects.filter(created_at__lte=at).values_list("name", "value"))
    taken_back: set[str] = set()
    for entry in told(["organisation:self"], at, app="accounts")["organisation:self"].since:
        name = str(entry.facts.get("name", ""))
        if entry.verb != SET or name in taken_back:
            continue
        taken_back.add(name)
        before = entry.facts.get("before")
        if before is None:
            facts.pop(name, None)
        else:
            facts[name] = json.loads(str(before))
    return facts


def person_named(key: Any) -> User | None:
    """The person with the id that an entry names."""
    found: User | None = User.objects.filter(pk=as_uuid(key)).first() if as_uuid(key) else None
    return found

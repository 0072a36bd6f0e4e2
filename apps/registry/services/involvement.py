"""Who did what to a version. Every service that lets a person touch a version calls this in its own transaction."""

from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.registry.models import Involvement, ModelVersion


@transaction.atomic
def involve(version: ModelVersion, actor: Any, capacity: str) -> Involvement | None:
    """Remember that the actor did this to the version; the first time counts and stays. Parts of the product leave none."""
    if not isinstance(actor, User):
        return None
    capacity = Involvement.Capacity(capacity).value
    row, is_new = Involvement.objects.get_or_create(version=version, user=actor, capacity=capacity)
    if is_new:
        record(actor, "registry.involved", version, data={"user": str(actor.pk), "capacity": capacity}, row=row)
    return row

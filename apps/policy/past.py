"""Waivers, frameworks and judgements as they were at an earlier moment."""

from copy import copy
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.moment import require_there
from apps.policy.models import FrameworkChoice, Waiver


def waiver_at(waiver: Waiver, at: datetime) -> Waiver:
    """The waiver as it was: nothing of it changes but by a decision or a withdrawal, and both leave their time."""
    require_there(waiver, at, waiver.reference)
    then = copy(waiver)
    if then.withdrawn_at is not None and then.withdrawn_at > at:
        then.withdrawn_by, then.withdrawn_at, then.withdrawal_reason = None, None, ""
        then.state = Waiver.State.GRANTED if then.starts_at is not None else Waiver.State.REQUESTED
    if then.decided_at is not None and then.decided_at > at:
        then.decided_by, then.decided_at, then.decision_reason, then.starts_at = None, None, "", None
        then.state = Waiver.State.REQUESTED
    return then


def waivers_in_state(rows: QuerySet[Waiver], state: str, at: datetime) -> QuerySet[Waiver]:
    """Those of these waivers that had been asked for by then and were in this state; without one, all of them."""
    undecided = Q(decided_at__isnull=True) | Q(decided_at__gt=at)
    standing = Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at)
    granted = Q(starts_at__lte=at)
    wanted: dict[str, Q] = {
        Waiver.State.REQUESTED: undecided & standing,
        Waiver.State.GRANTED: granted & standing,
        Waiver.State.REJECTED: Q(starts_at__isnull=True, decided_at__lte=at) & standing,
        Waiver.State.WITHDRAWN: Q(withdrawn_at__lte=at),
    }
    rows = rows.filter(created_at__lte=at)
    return rows.filter(wanted[state]) if state in wanted else rows


def choices_at(at: datetime | None) -> list[FrameworkChoice]:
    """Wishes about frameworks that were not refused, oldest first, each as it stood."""
    rows = FrameworkChoice.objects.select_related("requested_by", "decided_by").order_by("created_at", "id")
    if at is None:
        return list(rows.exclude(state=FrameworkChoice.State.REJECTED))
    found = [_choice_at(row, at) for row in rows.filter(created_at__lte=at)]
    return [row for row in found if row.state != FrameworkChoice.State.REJECTED]


def _choice_at(choice: FrameworkChoice, at: datetime) -> Any:
    then = copy(choice)
    if then.decided_at is not None and then.decided_at > at:
        then.state, then.decided_by, then.decided_at = FrameworkChoice.State.REQUESTED, None, None
    return then

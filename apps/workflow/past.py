"""Reviews, findings and standings as they were: from rows that never change, from their times, else from the log.

What a rule found (stale, expired, a condition late) was written into the log when it was found. A standing of the past is
read from there and never judged again: it is what the product said then.
"""

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.accounts.past import person_named
from apps.audit.models import Entry
from apps.audit.past import Told, actor_id, told
from apps.core.moment import require_there
from apps.workflow import lifecycle, processes
from apps.workflow.models import Finding, Review, Step

SUBMITTED = "workflow.submitted"
BY_PEOPLE = {
    "workflow.changes_requested": lifecycle.CHANGES_REQUESTED,
    "workflow.withdrawn": lifecycle.WITHDRAWN,
    "workflow.rejected": lifecycle.REJECTED,
    "workflow.suspended": lifecycle.SUSPENDED,
    "workflow.revoked": lifecycle.REVOKED,
}
GRANTED = {"workflow.approved", "workflow.reinstated"}
FOUND = {
    "workflow.went_stale": lifecycle.STALE,
    "workflow.expired": lifecycle.EXPIRED,
    "workflow.condition_went_late": lifecycle.SUSPENDED,
    "workflow.superseded": lifecycle.SUPERSEDED,
}
STANDS_AGAIN, SETTLED, SUPERSEDED = "workflow.stands_again", "workflow.conditions_settled", "workflow.superseded"
DECIDED = {"workflow.approved", "workflow.rejected", "workflow.withdrawn"}
FINDING_STATES = {
    "workflow.finding_raised": Finding.State.RAISED,
    "workflow.finding_answered": Finding.State.ANSWERED,
    "workflow.finding_returned": Finding.State.RAISED,
    "workflow.finding_closed": Finding.State.CLOSED,
}


def finding_at(finding: Finding, at: datetime) -> Finding:
    """The finding as it was."""
    return findings_at([finding], at)[0]


def findings_at(findings: Iterable[Finding], at: datetime) -> list[Finding]:
    """These findings as they were; the log is read once. Raises NotFound for one that nobody had raised."""
    rows = list(findings)
    logs = told(rows, at, app="workflow")
    return [_finding_at(row, logs[row.subject], at) for row in rows]


def _finding_at(finding: Finding, log: Told, at: datetime) -> Finding:
    require_there(finding, at, finding.reference)
    then = copy(finding)
    newest = log.last(*FINDING_STATES)
    if newest is not None and log.since:
        then.state = FINDING_STATES[newest.verb]
    if then.closed_at is not None and then.closed_at > at:
        then.closed_by, then.closed_at = None, None
    if then.answered_at is not None and then.answered_at > at:
        answered = log.last("workflow.finding_answered")
        then.answered_at = answered.at if answered else None
        then.answered_by = person_named(actor_id(answered)) if answered else None
    if newest is None and then.closed_at is None and finding.closed_at is not None:
        then.state = Finding.State.ANSWERED if then.answered_at else Finding.State.RAISED
    return then


def review_at(review: Review, at: datetime) -> Review:
    """The review as it was: state, round, reason, dates and steps."""
    if review.created_at > at:
        require_there(review, at, review.reference)
    log = told([review], at, app="workflow")[review.subject]
    then = copy(review)
    then.__dict__.pop("round_steps", None)
    then.__dict__.pop("_prefetched_objects_cache", None)
    submissions = [entry for entry in log.until if entry.verb == SUBMITTED]
    if submissions and submissions[-1].facts.get("round"):
        then.round, then.submitted_at = int(submissions[-1].facts["round"]), submissions[-1].at
    steps = _steps_at(review, then.round, at)
    for step in steps:
        step.review = then
    then.__dict__["round_steps"] = steps
    then.state, then.state_reason, then.recorded_standing = lifecycle.SUBMITTED, "", ""
    then.decided_at = then.valid_until = then.superseded_by = None
    for entry in log.until:
        _follow(then, review, entry)
    if then.state == lifecycle.SUBMITTED:
        then.state = _reached(steps)
    return then


def _follow(then: Review, review: Review, entry: Entry) -> None:
    """Do again what an entry says happened to a review."""
    if entry.verb in DECIDED:
        then.decided_at = entry.at
    if entry.verb == SUBMITTED:
        then.state, then.state_reason, then.decided_at = lifecycle.SUBMITTED, "", None
    elif entry.verb in BY_PEOPLE:
        then.state, then.state_reason = BY_PEOPLE[entry.verb], entry.reason
        then.recorded_standing = then.state
    elif entry.verb in GRANTED:
        then.state, then.state_reason = str(entry.facts.get("state", lifecycle.APPROVED)), ""
        then.recorded_standing = then.state
        then.valid_until = _moment(entry.facts.get("valid_until"))
    elif entry.verb == SETTLED:
        then.state = then.recorded_standing = lifecycle.APPROVED
    elif entry.verb == STANDS_AGAIN:
        then.recorded_standing, then.state_reason = str(entry.facts.get("code", "")).lower(), entry.reason
    elif entry.verb in FOUND:
        _take_over(then, review, entry)


def _take_over(then: Review, review: Review, entry: Entry) -> None:
    """What a rule found; a newer version that shortens an approval leaves it standing until the date."""
    if entry.verb == SUPERSEDED and "until" in entry.facts:
        then.valid_until, then.superseded_by = _moment(entry.facts["until"]), review.superseded_by
    elif entry.verb == SUPERSEDED and "code" not in entry.facts:
        then.state, then.state_reason = lifecycle.SUPERSEDED, entry.reason
        then.recorded_standing = then.state
    else:
        then.recorded_standing, then.state_reason = FOUND[entry.verb], entry.reason


def _moment(text: Any) -> datetime | None:
    return parse_datetime(str(text)) if text else None


def _steps_at(review: Review, round_: int, at: datetime) -> list[Step]:
    """The steps of a round by the times at which each was opened and closed."""
    found = []
    for row in Step.objects.filter(review=review.pk, round=round_).select_related("claimed_by").order_by("order"):
        then = copy(row)
        if then.closed_at is not None and then.closed_at > at:
            then.closed_at = None
        if then.opened_at is not None and then.opened_at > at:
            then.opened_at, then.due_on = None, None
        if then.claimed_at is not None and then.claimed_at > at:
            then.claimed_at, then.claimed_by = None, None
        if then.state != Step.State.SKIPPED and then.closed_at is None:
            then.state = Step.State.WAITING if then.opened_at is None else Step.State.OPEN
        found.append(then)
    opened = [step for step in found if step.state == Step.State.OPEN]
    for step in opened[:-1]:
        step.state = Step.State.WAITING
    return found


def _reached(steps: list[Step]) -> str:
    """How far an open review was: the state that belongs to the steps that had been opened."""
    opened = [step for step in steps if step.opened_at is not None]
    last = [step for step in steps if step.state != Step.State.SKIPPED][-1:]
    if any(step.kind in {processes.REVIEW, processes.APPROVAL} or step in last for step in opened):
        return lifecycle.IN_REVIEW
    if any(step.kind == processes.VALIDATION for step in opened):
        return lifecycle.IN_VALIDATION
    return lifecycle.SUBMITTED

"""The review of a version: every state and every move, on one screen. Pure: no Django, no database.

A review is moved by people and by rules. What a rule finds (the content changed, a date passed, a condition is late) is
judged whenever somebody asks, never by a clock alone: see `standing.py`. Steps are data of the process, not states.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DRAFT = "draft"
SUBMITTED = "submitted"
IN_VALIDATION = "in_validation"
IN_REVIEW = "in_review"
CHANGES_REQUESTED = "changes_requested"
APPROVED = "approved"
APPROVED_WITH_CONDITIONS = "approved_with_conditions"
REJECTED = "rejected"
WITHDRAWN = "withdrawn"
STALE = "stale"
SUSPENDED = "suspended"
REVOKED = "revoked"
EXPIRED = "expired"
SUPERSEDED = "superseded"

LABELS = {
    DRAFT: "Draft",
    SUBMITTED: "Submitted",
    IN_VALIDATION: "In validation",
    IN_REVIEW: "In review",
    CHANGES_REQUESTED: "Changes requested",
    APPROVED: "Approved",
    APPROVED_WITH_CONDITIONS: "Approved with conditions",
    REJECTED: "Rejected",
    WITHDRAWN: "Withdrawn",
    STALE: "Stale",
    SUSPENDED: "Suspended",
    REVOKED: "Revoked",
    EXPIRED: "Expired",
    SUPERSEDED: "Superseded",
}
STATES = frozenset(LABELS)
SIGNING = frozenset({SUBMITTED, IN_VALIDATION, IN_REVIEW})  # somebody's signature is awaited
OPEN = SIGNING | {CHANGES_REQUESTED}
GRANTED = frozenset({APPROVED, APPROVED_WITH_CONDITIONS})
FINAL = frozenset({REJECTED, REVOKED, SUPERSEDED})  # no move leads on to another review of this version
BY_RULE = frozenset({STALE, EXPIRED})  # never written down: true while the rule finds them so

PEOPLE, RULE = "people", "rule"


@dataclass(frozen=True)
class Move:
    """One allowed change of state: where from, where to (None: it stays), the permission it asks for, and who moves."""

    name: str
    sources: frozenset[str]
    target: str | None
    permission: str
    phrase: str
    by: str = PEOPLE

    def allows(self, state: str) -> bool:
        """Whether the move may be made from this state."""
        return state in self.sources

    def refuses(self, obj: Any) -> str | None:
        """Why the object's state does not allow this move, as a sentence; None when it does."""
        if self.allows(obj.state):
            return None
        return f"{self.phrase} needs a version that is {spoken(self.sources)}; this one is {LABELS[obj.state].lower()}."


def spoken(states: Iterable[str]) -> str:
    """States as a phrase, in the order of the life of a version: "submitted, in validation or in review"."""
    words = [LABELS[state].lower() for state in LABELS if state in set(states)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _move(
    name: str, sources: Iterable[str], target: str | None, phrase: str, by: str = PEOPLE, permission: str = ""
) -> Move:
    return Move(name, frozenset(sources), target, f"workflow.{permission or name}", phrase, by)


SUBMIT = _move("submit", {DRAFT, CHANGES_REQUESTED, WITHDRAWN, STALE, EXPIRED}, SUBMITTED, "Submitting")
START_VALIDATION = _move("start_validation", {SUBMITTED}, IN_VALIDATION, "Validation", RULE)
START_REVIEW = _move("start_review", {SUBMITTED, IN_VALIDATION}, IN_REVIEW, "Review", RULE)
SIGN_OFF = _move("sign_off", SIGNING, None, "Signing off")
REQUEST_CHANGES = _move("request_changes", SIGNING, CHANGES_REQUESTED, "Requesting changes")
REJECT = _move("reject", SIGNING, REJECTED, "Rejecting")
WITHDRAW = _move("withdraw", OPEN, WITHDRAWN, "Withdrawing")
APPROVE = _move("approve", {IN_REVIEW}, APPROVED, "Approving", permission="sign_off")
APPROVE_WITH_CONDITIONS = _move(
    "approve_with_conditions", {IN_REVIEW}, APPROVED_WITH_CONDITIONS, "Approving with conditions", permission="sign_off"
)
SETTLE = _move("settle", {APPROVED_WITH_CONDITIONS}, APPROVED, "Settling the conditions", RULE)
LAPSE = _move("lapse", GRANTED, STALE, "Going stale", RULE)
EXPIRE = _move("expire", GRANTED | {STALE}, EXPIRED, "Expiring", RULE)
SUSPEND = _move("suspend", GRANTED | {STALE}, SUSPENDED, "Suspending")
REINSTATE = _move("reinstate", {SUSPENDED}, APPROVED, "Reinstating")
REINSTATE_WITH_CONDITIONS = _move(
    "reinstate_with_conditions", {SUSPENDED}, APPROVED_WITH_CONDITIONS, "Reinstating", permission="reinstate"
)
REVOKE = _move("revoke", GRANTED | {STALE, SUSPENDED, EXPIRED}, REVOKED, "Revoking")
SUPERSEDE = _move("supersede", GRANTED | {STALE, EXPIRED}, SUPERSEDED, "Superseding", RULE)
WITHDRAW_SIGNATURE = _move("withdraw_signature", SIGNING | GRANTED | {STALE}, None, "Withdrawing a signature")

MOVES: tuple[Move, ...] = (
    SUBMIT,
    START_VALIDATION,
    START_REVIEW,
    SIGN_OFF,
    REQUEST_CHANGES,
    REJECT,
    WITHDRAW,
    APPROVE,
    APPROVE_WITH_CONDITIONS,
    SETTLE,
    LAPSE,
    EXPIRE,
    SUSPEND,
    REINSTATE,
    REINSTATE_WITH_CONDITIONS,
    REVOKE,
    SUPERSEDE,
    WITHDRAW_SIGNATURE,
)


def moves_from(state: str) -> tuple[Move, ...]:
    """Every move that may be made from a state."""
    return tuple(move for move in MOVES if move.allows(state))


def leads(source: str, target: str) -> tuple[Move, ...]:
    """The moves that lead from one state straight to another; empty when none does."""
    return tuple(move for move in MOVES if move.allows(source) and move.target == target)


def tally(approvals: int, rejections: int, quorum: int) -> str:
    """What the votes of a step say: "open" until the quorum is met and one side leads, then "signed" or "rejected"."""
    if approvals + rejections < quorum or approvals == rejections:
        return "open"
    return "signed" if approvals > rejections else "rejected"

"""The machine of a version's review: every pair of states, every move, and the tally of votes."""

import itertools
from types import SimpleNamespace

import pytest

from apps.core.permissions import Move as MoveProtocol
from apps.workflow import lifecycle as life

#: Every step from one state to another that exists; whatever is not here must not.
ALLOWED = {
    ("draft", "submitted"): {"submit"},
    ("changes_requested", "submitted"): {"submit"},
    ("withdrawn", "submitted"): {"submit"},
    ("stale", "submitted"): {"submit"},
    ("expired", "submitted"): {"submit"},
    ("submitted", "in_validation"): {"start_validation"},
    ("submitted", "in_review"): {"start_review"},
    ("in_validation", "in_review"): {"start_review"},
    ("submitted", "changes_requested"): {"request_changes"},
    ("in_validation", "changes_requested"): {"request_changes"},
    ("in_review", "changes_requested"): {"request_changes"},
    ("submitted", "rejected"): {"reject"},
    ("in_validation", "rejected"): {"reject"},
    ("in_review", "rejected"): {"reject"},
    ("submitted", "withdrawn"): {"withdraw"},
    ("in_validation", "withdrawn"): {"withdraw"},
    ("in_review", "withdrawn"): {"withdraw"},
    ("changes_requested", "withdrawn"): {"withdraw"},
    ("in_review", "approved"): {"approve"},
    ("in_review", "approved_with_conditions"): {"approve_with_conditions"},
    ("approved_with_conditions", "approved"): {"settle"},
    ("approved", "stale"): {"lapse"},
    ("approved_with_conditions", "stale"): {"lapse"},
    ("approved", "expired"): {"expire"},
    ("approved_with_conditions", "expired"): {"expire"},
    ("stale", "expired"): {"expire"},
    ("approved", "suspended"): {"suspend"},
    ("approved_with_conditions", "suspended"): {"suspend"},
    ("stale", "suspended"): {"suspend"},
    ("suspended", "approved"): {"reinstate"},
    ("suspended", "approved_with_conditions"): {"reinstate_with_conditions"},
    ("approved", "revoked"): {"revoke"},
    ("approved_with_conditions", "revoked"): {"revoke"},
    ("stale", "revoked"): {"revoke"},
    ("suspended", "revoked"): {"revoke"},
    ("expired", "revoked"): {"revoke"},
    ("approved", "superseded"): {"supersede"},
    ("approved_with_conditions", "superseded"): {"supersede"},
    ("stale", "superseded"): {"supersede"},
    ("expired", "superseded"): {"supersede"},
}
PAIRS = list(itertools.product(life.LABELS, life.LABELS))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_only_the_listed_moves_lead_from_one_state_to_another(source: str, target: str) -> None:
    assert {move.name for move in life.leads(source, target)} == ALLOWED.get((source, target), set())


@pytest.mark.parametrize(("move", "state"), list(itertools.product(life.MOVES, life.LABELS)))
def test_a_move_refuses_every_other_state_with_a_sentence(move: life.Move, state: str) -> None:
    refusal = move.refuses(SimpleNamespace(state=state))
    assert (refusal is None) == (state in move.sources)
    if refusal is not None:
        assert life.LABELS[state].lower() in refusal
        assert refusal.endswith(".")


def test_after_changes_were_requested_a_version_goes_only_to_submitted_or_withdrawn() -> None:
    targets = {move.target for move in life.moves_from(life.CHANGES_REQUESTED)}
    assert targets == {life.SUBMITTED, life.WITHDRAWN}


@pytest.mark.parametrize("state", sorted(life.FINAL))
def test_final_states_lead_nowhere(state: str) -> None:
    assert life.moves_from(state) == ()


def test_every_state_can_be_reached_from_draft() -> None:
    reached, frontier = set(), {life.DRAFT}
    while frontier:
        reached |= frontier
        frontier = {move.target for state in frontier for move in life.moves_from(state) if move.target} - reached
    assert reached == life.STATES


def test_nobody_approves_without_a_signature() -> None:
    for move in (life.APPROVE, life.APPROVE_WITH_CONDITIONS):
        assert move.permission == life.SIGN_OFF.permission
        assert move.sources == {life.IN_REVIEW}


def test_moves_fit_what_authorise_expects() -> None:
    assert all(isinstance(move, MoveProtocol) for move in life.MOVES)
    assert len({move.name for move in life.MOVES}) == len(life.MOVES)


@pytest.mark.parametrize(
    ("approvals", "rejections", "quorum", "outcome"),
    [
        (0, 0, 1, "open"),
        (1, 0, 1, "signed"),
        (0, 1, 1, "rejected"),
        (2, 0, 3, "open"),
        (2, 1, 3, "signed"),
        (1, 2, 3, "rejected"),
        (3, 0, 3, "signed"),
        (1, 1, 2, "open"),
        (2, 1, 2, "signed"),
    ],
)
def test_votes_decide_a_step_at_its_quorum_by_majority(
    approvals: int, rejections: int, quorum: int, outcome: str
) -> None:
    assert life.tally(approvals, rejections, quorum) == outcome

"""The tier is arithmetic: every worked example of the pack comes out as printed."""

import pytest

from apps.policy import packs, tiering

# The worst effect of this model is on the firm's solvency, not on a person; the option's implied fact is answered explicitly.
STATED = {"IRB PD model, bank, logistic": {"use.significant_effect": False}}


def examples():
    return packs.questionnaire()["worked_examples"]


def propose(answers, facts=None):
    return tiering.propose(packs.questionnaire(), answers, facts or {}, packs.fact_types())


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["case"])
def test_worked_example_comes_out_as_printed(example):
    proposal = propose(example["answers"], STATED.get(example["case"]))
    assert (proposal.materiality, proposal.inherent) == (example["materiality"], example["inherent"])
    assert "/".join(proposal.bands) == example["bands"]
    assert proposal.tier == example["tier"]
    assert [floor.reason for floor in proposal.raised_by] == example["raised_by"]


def test_implied_facts_raise_the_tier_unless_answered_otherwise():
    example = next(row for row in examples() if row["case"] in STATED)
    assert propose(example["answers"]).tier == 1
    assert propose(example["answers"], {"use": {"significant_effect": False}}).tier == 2


def low(**changes):
    answers = next(row for row in examples() if row["tier"] == 4)["answers"]
    return answers | changes


def answered(**facts):
    quiet = {
        "eu.ai_class": "not_high_risk", "use.solely_automated": False, "use.significant_effect": False, "nyc.aedt": False,
        "ca.admt_significant": False, "us.creditor": False, "us.credit_scoring_system": False, "use.domain": "internal_operations",
        "model.agentic": False, "data.special_category": False, "use.affects_persons": False, "model.genai": False,
    }  # fmt: skip
    return quiet | {name.replace("__", "."): value for name, value in facts.items()}


@pytest.mark.parametrize(
    ("facts", "tier"),
    [
        ({"use__solely_automated": True, "use__significant_effect": True}, 1),
        ({"eu__ai_class": "high_risk_annex_iii"}, 2),
        ({"nyc__aedt": True}, 2),
        ({"ca__admt_significant": True}, 2),
        ({"us__creditor": True, "us__credit_scoring_system": True}, 2),
        ({"use__domain": "capital_or_financial_reporting"}, 2),
        ({"model__agentic": True}, 2),
        ({"data__special_category": True}, 2),
        ({"use__affects_persons": True}, 3),
        ({"model__genai": True}, 3),
        ({}, 4),
    ],
)
def test_every_floor_raises_a_low_score(facts, tier):
    proposal = propose(low(), answered(**facts))
    assert proposal.matrix_tier == 4
    assert proposal.tier == tier
    assert bool(proposal.raised_by) == (tier < 4)


def test_prohibited_practice_allows_no_tier_at_all():
    proposal = propose(low(Q2="yes"), answered() | {"eu.ai_class": None})
    assert proposal.is_blocked
    assert "Prohibited practice" in tiering.refusal(proposal, 1, is_independent=True)


def test_unanswered_floor_holds_back_every_tier_it_could_forbid():
    facts = answered()
    del facts["nyc.aedt"]
    proposal = propose(low(), facts)
    assert proposal.tier == 4
    assert "nyc.aedt" in tiering.refusal(proposal, 4, is_independent=True)
    assert tiering.refusal(proposal, 2, is_independent=True) == ""


def test_tier_is_lowered_by_one_step_by_an_independent_person_and_never_below_a_floor():
    high = next(row for row in examples() if row["case"].startswith("Card fraud"))["answers"]
    proposal = propose(high, answered())
    assert proposal.tier == 3
    assert "independent" in tiering.refusal(proposal, 4, is_independent=False)
    assert tiering.refusal(proposal, 4, is_independent=True) == ""
    floored = propose(high, answered(use__affects_persons=True))
    assert "floor" in tiering.refusal(floored, 4, is_independent=True)
    assert tiering.refusal(floored, 1, is_independent=False) == ""


def test_questions_without_answer_give_no_tier():
    answers = low()
    del answers["Q5"]
    proposal = propose(answers, answered())
    assert not proposal.is_complete
    assert "Q5" in proposal.sentence
    assert "Q5" in tiering.refusal(proposal, 3, is_independent=True)


def test_arithmetic_is_shown_in_one_sentence():
    example = examples()[0]
    assert propose(example["answers"]).sentence == ("Materiality 80 (high) and inherent risk 41 (medium) give tier 1.")
    assert propose(low(), answered(nyc__aedt=True)).sentence.endswith("raised to tier 2 because of: LL 144 tool.")

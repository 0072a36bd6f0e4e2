"""Submitting: what it asks for, what it lists, and what happens on the way back."""

import pytest

from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Step


def test_submitting_lists_exactly_what_is_missing(bare) -> None:
    with pytest.raises(Invalid) as refused:
        bare.submit()
    missing = {error["pointer"].removeprefix("/") for error in refused.value.errors}
    assert refused.value.code == "NOT_READY_TO_SUBMIT"
    assert {"MIN-intended_purpose", "MIN-performance_report"} <= missing
    assert not any("approval_record" in name or "audit_trail" in name for name in missing)
    assert all(error["detail"].endswith(".") for error in refused.value.errors)


def test_one_missing_item_is_named_alone(bare) -> None:
    bare.show(without=("limitations",))
    with pytest.raises(Invalid) as refused:
        bare.submit()
    assert [error["pointer"] for error in refused.value.errors] == ["/MIN-limitations"]
    assert queries.readiness(bare.version).missing[0].id == "MIN-limitations"


def test_an_unconfirmed_tier_stops_a_version(world) -> None:
    world.use_case.tier_confirmed_for, world.use_case.proposed_tier = 2, 1
    world.use_case.save()
    world.version = type(world.version).objects.select_related("model__use_case").get(pk=world.version.pk)
    with pytest.raises(Invalid) as refused:
        world.submit()
    assert any(error["code"] == "TIER_NOT_CONFIRMED" for error in refused.value.errors)


def test_a_submitted_version_has_its_steps_and_the_first_is_open(world) -> None:
    review = world.fresh(world.submit())
    assert review.state == lifecycle.SUBMITTED
    assert [step.key for step in review.round_steps] == [
        "attest", "independent_validation", "privacy", "compliance_and_fairness", "approve",
    ]  # fmt: skip
    assert review.open_step.key == "attest"
    assert review.open_step.due_on <= review.due_on


def test_a_step_whose_condition_does_not_hold_is_skipped(world) -> None:
    world.use_case.facts["data.personal"] = False
    world.use_case.facts["use.affects_persons"] = False
    world.use_case.save()
    world.version = type(world.version).objects.select_related("model__use_case").get(pk=world.version.pk)
    review = world.fresh(world.submit())
    skipped = {step.key for step in review.round_steps if step.state == Step.State.SKIPPED}
    assert skipped == {"privacy", "compliance_and_fairness"}


def test_a_fact_that_nobody_answered_makes_a_step_apply(world) -> None:
    from apps.policy.expressions import Truth
    from apps.workflow.services.steps import applies

    assert applies("data.personal", {}) is Truth.UNKNOWN
    assert applies("data.personal &&", {"data": {"personal": False}}) is Truth.ERROR
    assert applies("true", {}) is Truth.TRUE


@pytest.mark.parametrize("who", ["validator", "auditor", "administrator", "pipeline", "head_of_model_risk"])
def test_only_builders_submit(world, who: str) -> None:
    with pytest.raises(NotAllowed):
        services.submit(world.version, actor=world.people[who])


def test_a_version_is_not_submitted_twice(world) -> None:
    world.submit()
    with pytest.raises(WrongState):
        world.submit()


def test_changes_requested_come_back_in_the_next_round_from_the_first_step(world) -> None:
    review = world.sign_until(world.submit(), "independent_validation")
    services.request_changes(review, actor=world.validator, reason="Show the performance per region as well.")
    review = world.fresh(review)
    assert review.state == lifecycle.CHANGES_REQUESTED and review.round == 1 and review.open_step is None
    again = world.fresh(world.submit())
    assert again.pk == review.pk and again.round == 2 and again.open_step.key == "attest"
    assert again.steps.count() == 10


def test_high_findings_are_answered_before_a_version_comes_back(world) -> None:
    from django.utils import timezone

    review = world.sign_until(world.submit(), "independent_validation")
    finding = services.raise_finding(
        world.version, actor=world.validator, severity="high", title="Sample is small", text="Only 45 cases above 61.",
        due_on=timezone.now().date(), owner=world.developer,
    )  # fmt: skip
    services.request_changes(review, actor=world.validator, reason="Answer the finding first, please.")
    with pytest.raises(Invalid) as refused:
        world.submit()
    assert [error["code"] for error in refused.value.errors] == ["FINDING_UNANSWERED"]
    services.answer_finding(finding, actor=world.developer, text="A larger sample was drawn.")
    assert world.submit().round == 2


def test_a_withdrawn_version_may_be_submitted_again_and_the_first_review_stays(world) -> None:
    first = world.submit()
    services.withdraw(first, actor=world.developer, reason="Submitted too early.")
    second = world.submit()
    assert second.pk != first.pk
    assert world.version.reviews.count() == 2
    assert world.fresh(first).state == lifecycle.WITHDRAWN


def test_only_the_submitter_or_the_owner_withdraws(world) -> None:
    review = world.submit()
    with pytest.raises(NotAllowed):
        services.withdraw(review, actor=world.validator, reason="Not mine to take back.")


def test_who_submits_counts_as_having_built_the_version(world) -> None:
    world.submit()
    assert world.version.involvements.filter(user=world.developer, capacity="built").exists()


def test_the_path_is_shown_before_it_starts(world) -> None:
    path = queries.path_preview(world.use_case)
    assert path is not None
    assert path.sentence == f"Tier 2: {len(path.evidence)} evidence items, 5 signatures, typically 20 working days"
    assert "validation_report" in path.evidence

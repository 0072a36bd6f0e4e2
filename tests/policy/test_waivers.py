"""Waivers: who may, for how long, and what they do and do not do."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit import queries as audit
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.policy import services
from apps.policy.models import Waiver
from apps.registry.models import Involvement
from tests import factories

pytestmark = pytest.mark.django_db
WORDS = {"reason": "The ratio rests on 45 cases; more data arrive in January.",
         "compensating_control": "Every refusal over 60 is reviewed by a person."}  # fmt: skip


def today():
    return timezone.now().date()


def ask(world, requirement="HOUSE-RATIO", *, actor=None, days=30, environment="production", **more):
    place = getattr(world, environment) if environment else None
    return services.request_waiver(
        world.version, environment=place, requirement=requirement, ends_on=today() + timedelta(days=days),
        actor=actor or world.owner, **{**WORDS, **more},
    )  # fmt: skip


@pytest.fixture
def short(ready):
    """Ready but for the ratio."""
    ready.measure(fairness={"min_impact_ratio": 0.76})
    return ready


def test_granted_waiver_opens_what_it_is_for_until_its_day_and_is_not_met(short):
    assert not services.assess(short.version, short.production).is_ready
    waiver = services.approve_waiver(ask(short), actor=short.risk, reason="The control is in place.")
    judgement = services.assess(short.version, short.production)
    assert judgement.is_ready
    assert judgement.sentence.endswith("1 waived")
    result = next(row for row in judgement.results if row.id == "HOUSE-RATIO")
    assert (result.outcome, result.waiver_id) == ("waived", str(waiver.pk))
    assert judgement.ends_at <= result.ends_at
    after = services.assess(short.version, short.production, at=result.ends_at)
    assert not after.is_ready, "it ends by itself"


def test_waiver_for_one_environment_does_nothing_elsewhere(short):
    other = factories.environment("second", is_production=True)
    services.approve_waiver(ask(short), actor=short.risk)
    assert services.assess(short.version, short.production).is_ready
    assert not services.assess(short.version, other).is_ready


def test_waiver_for_another_requirement_does_nothing_here(short):
    services.approve_waiver(ask(short, "HOUSE-PROXY"), actor=short.risk)
    assert short.result("HOUSE-RATIO").outcome == "open"


def test_requested_rejected_and_withdrawn_waivers_do_nothing(short):
    waiver = ask(short)
    assert short.result("HOUSE-RATIO").outcome == "open"
    services.reject_waiver(waiver, actor=short.risk, reason="The control does not limit the harm.")
    assert short.result("HOUSE-RATIO").outcome == "open"
    granted = services.approve_waiver(ask(short), actor=short.risk)
    services.withdraw_waiver(granted, actor=short.risk2, reason="The control was found not to work.")
    assert short.result("HOUSE-RATIO").outcome == "open"


def test_every_step_moves_the_epoch_of_the_version(short):
    def epoch():
        return audit.epochs([short.version])[short.version.subject]

    start = epoch()
    waiver = ask(short)
    asked = epoch()
    services.approve_waiver(waiver, actor=short.risk)
    granted = epoch()
    services.withdraw_waiver(waiver, actor=short.owner, reason="The new data arrived and the ratio holds.")
    assert start < asked < granted < epoch()


@pytest.mark.parametrize("who", ["owner", "developer", "validator", "auditor", "pipeline"])
def test_owner_developer_validator_auditor_and_service_account_never_grant(short, who):
    person = getattr(short, who)
    if not person.is_person:
        factories.grant(person, "risk_officer")
    with pytest.raises(NotAllowed):
        services.approve_waiver(ask(short), actor=person)
    assert short.result("HOUSE-RATIO").outcome == "open"


@pytest.mark.parametrize("capacity", ["registered", "built", "trained", "submitted_evidence", "validated", "owns"])
def test_risk_officer_who_had_a_part_in_the_version_does_not_grant(short, capacity):
    Involvement(version=short.version, user=short.risk2, capacity=capacity).save()
    with pytest.raises(NotAllowed) as refused:
        services.approve_waiver(ask(short), actor=short.risk2)
    assert any(row.code == "INVOLVED" for row in refused.value.refusals)


def test_giving_the_developer_the_role_later_does_not_help(short):
    factories.grant(short.developer, "risk_officer", "head_of_model_risk")
    with pytest.raises(NotAllowed):
        services.approve_waiver(ask(short), actor=short.developer)


def test_requester_with_the_role_does_not_grant_own_request(short):
    factories.grant(short.risk, "model_owner")
    waiver = ask(short, actor=short.risk)
    with pytest.raises(NotAllowed) as refused:
        services.approve_waiver(waiver, actor=short.risk)
    assert any("You asked for this waiver" in row.sentence for row in refused.value.refusals)


def test_owner_who_gains_does_not_grant_even_when_somebody_else_asked(short):
    factories.grant(short.owner, "risk_officer")
    with pytest.raises(NotAllowed) as refused:
        services.approve_waiver(ask(short, actor=short.developer), actor=short.owner)
    assert any("gains" in row.sentence for row in refused.value.refusals)


def test_database_refuses_one_person_on_both_sides(short):
    waiver = ask(short)
    with pytest.raises(IntegrityError), transaction.atomic():
        Waiver.objects.filter(pk=waiver.pk).update(decided_by=waiver.requested_by)


def test_service_account_never_asks_and_superuser_gets_no_shortcut(short):
    factories.grant(short.pipeline, "developer")
    with pytest.raises(NotAllowed):
        ask(short, actor=short.pipeline)
    root = factories.person()
    root.is_superuser = True
    with pytest.raises(NotAllowed):
        services.approve_waiver(ask(short), actor=root)


def test_nobody_waives_a_legal_prohibition(short):
    with pytest.raises(Invalid) as refused:
        ask(short, "EUAIA-5.1A")
    assert refused.value.errors[0]["code"] == "PROHIBITION"


def test_waiver_written_past_the_service_does_not_lift_a_prohibition(short):
    short.put("prohibited_screen", {"a": "yes"})
    Waiver.objects.create(
        version=short.version, requirement_id="EUAIA-5.1A", requirement_title="x", reason="x", compensating_control="x",
        starts_at=timezone.now(), ends_on=today() + timedelta(days=9), state="granted", requested_by=short.owner, decided_by=short.risk,
    )  # fmt: skip
    assert short.result("EUAIA-5.1A").is_blocking


@pytest.mark.parametrize(("days", "code"), [(91, "TOO_LONG"), (-1, "IN_THE_PAST")])
def test_end_lies_ahead_and_within_what_the_tier_allows(short, days, code):
    with pytest.raises(Invalid) as refused:
        ask(short, days=days)
    assert refused.value.errors[0]["code"] == code
    assert ask(short, days=90).ends_on == today() + timedelta(days=90)


@pytest.mark.parametrize("field", ["reason", "compensating_control"])
def test_reasons_say_something(short, field):
    with pytest.raises(Invalid) as refused:
        ask(short, **{field: "because"})
    assert refused.value.errors[0]["pointer"] == f"/{field}"


def test_request_that_grew_old_is_checked_again_when_it_is_granted(short):
    waiver = ask(short, days=5)
    Waiver.objects.filter(pk=waiver.pk).update(ends_on=today() - timedelta(days=1))
    with pytest.raises(Invalid):
        services.approve_waiver(waiver, actor=short.risk)
    waiver.refresh_from_db()
    assert waiver.state == "requested"


def test_decided_waiver_is_not_decided_again(short):
    waiver = services.approve_waiver(ask(short), actor=short.risk)
    with pytest.raises(WrongState):
        services.reject_waiver(waiver, actor=short.risk2, reason="It should not have been granted.")
    services.withdraw_waiver(waiver, actor=short.owner, reason="The new data arrived and the ratio holds.")
    with pytest.raises(WrongState):
        services.withdraw_waiver(waiver, actor=short.owner, reason="The new data arrived and the ratio holds.")


def test_same_request_is_not_asked_twice_while_open(short):
    ask(short)
    with pytest.raises(WrongState):
        ask(short, actor=short.developer)


def test_stranger_does_not_withdraw(short):
    waiver = ask(short)
    with pytest.raises(NotAllowed):
        services.withdraw_waiver(
            waiver, actor=factories.person("developer"), reason="I do not like this waiver at all."
        )


def test_extension_is_a_new_request_for_the_same_thing(short):
    first = services.approve_waiver(ask(short, days=5), actor=short.risk)
    second = ask(short, days=20, extends=first)
    assert second.extends == first
    with pytest.raises(Invalid):
        ask(short, "HOUSE-PROXY", extends=first)


def test_preview_says_what_would_change_and_changes_nothing(short):
    effect = services.preview_waiver(
        short.version, short.production, requirement="HOUSE-RATIO", ends_on=today() + timedelta(days=30)
    )
    assert "changes from “Not ready: 1 of" in effect.sentence
    assert "“Ready: " in effect.sentence
    assert not services.assess(short.version, short.production).is_ready
    assert not Waiver.objects.exists()


def test_grant_leaves_an_involvement_and_an_exception_record(short):
    services.approve_waiver(ask(short), actor=short.risk)
    assert set(Involvement.objects.filter(user=short.risk).values_list("capacity", flat=True)) == {"granted_waiver"}
    record = short.version.evidence.get(types__has_key="exception_approval", summary__startswith="W-")
    assert record.types["exception_approval"]["expiry_days"] == 30


def test_withdrawn_waiver_stood_until_the_moment_it_was_withdrawn(short):
    waiver = services.approve_waiver(ask(short), actor=short.risk)
    between = timezone.now()
    services.withdraw_waiver(waiver, actor=short.risk, reason="The control was found not to work.")
    assert short.result("HOUSE-RATIO", at=between).outcome == "waived"
    assert short.result("HOUSE-RATIO").outcome == "open"

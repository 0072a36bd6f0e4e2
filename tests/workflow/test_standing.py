"""Does an approval stand: content, end dates, conditions, suspension, revocation; each judged when it is asked."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.audit import queries as log
from apps.audit import services as audit
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.evidence import services as evidence
from apps.policy import services as policy
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Condition, Finding, Manifest, Review
from tests import factories

STANDS = lifecycle.GRANTED


def epoch(world) -> int:
    return log.epochs([world.version.subject])[world.version.subject]


def test_an_approval_freezes_what_it_stands_on(world, approved) -> None:
    manifest = Manifest.objects.get(review=approved)
    body = manifest.body
    assert body["artifact"]["name"] == world.version.artifact_digest
    assert len(body["evidence"]) == world.version.evidence.exclude(source="record").count()
    assert body["policy"]["digest"].startswith("sha256:") and body["process"]["digest"] == approved.process.digest
    assert [row["name"] for row in body["data"]] == [str(world.table)]
    assert len(body["signatures"]) == 5 and body["tier"] == 2
    assert not any(item["source"] == "record" for item in body["evidence"])


def test_an_approval_stands_until_the_day_its_process_says(world, approved) -> None:
    standing = world.standing()
    assert standing.state in STANDS and standing.code == "APPROVED" and standing.approval == approved
    assert standing.manifest is not None and standing.valid_until == approved.valid_until
    months = (approved.valid_until.year - timezone.now().year) * 12 + approved.valid_until.month - timezone.now().month
    assert months == 18


def test_the_records_of_an_approval_are_evidence_and_do_not_make_it_stale(world, approved) -> None:
    kinds = {kind for row in world.version.evidence.filter(source="record") for kind in row.types}
    assert {"approval_record", "findings_register", "challenge_record", "validation_report", "audit_trail"} <= kinds
    record = world.version.evidence.filter(types__has_key="approval_record").get().types["approval_record"]
    assert record == {"steps_complete": True, "segregation_ok": True, "signed": True, "conditions_listed": True}
    trail = world.version.evidence.filter(types__has_key="audit_trail").get().types["audit_trail"]
    assert trail == {"hash_chain_ok": True, "complete": True, "time_source": True}
    assert world.standing().is_standing


def test_everything_the_gate_asks_for_is_there_after_an_approval(world, approved) -> None:
    judgement = policy.assess(world.version, world.production, stage="gate")
    assert [row.id for row in judgement.results if row.is_blocking] == []


# --- staleness -------------------------------------------------------------------------------------------------------


def test_flagged_evidence_makes_an_approval_stale_and_names_it(world, approved) -> None:
    item = world.version.evidence.get(types__has_key="limitations")
    before = epoch(world)
    evidence.flag(item, reason="The group of 61 and over is missing.", actor=world.validator)
    standing = world.standing()
    assert standing.state == lifecycle.STALE and standing.code == "APPROVAL_STALE"
    assert item.title in standing.sentence and "flagged" in standing.sentence
    assert epoch(world) > before


def test_an_approval_stands_again_when_what_it_relied_on_is_so_again(world, approved) -> None:
    item = world.version.evidence.get(types__has_key="limitations")
    evidence.flag(item, reason="Was this reviewed by anybody?", actor=world.validator)
    assert not world.standing().is_standing
    evidence.accept(item, reason="Yes, by me, just now.", actor=world.risk_officer)
    assert world.standing().is_standing


def test_a_newer_result_of_a_check_makes_an_approval_stale(world, approved) -> None:
    world.measure("fairness", min_impact_ratio=0.99)
    standing = world.standing()
    assert standing.state == lifecycle.STALE and "replaced by a newer item" in standing.sentence


def test_evidence_of_a_new_kind_added_later_does_not_end_an_approval(world, approved) -> None:
    world.put("board_report", {"named_owner": True})
    assert world.standing().is_standing


def test_a_column_that_is_reclassified_makes_an_approval_stale(world, approved) -> None:
    world.table.fields.filter(path="housing").update(classification="personal")
    standing = world.standing()
    assert standing.state == lifecycle.STALE
    assert "column housing was none at approval and is personal data now" in standing.sentence


def test_other_terms_of_the_data_make_an_approval_stale(world, approved) -> None:
    world.table.permitted_purposes = ["credit", "marketing"]
    world.table.save()
    assert "permitted purposes" in world.standing().sentence


def test_a_stricter_tier_makes_an_approval_stale(world, approved) -> None:
    world.use_case.tier = 1
    world.use_case.save()
    version = type(world.version).objects.select_related("model__use_case").get(pk=world.version.pk)
    standing = queries.standing_approval(version, environment=world.production)
    assert standing.state == lifecycle.STALE and standing.changes[0].code == "TIER_CHANGED"


def test_a_new_finding_of_high_severity_makes_an_approval_stale_and_a_low_one_does_not(world, approved) -> None:
    facts = {
        "actor": world.validator,
        "title": "Look here",
        "text": "Something is odd.",
        "due_on": timezone.now().date(),
    }
    services.raise_finding(world.version, severity="low", **facts)
    assert world.standing().is_standing
    finding = services.raise_finding(world.version, severity="high", **facts)
    assert world.standing().state == lifecycle.STALE
    services.answer_finding(finding, actor=world.developer, text="It was a display error.")
    services.close_finding(finding, actor=world.validator, reason="Looked, it is gone.")
    assert world.standing().is_standing


def test_a_process_that_asks_for_another_signature_makes_an_approval_stale(world, approved) -> None:
    definition = services.shipped_definition()
    tier = next(row for row in definition["tiers"] if row["tier"] == 2)
    tier["target_working_days"] = 25
    services.publish_processes(definition, actor=audit.system("workflow"))
    assert world.standing().is_standing
    step = {"step": "security", "title": "Security", "kind": "review", "role": "security", "quorum": 1, "when": "true",
            "independence": ["not_developer"]}  # fmt: skip
    tier["steps"].insert(2, step)
    before = epoch(world)
    services.publish_processes(definition, actor=audit.system("workflow"))
    assert epoch(world) > before
    standing = world.standing()
    assert standing.state == lifecycle.STALE and "Security" in standing.sentence


def test_a_stale_version_is_submitted_again_and_the_old_approval_is_superseded(world, approved) -> None:
    world.measure("fairness", min_impact_ratio=0.99)
    review = world.submit()
    assert review.pk != approved.pk
    assert world.fresh(approved).state == lifecycle.SUPERSEDED
    assert world.standing().code == "APPROVAL_PENDING"


# --- dates -----------------------------------------------------------------------------------------------------------


def test_an_approval_ends_by_itself_without_any_job(world, approved) -> None:
    later = approved.valid_until + timedelta(seconds=1)
    standing = world.standing(at=later)
    assert standing.state == lifecycle.EXPIRED and standing.code == "APPROVAL_EXPIRED"


def test_a_late_condition_suspends_an_approval_by_itself(world) -> None:
    review = conditional(world)
    due = Condition.objects.get(review=review).due_on
    assert world.standing().state == lifecycle.APPROVED_WITH_CONDITIONS
    assert world.standing().valid_until < review.valid_until
    standing = world.standing(at=timezone.now() + timedelta(days=32))
    assert standing.state == lifecycle.SUSPENDED and standing.code == "CONDITION_LATE"
    assert f"{due:%-d %B %Y}" in standing.sentence
    assert review.state == lifecycle.APPROVED_WITH_CONDITIONS  # nobody had to write anything


def conditional(world) -> Review:
    review = world.sign_until(world.submit(), "approve")
    condition = {
        "text": "Report the small group weekly.",
        "owner": world.owner,
        "due_on": timezone.now().date() + timedelta(days=30),
    }
    world.sign(review, world.head_of_model_risk, conditions=[condition])
    return world.fresh(review)


def test_the_last_verified_condition_settles_an_approval(world) -> None:
    review = conditional(world)
    finding = Condition.objects.get(review=review).finding
    services.answer_finding(finding, actor=world.owner, text="The report is sent every Monday.")
    services.close_finding(finding, actor=world.validator, reason="Read the first two reports.")
    assert world.fresh(review).state == lifecycle.APPROVED
    assert world.standing().state == lifecycle.APPROVED


def test_conditions_name_an_owner_and_a_date_before_the_approval_ends(world) -> None:
    review = world.sign_until(world.submit(), "approve")
    late = {"text": "Some day.", "owner": world.owner, "due_on": timezone.now().date() + timedelta(days=2000)}
    with pytest.raises(Invalid) as refused:
        world.sign(review, world.head_of_model_risk, conditions=[late, {"text": "", "owner": None, "due_on": None}])
    pointers = {error["pointer"] for error in refused.value.errors}
    assert pointers == {"/conditions/0/due_on", "/conditions/1/text", "/conditions/1/owner", "/conditions/1/due_on"}


def test_conditions_go_with_the_last_step_only(world) -> None:
    review = world.submit()
    condition = {"text": "Do it.", "owner": world.owner, "due_on": timezone.now().date()}
    with pytest.raises(Invalid, match="last step"):
        world.sign(review, world.owner, conditions=[condition])


# --- guards of the last step -----------------------------------------------------------------------------------------


def test_an_open_requirement_keeps_the_approval_closed_and_is_named(world) -> None:
    review = world.sign_until(world.submit(), "approve")
    world.measure("performance", auc=0.51)
    with pytest.raises(WrongState) as refused:
        world.sign(review, world.head_of_model_risk)
    assert refused.value.code == "APPROVAL_NOT_OPEN" and "Performance" in refused.value.detail
    panel = queries.panel(world.version, world.head_of_model_risk, environment=world.production)
    sign = next(action for action in panel.actions if action.key == "sign")
    assert not sign.is_allowed and sign.reasons[0] in refused.value.detail


def test_an_open_critical_finding_keeps_the_approval_closed(world) -> None:
    review = world.sign_until(world.submit(), "approve")
    services.raise_finding(
        world.version, actor=world.validator, severity="critical", title="Wrong labels", text="A tenth is wrong.",
        due_on=timezone.now().date(),
    )  # fmt: skip
    with pytest.raises(WrongState, match="critical"):
        world.sign(review, world.head_of_model_risk)


# --- suspension, revocation, reinstatement ---------------------------------------------------------------------------


def test_a_suspension_binds_at_once_with_a_reason_and_a_finding(world, approved) -> None:
    before = epoch(world)
    services.suspend(world.version, actor=world.risk_officer, reason="Complaints about refusals of people over 61.")
    standing = world.standing()
    assert standing.state == lifecycle.SUSPENDED and "Complaints" in standing.sentence
    assert epoch(world) > before
    assert Finding.objects.filter(version=world.version, severity="high").exists()


@pytest.mark.parametrize("who", ["developer", "owner", "auditor", "administrator", "pipeline", "steward"])
def test_only_the_second_line_suspends_and_revokes(world, approved, who: str) -> None:
    with pytest.raises(NotAllowed):
        services.suspend(world.version, actor=world.people[who], reason="Because I say so.")
    with pytest.raises(NotAllowed):
        services.revoke(world.version, actor=world.people[who], reason="Because I say so.")


def test_a_revocation_is_final(world, approved) -> None:
    services.revoke(world.version, actor=world.head_of_model_risk, reason="The labels were wrong from the start.")
    assert world.standing().code == "APPROVAL_REVOKED"
    with pytest.raises(WrongState):
        services.reinstate(world.version, actor=world.head_of_model_risk, reason="I changed my mind.")
    with pytest.raises(WrongState):
        world.submit()


def test_reinstating_is_a_new_decision_with_a_new_manifest(world, approved) -> None:
    services.suspend(world.version, actor=world.risk_officer, reason="An incident is looked into.")
    with pytest.raises(NotAllowed):
        services.reinstate(world.version, actor=world.validator, reason="It was nothing.")
    services.reinstate(world.version, actor=world.head_of_model_risk, reason="The incident had another cause.")
    assert world.standing().is_standing
    assert Manifest.objects.filter(review=approved).count() == 2


def test_a_suspended_version_with_an_open_requirement_is_not_reinstated(world, approved) -> None:
    services.suspend(world.version, actor=world.risk_officer, reason="An incident is looked into.")
    world.measure("performance", auc=0.51)
    with pytest.raises(WrongState, match="requirement"):
        services.reinstate(world.version, actor=world.head_of_model_risk, reason="The incident had another cause.")


# --- environments, versions that take over ---------------------------------------------------------------------------


def test_an_approval_for_production_covers_other_places_and_not_the_other_way_round(world, approved) -> None:
    assert queries.standing_approval(world.version, environment=world.staging).is_standing
    elsewhere = factories.environment(is_production=True)
    standing = queries.standing_approval(world.version, environment=elsewhere)
    assert standing.code == "APPROVAL_MISSING" and "does not cover" in standing.sentence


def test_a_newer_version_that_runs_ends_the_older_approval_by_date(world, approved) -> None:
    newer = factories.version(world.version.model, developer=world.developer)
    deployment = factories.deployment(newer, world.production, "active")
    services.take_over(deployment.pk)
    assert world.standing().is_standing  # time to roll back
    later = world.standing(at=timezone.now() + timedelta(days=31))
    assert later.state == lifecycle.SUPERSEDED and later.code == "APPROVAL_SUPERSEDED"


def test_a_version_that_nobody_submitted_has_no_approval(world) -> None:
    standing = world.standing()
    assert (standing.state, standing.code, standing.approval) == (lifecycle.DRAFT, "APPROVAL_MISSING", None)


def test_a_rejected_version_says_so(world) -> None:
    review = world.submit()
    world.sign(review, world.owner, meaning="rejected", reason="This is not what was ordered at all.")
    assert world.standing().code == "APPROVAL_REJECTED"


# --- what the log is told --------------------------------------------------------------------------------------------


def test_a_change_of_standing_is_written_once(world, approved) -> None:
    world.measure("fairness", min_impact_ratio=0.99)
    assert services.note_changed({world.version.subject}) == 1
    services.note_changed({world.version.subject})
    stale = [entry for entry in entries(approved) if entry.verb == "workflow.went_stale"]
    assert len(stale) == 1 and "replaced" in stale[0].reason


def test_an_expiry_is_written_by_the_tick(world, approved) -> None:
    with time_machine.travel(approved.valid_until + timedelta(days=1), tick=True):
        assert services.note_ended() == 1
        assert services.note_ended() == 0
    assert [entry.verb for entry in entries(approved)][-1] == "workflow.expired"


def entries(review: Review) -> list:
    from apps.audit.models import Entry

    return list(Entry.objects.filter(subject=review.subject).order_by("at", "id"))


def test_tier_four_passes_in_one_step(tier) -> None:
    world = tier(4)
    review = world.submit()
    assert world.fresh(review).state == lifecycle.IN_REVIEW
    world.sign(review, world.owner)
    assert world.standing().is_standing


def test_the_standing_of_the_past_is_what_the_record_said_then(world, approved) -> None:
    then = timezone.now()
    services.suspend(world.version, actor=world.risk_officer, reason="The data were found faulty by their owner.")
    suspended = timezone.now()
    before = queries.standing_as_at(world.version, then, environment=world.production)
    assert (before.state, before.valid_until) == ("approved", approved.valid_until)
    assert before.manifest == Manifest.objects.get(review=approved)
    after = queries.standing_as_at(world.version, suspended, environment=world.production)
    assert (after.state, after.sentence) == (world.standing().state, world.standing().sentence)
    submitted = approved.submitted_at + timedelta(microseconds=1)
    early = queries.standing_as_at(world.version, submitted, environment=world.production)
    assert early.state in lifecycle.SIGNING and early.review.decided_at is None
    assert queries.signatures_of(early.review, at=submitted) == []
    never = queries.standing_as_at(world.version, approved.created_at - timedelta(seconds=1))
    assert (never.state, never.code) == ("draft", "APPROVAL_MISSING")

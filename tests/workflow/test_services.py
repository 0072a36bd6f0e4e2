"""Findings, discussion, events of data, publishing processes, and the readers of the log."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import InternalError, ProgrammingError, connection, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit import verbs
from apps.audit.models import Entry
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.workflow import consumers, lifecycle, queries, services, tasks
from apps.workflow.models import Comment, Finding, Process, Review
from tests import factories


def raised(world: Any, **more: Any) -> Finding:
    facts = {
        "severity": "high",
        "title": "Sample is small",
        "text": "Only 45 cases.",
        "due_on": timezone.now().date(),
        **more,
    }
    return services.raise_finding(world.version, actor=facts.pop("actor", world.validator), **facts)


# --- findings --------------------------------------------------------------------------------------------------------


def test_a_finding_has_a_number_an_owner_and_a_date(world) -> None:
    finding = raised(world)
    assert finding.reference == f"F-{finding.number}" and finding.owner == world.owner
    assert raised(world, title="Another one").number > finding.number


def test_a_developer_never_verifies_findings_of_own_work(world) -> None:
    factories.grant(world.developer, "validator")
    finding = raised(world, owner=world.owner)
    services.answer_finding(finding, actor=world.owner, text="We took more cases.")
    with pytest.raises(NotAllowed, match="someone else verifies"):
        services.close_finding(finding, actor=world.developer, reason="Looks good to me.")


def test_who_answered_does_not_verify(world) -> None:
    factories.grant(world.owner, "validator")
    finding = raised(world, owner=world.developer)
    services.answer_finding(finding, actor=world.owner, text="We took more cases.")
    with pytest.raises(NotAllowed, match="Someone else verifies"):
        services.close_finding(finding, actor=world.owner, reason="Looks good to me.")


def test_a_finding_is_verified_only_when_it_is_answered(world) -> None:
    finding = raised(world)
    with pytest.raises(WrongState):
        services.close_finding(finding, actor=world.risk_officer, reason="Never mind.")


def test_a_closed_finding_takes_no_further_answer(world) -> None:
    finding = raised(world)
    services.answer_finding(finding, actor=world.developer, text="We took more cases.")
    services.close_finding(finding, actor=world.risk_officer, reason="Counted them.")
    with pytest.raises(WrongState):
        services.answer_finding(finding, actor=world.developer, text="One more thing.")


def test_findings_are_never_deleted(world) -> None:
    finding = raised(world)
    with pytest.raises(TypeError):
        finding.delete()
    with pytest.raises(TypeError):
        Finding.objects.filter(pk=finding.pk).delete()
    refused = pytest.raises((InternalError, ProgrammingError), match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflow_finding WHERE id = %s", [finding.pk])


def test_the_register_of_findings_follows_every_change(world) -> None:
    def register() -> dict[str, Any]:
        return (
            world.version.evidence.filter(types__has_key="findings_register")
            .latest("created_at")
            .types["findings_register"]
        )

    finding = raised(world)
    assert register() == {"open_high": 1, "overdue": 0, "owners": True}
    services.answer_finding(finding, actor=world.developer, text="We took more cases.")
    services.close_finding(finding, actor=world.risk_officer, reason="Counted them.")
    assert register() == {"open_high": 0, "overdue": 0, "owners": True}


@pytest.mark.parametrize("who", ["developer", "owner", "auditor", "administrator", "pipeline"])
def test_findings_are_recorded_by_who_reviews(world, who: str) -> None:
    with pytest.raises(NotAllowed):
        raised(world, actor=world.people[who])


def test_a_finding_with_a_past_date_or_a_service_as_owner_is_refused(world) -> None:
    with pytest.raises(Invalid) as refused:
        raised(world, due_on=timezone.now().date() - timedelta(days=1), owner=world.pipeline, severity="awful")
    assert {error["pointer"] for error in refused.value.errors} == {"/severity", "/due_on", "/owner"}


# --- discussion ------------------------------------------------------------------------------------------------------


def test_what_was_said_is_never_edited(world) -> None:
    said = services.comment(world.version, actor=world.validator, text="Why 0.60?", kind="question")
    with pytest.raises(TypeError):
        Comment.objects.filter(pk=said.pk).update(text="Why 0.50?")
    refused = pytest.raises((InternalError, ProgrammingError), match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE workflow_comment SET text = 'x' WHERE id = %s", [said.pk])


def test_a_question_is_open_then_answered_then_settled(world) -> None:
    asked = services.comment(world.version, actor=world.validator, text="Why 0.60?", kind="question")
    assert queries.challenge_log(world.version)[0].state == "raised"
    services.comment(world.version, actor=world.developer, text="18.3 % bad.", kind="answer", parent=asked)
    assert queries.challenge_log(world.version)[0].state == "answered"
    services.comment(world.version, actor=world.validator, text="Accepted.", kind="outcome", parent=asked)
    thread = queries.challenge_log(world.version)[0]
    assert thread.state == "closed" and [reply.kind for reply in thread.replies] == ["answer", "outcome"]


def test_an_answer_belongs_to_a_question_about_this_version(world, bare) -> None:
    elsewhere = services.comment(bare.version, actor=bare.validator, text="Why 0.60?", kind="question")
    for parent in (None, elsewhere):
        with pytest.raises(Invalid):
            services.comment(world.version, actor=world.developer, text="Because.", kind="answer", parent=parent)


# --- events of data --------------------------------------------------------------------------------------------------


def report(world: Any, **more: Any) -> services.EventOutcome:
    facts = {
        "kind": "reclassified",
        "fields": ["housing"],
        "classification": "personal",
        "reason": "It identifies persons.",
        **more,
    }
    return services.report_data_event(world.table, actor=world.privacy_officer, **facts)


def test_a_reclassified_column_reaches_the_version_and_suspends_by_the_process(world, approved) -> None:
    outcome = report(world)
    assert [version.pk for version in outcome.versions] == [world.version.pk]
    assert [finding.severity for finding in outcome.findings] == ["high"]
    standing = world.standing()
    assert standing.state == lifecycle.SUSPENDED and outcome.findings[0].reference in standing.sentence


def test_an_erasure_opens_a_finding_and_suspends_nothing(world, approved) -> None:
    outcome = report(world, kind="erasure", fields=[], classification="", reason="Two persons asked for it.")
    assert len(outcome.findings) == 1 and outcome.suspended == []
    assert outcome.findings[0].severity == "medium"
    assert world.standing().is_standing


def test_a_version_that_nobody_submitted_gets_no_finding(world) -> None:
    outcome = report(world)
    assert [version.pk for version in outcome.versions] == [world.version.pk]
    assert outcome.findings == []


def test_an_event_says_what_is_known_of_its_reach(world, approved) -> None:
    assert set(report(world).completeness) == {"is_complete", "sentence", "edges"}


def test_a_developer_does_not_report_events(world) -> None:
    with pytest.raises(NotAllowed):
        services.report_data_event(world.table, kind="faulty", reason="It looks odd.", actor=world.developer)


# --- processes -------------------------------------------------------------------------------------------------------


def test_publishing_again_changes_nothing(world) -> None:
    assert services.publish_processes(services.shipped_definition(), actor=audit.system("workflow")) == []
    assert Process.objects.count() == 4


def test_a_changed_definition_is_a_new_version_and_reviews_keep_theirs(world) -> None:
    review = world.submit()
    definition = services.shipped_definition()
    definition["tiers"][1]["target_working_days"] = 15
    published = services.publish_processes(definition, actor=world.head_of_model_risk, reason="We became faster.")
    assert [(process.tier, process.version) for process in published] == [(2, 2)]
    assert world.fresh(review).process.version == 1


def test_only_those_with_the_role_publish(world) -> None:
    with pytest.raises(NotAllowed):
        services.publish_processes(services.shipped_definition(), actor=world.developer)


def test_a_definition_without_four_eyes_is_not_published(world) -> None:
    definition = services.shipped_definition()
    definition["tiers"][1]["steps"][1]["independence"] = []
    with pytest.raises(Invalid, match="never validate or approve"):
        services.publish_processes(definition, actor=world.head_of_model_risk)


def test_the_command_publishes_what_differs(world) -> None:
    out = StringIO()
    call_command("load_processes", stdout=out)
    assert out.getvalue() == "Nothing new\n"


# --- the readers of the log ------------------------------------------------------------------------------------------


def test_a_flag_on_evidence_is_noted_as_a_stale_approval(world, approved) -> None:
    from apps.evidence import services as evidence

    evidence.flag(
        world.version.evidence.get(types__has_key="limitations"), reason="It leaves out a group.", actor=world.validator
    )
    consumers.note_standings(Entry.objects.filter(verb="evidence.flagged"))
    assert Entry.objects.filter(subject=approved.subject, verb="workflow.went_stale").count() == 1


def test_a_started_deployment_ends_the_approval_of_the_older_version_by_date(world, approved) -> None:
    from apps.registry import services as registry

    newer = factories.version(world.version.model, developer=world.developer)
    deployment = factories.deployment(newer, world.production)
    registry.start_deployment(deployment, actor=world.pipeline)
    consumers.note_successions(Entry.objects.filter(verb="registry.deployment_started"))
    review = Review.objects.get(pk=approved.pk)
    assert review.superseded_by == newer and review.valid_until < approved.valid_until


def test_the_tick_runs_on_nothing(world) -> None:
    tasks.tick()


def test_every_verb_reads_as_words_and_subjects_have_names(world, approved) -> None:
    used = set(Entry.objects.filter(verb__startswith="workflow.").values_list("verb", flat=True))
    assert all(verbs.phrase(verb) != verb.partition(".")[2].replace("_", " ") or "_" not in verb for verb in used)
    finding = raised(world)
    named = verbs.name_all([approved.subject, finding.subject, approved.process.subject])
    assert named[approved.subject].label == f"{approved.reference}: {world.version}"
    assert named[finding.subject].url == f"/findings/{finding.pk}/"
    assert named["process:tier-2"].label == "the process of tier 2"


# --- the queue -------------------------------------------------------------------------------------------------------


def test_the_queue_takes_a_constant_number_of_queries(world, bare, django_assert_max_num_queries) -> None:
    world.submit()
    queries.open_reviews_for(world.owner)
    with django_assert_max_num_queries(20):
        rows = queries.open_reviews_for(world.owner)
    assert [row.is_yours for row in rows] == [True]


def test_a_finding_waits_in_the_queue_of_its_owner(world) -> None:
    finding = raised(world)
    row = queries.open_reviews_for(world.owner)[0]
    assert row.kind == "finding" and row.is_yours and finding.reference in row.to_do
    assert [row.kind for row in queries.open_reviews_for(world.developer)] == []


def test_what_ends_soon_is_listed(world, approved) -> None:
    Review.objects.filter(pk=approved.pk).update(valid_until=timezone.now() + timedelta(days=5))
    rows = queries.ending_soon(world.risk_officer)
    assert [(row["kind"], row["review"].pk) for row in rows] == [("approval", approved.pk)]


def test_panels_agree_with_the_permissions(world) -> None:
    review = world.submit()
    for name in ("owner", "validator", "developer", "auditor"):
        panel = queries.panel(world.version, world.people[name], environment=world.production)
        actions = {action.key: action for action in panel.actions}
        assert actions["sign"].is_allowed == (name == "owner")
        assert all(action.reasons[0].endswith(".") for action in panel.actions if not action.is_allowed)
    assert panel.position == 1 and len(panel.applying) == 5 and panel.review.pk == review.pk

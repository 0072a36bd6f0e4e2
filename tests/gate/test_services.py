"""Decisions: closed by default, bound to bytes and environment, recorded whatever the answer, never older than their facts."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import services as accounts
from apps.audit.models import Entry
from apps.catalog import services as catalog
from apps.catalog.services import FieldDeclaration
from apps.evidence import services as evidence
from apps.evidence.models import Evidence
from apps.gate import judging, services
from apps.gate.models import Clearance, Decision
from apps.policy import services as policy
from apps.registry.models import ArtifactAlias, Deployment, Environment
from apps.workflow import services as workflow
from tests import factories
from tests.gate.conftest import ask

pytestmark = pytest.mark.django_db


def test_an_approved_version_is_allowed_and_gets_a_deployment(approved):
    decision = ask(approved)
    assert decision.is_allowed, decision.sentence
    assert decision.outcome == "allow"
    assert decision.codes == ["OK"]
    deployment = Deployment.objects.get(pk=decision.deployment_id)
    assert (deployment.state, deployment.artifact_digest) == ("authorised", approved.version.artifact_digest)


def test_a_version_that_nobody_submitted_is_denied_with_the_reason(bare):
    decision = ask(bare)
    assert not decision.is_allowed
    assert decision.codes[0] == "APPROVAL_MISSING"
    assert "EVIDENCE_MISSING" in decision.codes
    assert "never submitted" in decision.sentence


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"resource": {"type": "model_version", "id": "sha256:" + "0" * 64}}, "UNKNOWN_MODEL"),
        ({"resource": {"type": "model_version", "id": "scorecard"}}, "IDENTITY_MUTABLE"),
        ({"resource": {}}, "IDENTITY_MUTABLE"),
        ({"environment": "moon"}, "UNKNOWN_ENVIRONMENT"),
        ({"environment": ""}, "UNKNOWN_ENVIRONMENT"),
        ({"action": "delete"}, "UNKNOWN_ACTION"),
    ],
)
def test_what_is_not_known_is_denied_and_recorded(approved, changes, code):
    decision = ask(approved, **changes)
    assert not decision.is_allowed
    assert decision.codes == [code]
    assert Decision.objects.filter(pk=decision.pk).exists()
    assert Entry.objects.filter(verb="gate.decided", row_digest=decision.digest).exists()


def test_a_name_is_refused_with_the_pinned_form(approved):
    version = approved.version
    properties = {"name": version.model.slug, "version": version.version}
    decision = ask(approved, resource={"type": "model_version", "id": version.model.slug, "properties": properties})
    assert decision.codes == ["IDENTITY_MUTABLE"]
    assert version.artifact_digest in decision.sentence


def test_the_digest_of_a_single_file_is_an_alias(approved):
    alias = (
        ArtifactAlias.objects.filter(version=approved.version).exclude(digest=approved.version.artifact_digest).first()
    )
    decision = ask(approved, resource={"type": "model_version", "id": alias.digest})
    assert decision.is_allowed
    assert decision.resolved_by == alias.kind


def test_bytes_of_two_versions_are_an_incident_and_denied(approved):
    files = [{"path": "model.onnx", "sha256": approved.version.artifact_files[0]["sha256"], "size": 1000}]
    other = factories.version(approved.version.model, developer=approved.developer, version="other", files=files)
    decision = ask(approved, resource={"type": "model_version", "id": other.artifact_digest})
    assert decision.codes == ["IDENTITY_CONFLICT"]


def test_an_approval_for_production_does_not_open_an_environment_with_its_own_rules(approved):
    lab = factories.environment("second-production", is_production=True)
    decision = ask(approved, environment=lab.slug)
    assert not decision.is_allowed
    assert decision.codes[0] == "APPROVAL_MISSING"


def test_a_dry_run_is_recorded_and_creates_no_deployment(approved):
    decision = ask(approved, is_dry_run=True)
    assert decision.is_allowed
    assert decision.deployment_id is None
    assert not Deployment.objects.exists()


def test_an_environment_that_warns_lets_pass_and_says_what_enforcing_would_do(bare):
    Environment.objects.filter(pk=bare.staging.pk).update(mode="warn")
    decision = ask(bare, environment=bare.staging.slug)
    assert decision.is_allowed
    assert decision.outcome == "deny"
    assert decision.mode == "warn"


def test_an_unknown_artifact_is_denied_where_the_environment_only_warns(bare):
    Environment.objects.filter(pk=bare.staging.pk).update(mode="warn")
    unknown = {"type": "model_version", "id": "sha256:" + "0" * 64}
    assert not ask(bare, environment=bare.staging.slug, resource=unknown).is_allowed


def test_asking_again_does_not_judge_again(approved):
    ask(approved)
    judged = Clearance.objects.get(version=approved.version, environment=approved.production).judged_at
    second = ask(approved)
    assert second.is_allowed
    assert second.judged_at == judged


def test_a_question_costs_the_same_number_of_queries_however_many_decisions_there_are(approved):
    ask(approved, is_dry_run=True)
    with CaptureQueriesContext(connection) as first:
        ask(approved, is_dry_run=True)
    for _ in range(5):
        ask(approved, is_dry_run=True)
    with CaptureQueriesContext(connection) as later:
        ask(approved, is_dry_run=True)
    assert len(later) == len(first)
    assert len(first) <= 12, [query["sql"][:90] for query in first.captured_queries]


# --- A clearance is never older than its facts: each change binds on the very next question, with no worker running -------


def revoked(world):
    workflow.revoke(world.version, actor=world.risk_officer, reason="The data behind it were found faulty.")


def flagged(world):
    item = Evidence.objects.filter(version=world.version, types__has_key="intended_purpose").first()
    evidence.flag(item, reason="The purpose is not the one in use.", actor=world.risk_officer)


def reclassified(world):
    fields = [FieldDeclaration("age", classification="special_category")]
    catalog.declare_fields(world.table, fields=fields, actor=world.steward, reason="Examined again.")


def organisation_changed(world):
    accounts.set_organisation_fact("org.sector", "hospital", actor=world.administrator, reason="Sold.")


def suspended(world):
    workflow.suspend(world.version, actor=world.risk_officer, reason="Drift is being examined.")


CHANGES = [revoked, flagged, reclassified, suspended]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_facts_binds_on_the_next_question(approved, change):
    assert ask(approved).is_allowed
    change(approved)
    decision = ask(approved)
    assert not decision.is_allowed, decision.sentence
    assert Clearance.objects.get(version=approved.version, environment=approved.production).outcome != "allow"


def test_a_change_of_an_organisation_fact_is_judged_on_the_next_question(approved):
    first = ask(approved)
    organisation_changed(approved)
    second = ask(approved)
    assert second.judged_at > first.judged_at
    assert second.assessment_digest != first.assessment_digest


def test_a_waiver_that_ends_binds_on_the_next_question(world):
    until = timezone.localdate() + timedelta(days=3)
    item = Evidence.objects.filter(version=world.version, types__has_key="deactivation_plan").first()
    evidence.flag(item, reason="Not tested.", actor=world.risk_officer)
    asked = policy.request_waiver(
        world.version,
        environment=world.production,
        requirement="MIN-deactivation_plan",
        reason="The switch is tested next week, in the maintenance window.",
        compensating_control="The owner is on call until then.",
        ends_on=until,
        actor=world.developer,
    )
    policy.approve_waiver(asked, reason="Known and short.", actor=world.risk_officer)
    world.approve()
    first = ask(world)
    assert first.is_allowed, (first.sentence, first.codes)
    assert first.waivers == [str(asked.pk)]
    with time_machine.travel(timezone.now() + timedelta(days=5), tick=False):
        later = ask(world)
    assert not later.is_allowed


def test_withdrawing_a_waiver_binds_on_the_next_question(world):
    item = Evidence.objects.filter(version=world.version, types__has_key="deactivation_plan").first()
    evidence.flag(item, reason="Not tested.", actor=world.risk_officer)
    asked = policy.request_waiver(
        world.version,
        environment=world.production,
        requirement="MIN-deactivation_plan",
        reason="The switch is tested next week, in the maintenance window.",
        compensating_control="The owner is on call until then.",
        ends_on=timezone.localdate() + timedelta(days=30),
        actor=world.developer,
    )
    policy.approve_waiver(asked, reason="Known and short.", actor=world.risk_officer)
    world.approve()
    assert ask(world).is_allowed
    policy.withdraw_waiver(asked, reason="The window was cancelled.", actor=world.risk_officer)
    assert not ask(world).is_allowed


def test_the_end_of_an_approval_binds_without_anybody_doing_anything(approved):
    assert ask(approved).is_allowed
    with time_machine.travel(timezone.now() + timedelta(days=800), tick=False):
        assert not ask(approved).is_allowed


def test_a_decision_replays_to_the_same_results(approved):
    from apps.policy.models import Assessment

    decision = ask(approved)
    assessment = Assessment.objects.get(pk=decision.assessment_id)
    again = [policy.result_row(row) for row in policy.replay(assessment)]
    assert again == assessment.results
    assert decision.assessment_digest == assessment.digest == assessment.compute_digest()
    kept = policy.results_of(assessment, decision.version)
    assert [policy.result_row(row) for row in kept] == assessment.results


def test_a_decision_names_every_requirement_once_and_keeps_what_was_found_once_for_all_questions(approved):
    first, second = ask(approved), ask(approved)
    assert first.assessment_id == second.assessment_id
    rows = judging.requirement_rows(first)
    assert {row["id"]: row["outcome"] for row in rows} == {
        name: outcome for outcome, names in first.outcomes.items() for name in names
    }
    assert sorted(first.blocking) == sorted(row["id"] for row in rows if row["is_blocking"])
    assert len(str(first.columns())) < 0.25 * len(str(rows))


def test_a_decision_row_reads_back_to_its_own_digest(approved):
    decision = Decision.objects.get(pk=ask(approved).pk)
    assert decision.compute_digest() == decision.digest


def test_what_is_submitted_is_judged_before_anybody_asks(world):
    from apps.audit.models import Entry
    from apps.core import jobs
    from apps.core.models import Job
    from apps.gate.consumers import refresh_clearances

    world.submit()
    refresh_clearances(
        Entry.objects.filter(verb="workflow.submitted", subject__startswith="review:").order_by("-at")[:1]
    )
    jobs.run_now(Job.objects.get(task="gate.first"))
    clearance = Clearance.objects.get(version=world.version, environment=world.production)
    assert clearance.outcome == "deny" and services.is_current(clearance)


def test_a_consumer_judges_ahead_of_the_next_question(approved, django_capture_on_commit_callbacks):
    ask(approved)
    flagged(approved)
    clearance = Clearance.objects.get(version=approved.version, environment=approved.production)
    assert not services.is_current(clearance)
    services.queue_refresh([approved.version.subject])
    from apps.core import jobs
    from apps.core.models import Job

    jobs.run_now(Job.objects.get(task="gate.refresh"))
    clearance.refresh_from_db()
    assert clearance.outcome == "deny"
    assert services.is_current(clearance)

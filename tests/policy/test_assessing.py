"""A judgement reads everything it names, and says what it found."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import services as accounts
from apps.audit import queries as audit
from apps.catalog import services as catalog
from apps.catalog.models import Dataset
from apps.evidence import services as evidence
from apps.policy import packs, queries, services
from apps.policy.models import Assessment, Framework, PolicyVersion
from apps.registry import services as registry
from apps.registry.models import Kpi
from tests import factories

pytestmark = pytest.mark.django_db


def test_tier_2_credit_model_with_everything_shown_is_ready(ready):
    judgement = services.assess(ready.version, ready.production)
    assert [(row.id, row.outcome, row.sentence) for row in judgement.open] == []
    assert judgement.is_ready
    assert judgement.sentence.startswith("Ready: ")
    assert judgement.counts["counted"] > 60
    later = {row.id for row in judgement.results if row.outcome == "not_yet_effective"}
    assert "EUAIA-9.1" in later, "the law's dates show, and do not block before they come"
    assert not any(row.is_blocking for row in judgement.results if row.id in later)


def test_version_that_shows_nothing_is_not_ready_and_says_of_how_many(credit):
    judgement = services.assess(credit.version, credit.production)
    assert not judgement.is_ready
    blocking, counted = judgement.counts["blocking"], judgement.counts["counted"]
    assert judgement.sentence == f"Not ready: {blocking} of {counted} requirements are not met"
    assert len(judgement.open) == blocking
    assert all(row.sentence and row.fix for row in judgement.open)


def test_one_field_that_says_otherwise_closes_it_again(ready):
    ready.put("security_measures", {"open_critical": 3, "access_control": True, "ai_attacks_covered": True})
    result = ready.result("GDPR-32")
    assert (result.outcome, result.observed, result.required) == (
        "open",
        "critical findings open: 3",
        "critical findings open 0",
    )
    assert "security" in result.fix


def test_metric_below_its_limit_closes_it_and_names_the_evidence(ready):
    ready.measure(fairness={"min_impact_ratio": 0.76})
    result = ready.result("HOUSE-RATIO")
    assert (result.outcome, result.observed, result.required) == ("open", "0.76", "at least 0.80")
    assert result.evidence[0]["title"] == "Fairness"


def test_flagged_result_of_a_check_no_longer_counts(ready):
    row = ready.version.evidence.filter(check_key="fairness").latest("created_at")
    evidence.flag(row, reason="Wrong column.", actor=ready.validator)
    assert ready.result("HOUSE-RATIO").outcome == "unchecked"


def test_terms_that_ended_close_every_environment_and_name_the_dataset(ready):
    Dataset.objects.filter(name="applications").update(terms_end_on=timezone.now().date() - timedelta(days=1))
    result = ready.result("HOUSE-TERMS")
    assert result.outcome == "open"
    assert result.observed.startswith("applications ended ")
    assert ready.result("HOUSE-TERMS", environment=ready.staging).is_blocking


def test_terms_that_still_run_end_the_judgement_on_their_day(credit):
    day = timezone.now().date() + timedelta(days=3)
    Dataset.objects.filter(name="applications").update(terms_end_on=day)
    ends = services.assess(credit.version, credit.production).ends_at
    assert ends is not None
    assert ends.date() == day + timedelta(days=1)


def test_purpose_must_be_permitted_by_the_data(ready):
    Dataset.objects.filter(name="applications").update(permitted_purposes=["marketing"])
    result = ready.result("HOUSE-PURPOSE")
    assert (result.outcome, result.observed) == ("open", "not permitted: applications")


def test_data_that_nobody_registered_are_named(ready):
    stub = Dataset.objects.create(namespace="file://test", name="stray", is_governed=False)
    factories.link(ready.version, factories.dataset_version(stub), role="validate")
    result = ready.result("HOUSE-KNOWN")
    assert (result.outcome, result.observed) == ("open", "not registered: stray")


def test_unanswered_fact_asks_for_an_answer_and_blocks(ready):
    services.answer_facts(ready.use_case, facts={"use.profiling": None}, actor=ready.owner)
    ready.version.model.use_case.refresh_from_db()
    result = ready.result("GDPR-21")
    assert (result.outcome, result.is_blocking) == ("answer_needed", True)
    assert packs.facts()["use.profiling"]["question"].rstrip("?.") in result.sentence


def test_unconfirmed_tier_is_judged_strictly_and_blocks(credit):
    case = credit.use_case
    type(case).objects.filter(pk=case.pk).update(tier=None, proposed_tier=None)
    credit.version.model.use_case.refresh_from_db()
    judgement = services.assess(credit.version, credit.production)
    assert judgement.policy.policy.tier == 1
    assert next(row for row in judgement.results if row.id == "HOUSE-TIER").is_blocking


def test_target_that_does_not_beat_its_baseline_is_shown(ready):
    Kpi.objects.create(use_case=ready.use_case, name="auc", target=0.8, baseline_name="Rule book", baseline_value=0.81)
    result = ready.result("HOUSE-KPI")
    assert (result.outcome, result.observed, result.is_blocking) == ("open", "auc 0.793 against 0.81", False)
    Kpi.objects.filter(name="auc").update(baseline_value=0.7)
    assert ready.result("HOUSE-KPI").outcome == "satisfied"


def test_outside_production_only_what_protects_people_and_data_blocks(credit):
    judgement = services.assess(credit.version, credit.staging)
    assert {row.id for row in judgement.open} == {"HOUSE-IDENTIFIERS"}
    credit.measure()
    judgement = services.assess(credit.version, credit.staging)
    assert judgement.is_ready
    assert len(judgement.advised) > 20


def test_records_are_asked_for_step_by_step(credit):
    credit.show(stage="submit")
    credit.measure()
    assert services.assess(credit.version, credit.production, stage="submit").is_ready
    asked = {row.id for row in services.assess(credit.version, credit.production, stage="approve").open}
    assert asked == {"MIN-validation_report", "MIN-challenge_record", "MIN-findings_register"}
    at_gate = {row.id for row in services.assess(credit.version, credit.production).open} - asked
    assert at_gate == {"MIN-approval_record", "MIN-audit_trail", "GDPR-5.2"}


def test_reads_name_every_subject_whose_change_matters(credit):
    judgement = services.assess(credit.version, credit.production)
    state = credit.version.dataset_links.get().dataset_version
    assert judgement.reads == {
        credit.version.subject, credit.use_case.subject, credit.production.subject, "organisation:self",
        judgement.policy.policy.subject, state.subject,
    }  # fmt: skip


def test_every_change_that_a_judgement_reads_moves_an_epoch_it_names(credit):
    reads = services.assess(credit.version, credit.production).reads

    def moved(change):
        before = audit.epochs(reads)
        change()
        after = audit.epochs(reads)
        return {name for name in reads if after[name] > before[name]}

    data = Dataset.objects.get(name="applications")
    steward = factories.person("data_steward")
    assert moved(lambda: credit.put("risk_register", {"rights_risks": True})) == {credit.version.subject}
    answer = {"data.large_scale": True}
    assert moved(lambda: services.answer_facts(credit.use_case, facts=answer, actor=credit.owner)) == {
        credit.use_case.subject
    }
    states = {state.subject for state in data.versions.all()}
    terms = catalog.Terms(permitted_purposes=("credit",), terms_end_on=timezone.now().date() + timedelta(days=9))
    assert moved(lambda: catalog.change_terms(data, terms=terms, actor=steward)) == states
    head = factories.person("head_of_model_risk")
    assert moved(
        lambda: registry.change_environment(credit.production, name="Live", reason="Named better.", actor=head)
    ) == {credit.production.subject}
    assert moved(lambda: accounts.set_organisation_fact("org.size", "sme", actor=credit.risk)) == {"organisation:self"}


def test_stored_judgement_replays_to_the_same_results(ready):
    judgement = services.assess(ready.version, ready.production, store=True)
    row = Assessment.objects.get(pk=judgement.assessment.pk)
    assert [services.result_row(result) for result in services.replay(row)] == row.results
    assert row.reads == sorted(judgement.reads)
    assert row.digest == row.compute_digest()


def test_same_judgement_is_stored_once_and_a_changed_one_anew(ready):
    first = services.assess(ready.version, ready.production, store=True).assessment
    again = services.assess(ready.version, ready.production, store=True).assessment
    assert first.pk == again.pk
    ready.measure(fairness={"min_impact_ratio": 0.5})
    assert services.assess(ready.version, ready.production, store=True).assessment.pk != first.pk


def test_stored_judgement_never_changes(ready):
    row = services.assess(ready.version, ready.production, store=True).assessment
    with pytest.raises(TypeError):
        row.save()


def test_as_of_gives_the_judgement_as_it_was_made(ready):
    stored = services.assess(ready.version, ready.production, store=True).assessment
    ready.measure(fairness={"min_impact_ratio": 0.5})
    then = services.judged_as_of(ready.version, ready.production, stored.at + timedelta(microseconds=1), "gate")
    now = services.judged_as_of(ready.version, ready.production, None, "gate")
    assert (then["basis"], then["is_ready"]) == ("stored", True)
    assert (now["basis"], now["is_ready"]) == ("now", False)


def test_number_of_queries_does_not_grow_with_what_is_shown(credit):
    credit.state("risk_register", {"rights_risks": True})
    services.assess(credit.version, credit.production)
    with CaptureQueriesContext(connection) as bare:
        services.assess(credit.version, credit.production)
    credit.show()
    credit.measure()
    with CaptureQueriesContext(connection) as full:
        services.assess(credit.version, credit.production)
    assert len(full) <= len(bare), [query["sql"][:120] for query in full]
    assert len(full) <= 30


def test_loading_the_packs_again_changes_nothing(loaded):
    before = (Framework.objects.count(), PolicyVersion.objects.count())
    assert services.load_packs() == {"frameworks": 10, "policies": 0}
    assert (Framework.objects.count(), PolicyVersion.objects.count()) == before == (10, 8)


def test_needed_evidence_says_what_to_submit_and_who_supplies_it(credit):
    rows = {row.type: row for row in queries.needed_evidence(credit.version, credit.production)}
    screen = rows["prohibited_screen"]
    assert screen.fields == dict.fromkeys("abcdefgh", "no")
    assert screen.produced_by == "compliance"
    assert rows["intake_assessment"].fields.get("tier", 2) == 2
    assert rows["pii_scan"].computed_by == ["personal_data"]
    assert "MIN-pii_scan" in rows["pii_scan"].why
    assert rows["validation_report"].stage == "approve"
    assert rows["approval_record"].is_record


def test_a_judgement_of_the_past_is_made_from_facts_as_they_were(ready):
    before = services.assess(ready.version, ready.production)
    then = timezone.now()
    registry.answer_facts(
        ready.use_case, facts={"eu.ai_class": "prohibited", "use.profiling": False}, actor=ready.owner
    )
    dataset = ready.version.dataset_links.first().dataset_version.dataset
    steward = factories.person("data_steward")
    catalog.record_event(dataset, kind="faulty", reason="Rows were lost.", actor=steward)
    version = ready.version.__class__.objects.select_related("model__use_case").get(pk=ready.version.pk)
    now = services.assess(version, ready.production)
    judgement, basis = services.judgement_as_at(version, ready.production, then)
    assert basis == "reconstructed"
    assert now.digest != before.digest
    assert [(row.id, row.outcome, row.observed) for row in judgement.results] == [
        (row.id, row.outcome, row.observed) for row in before.results
    ]

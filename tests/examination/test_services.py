"""Traces, samples and requests, and what the log is told of them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.audit.models import Entry
from apps.audit.services import sequence_all
from apps.core.errors import Invalid, NotAllowed, NotFound, WrongState
from apps.examination import exporting, queries, services, tracing
from apps.registry.models import Deployment
from tests import factories


def test_a_trace_leads_from_what_runs_to_every_record_it_rests_on(decided, auditor):
    sequence_all()
    decision = decided.allowed[0]
    deployment = Deployment.objects.get(decision_id=decision.pk)
    trace = tracing.trace_of("deployment", deployment.pk, user=auditor)
    assert (trace.decision, trace.deployment, trace.version) == (decision, deployment, decided.version)
    assert {row.id for row in trace.evidence} == {row["id"] for row in decision.evidence}
    assert len(trace.signatures) > 0
    assert trace.manifest.digest == decision.approval["manifest"]
    assert trace.policy.digest == decision.policy_digest
    assert trace.changed == []
    assert {row.kind for row in trace.missing} <= {"evidence"}  # this world's evidence was put there without a word
    same = tracing.trace_of("decision", decision.pk, user=auditor)
    assert [row.id for row in same.links] == [row.id for row in trace.links]


def test_a_trace_shows_a_record_that_was_changed_behind_the_product(decided, auditor):
    item = decided.allowed[0].evidence[0]["id"]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE evidence_evidence DISABLE TRIGGER ALL")
        cursor.execute("UPDATE evidence_evidence SET summary = 'All is well.' WHERE id = %s", [item])
        cursor.execute("ALTER TABLE evidence_evidence ENABLE TRIGGER ALL")
    trace = tracing.trace_of("version", decided.version.pk, user=auditor)
    assert [row.id for row in trace.changed] == [item]
    assert "do not have the digest" in trace.sentence


def test_who_may_not_see_the_version_gets_no_trace(decided):
    with pytest.raises(NotFound):
        tracing.trace_of("decision", decided.allowed[0].pk, user=factories.person(username="stranger"))


def test_a_sample_is_kept_with_its_population_and_comes_out_the_same_again(decided, auditor):
    sample = services.draw_sample(title="First", size=3, least=1, seed="seed", actor=auditor)
    assert sample.population == 5
    strata = {(row["outcome"], row["tier"] != "none"): (row["population"], row["taken"]) for row in sample.strata}
    assert strata == {("allow", True): (3, 2), ("deny", False): (2, 1)}
    again = services.draw_sample(title="Second", size=3, least=1, seed="seed", actor=auditor)
    assert (again.chosen, again.population_digest) == (sample.chosen, sample.population_digest)
    repetition = queries.repetition_of(sample)
    assert repetition.is_same_population and repetition.is_same_choice
    assert Entry.objects.filter(verb="examination.sample_drawn").count() == 2
    with pytest.raises(TypeError):
        sample.save()


def test_a_seed_that_nobody_gave_is_stored(decided, auditor):
    assert len(services.draw_sample(title="First", size=1, actor=auditor).seed) == 32


def test_an_export_counts_what_it_holds(decided, auditor):
    sample = services.draw_sample(title="=1+1", size=4, seed="seed", actor=auditor)
    document = exporting.as_document(sample, "http://here")
    assert (document["totals"]["taken"], len(document["rows"]), document["totals"]["population"]) == (4, 4, 5)
    assert all(row["is_unchanged"] for row in document["rows"])
    assert "total,,,5,4" in exporting.as_csv(sample, "http://here").replace("\r", "")


def test_only_examiners_draw_and_ask(decided):
    developer = factories.person("developer")
    with pytest.raises(NotAllowed):
        services.draw_sample(title="No", size=1, actor=developer)
    with pytest.raises(NotAllowed):
        services.ask(title="No", text="No", due_on=timezone.localdate(), assigned_to=developer, actor=developer)
    assert list(queries.samples_for(factories.person("developer", use_case="x"))) == []


def test_a_population_without_decisions_is_refused(db, auditor):
    with pytest.raises(Invalid):
        services.draw_sample(title="None", size=1, actor=auditor)


@pytest.fixture
def asked(db, auditor):
    owner = factories.person("model_owner", username="owner")
    due_on = timezone.localdate() + timedelta(days=3)
    return services.ask(title="Minutes", text="Of May.", due_on=due_on, assigned_to=owner, actor=auditor)


def test_a_request_is_answered_returned_and_accepted(asked, auditor):
    owner = asked.assigned_to
    with pytest.raises(WrongState):
        services.accept_answer(asked, actor=auditor)
    with pytest.raises(Invalid):
        services.answer(asked, actor=owner)
    services.answer(asked, text="Here.", link="https://files.example/m.pdf", actor=owner)
    services.return_answer(asked, reason="Page 3 is missing.", actor=auditor)
    services.answer(asked, text="With page 3.", actor=owner)
    done = services.accept_answer(asked, actor=auditor)
    assert (done.state, done.accepted_by, done.answers.count()) == ("accepted", auditor, 2)
    verbs = list(Entry.objects.filter(subject=asked.subject).order_by("at").values_list("verb", flat=True))
    assert [verb.partition(".")[2] for verb in verbs] == [
        "requested", "answered", "answer_returned", "answered", "answer_accepted",
    ]  # fmt: skip
    with pytest.raises(WrongState):
        services.answer(asked, text="More.", actor=owner)


def test_nobody_but_the_person_asked_answers_and_nobody_accepts_their_own(asked, auditor):
    with pytest.raises(NotAllowed):
        services.answer(asked, text="Here.", actor=auditor)
    services.answer(asked, text="Here.", actor=asked.assigned_to)
    with pytest.raises(NotAllowed):
        services.accept_answer(asked, actor=asked.assigned_to)
    with pytest.raises(NotAllowed):
        services.accept_answer(asked, actor=factories.person("compliance"))


def test_an_unanswered_request_is_overdue_after_its_day(asked):
    assert not asked.is_overdue(asked.due_on)
    assert asked.is_overdue(asked.due_on + timedelta(days=1))
    type(asked).objects.filter(pk=asked.pk).update(due_on=timezone.localdate() - timedelta(days=1))
    rows = queries.requests_in(queries.requests_for(asked.asked_by), "overdue")
    assert list(rows) == [asked]


def test_what_was_read_and_downloaded_is_listed_from_the_log(decided, auditor):
    sample = services.draw_sample(title="First", size=1, actor=auditor)
    services.note_export(sample, kind="csv", actor=auditor)
    services.note_reading(decided.allowed[0], about="decision", actor=auditor)
    assert [entry.verb for entry in queries.readings(auditor)] == [
        "examination.trace_read", "examination.sample_exported",
    ]  # fmt: skip

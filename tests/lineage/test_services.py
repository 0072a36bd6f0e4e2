"""Taking in, setting aside, replaying, rebuilding, and what people state by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.utils import timezone

from apps.audit import queries as audit
from apps.audit.models import Entry
from apps.audit.services import system
from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.core.errors import NotAllowed
from apps.lineage import openlineage, queries, services
from apps.lineage.models import Delivery, Edge, Event, EventState, Facet, Run
from apps.lineage.queries.export import digest
from apps.lineage.services import projection
from apps.lineage.services.intake import store
from tests import factories
from tests.lineage.conftest import (
    columns,
    credit_events,
    credit_version,
    dataset,
    dataset_event,
    facet,
    job_event,
    lineage_of,
    project,
    raw,
    run_event,
    source,
    way,
)

pytestmark = pytest.mark.django_db


def take(*events: Any) -> list[str]:
    """Store without projecting."""
    now = timezone.now()
    return store([openlineage.read(raw(event), now=now) for event in events], actor=system("lineage"), at=now)


def pairs(**more: Any) -> set[tuple[str, str]]:
    """The current edges by name."""
    return set(Edge.objects.current(**more).values_list("source__name", "target__name"))


def test_a_delivery_binds_its_events_into_the_log() -> None:
    take(run_event("START"), run_event("COMPLETE"), run_event("START"))
    delivery = Delivery.objects.get()
    assert delivery.events == list(Event.objects.order_by("id").values_list("digest", flat=True))
    entry = Entry.objects.get(verb="lineage.received")
    assert (entry.row, entry.row_digest) == (f"lineage.delivery:{delivery.pk}", delivery.digest)
    assert all(event.compute_digest() == event.digest for event in Event.objects.all())


def test_an_event_is_never_changed() -> None:
    take(run_event())
    with (
        pytest.raises((InternalError, ProgrammingError, IntegrityError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE lineage_event SET body = 'x'")


def test_a_bad_event_is_set_aside_and_harms_no_other() -> None:
    take(run_event(outputs=[dataset("x")], inputs=[dataset("a")]))
    good = Event.objects.get()
    bad = Event(digest="sha256:bad", delivery=good.delivery, kind="run", event_at=timezone.now(), body=b"broken")
    Event.objects.bulk_create([bad])
    EventState.objects.create(event=bad)
    services.project_waiting()
    assert EventState.objects.get(event=good).state == "projected"
    aside = EventState.objects.get(event=bad)
    assert aside.state == "quarantined" and "JSON" in aside.reason
    assert services.replay(actor=factories.person("data_steward")) == 1
    assert EventState.objects.get(event=bad).state == "received"


def test_replaying_needs_a_role() -> None:
    with pytest.raises(NotAllowed):
        services.replay(actor=factories.person("developer"))


def test_a_rebuild_gives_the_same_graph() -> None:
    project(*credit_events())
    before = digest()
    call_command("lineage_rebuild")
    assert digest() == before
    assert Run.objects.count() == 2


def test_what_people_stated_survives_a_rebuild() -> None:
    project(*credit_events())
    balances, features = (Dataset.objects.get(name=name) for name in ("balances", "features"))
    steward = factories.person("data_steward")
    services.declare_edge(features, balances, columns=[], description="By mail", actor=steward)
    services.rebuild()
    assert ("features", "balances") in pairs()


def test_an_auditor_declares_nothing() -> None:
    first, second = factories.dataset(), factories.dataset()
    with pytest.raises(NotAllowed):
        services.declare_edge(first, second, columns=[], description="", actor=factories.person("auditor"))


def test_new_origins_make_judgements_be_made_again() -> None:
    project(*credit_events())
    version = credit_version()
    state = DatasetVersion.objects.get(dataset__name="features", key="12")
    before = audit.epochs([state.subject])[state.subject]
    other = run_event(run="x", job="other", inputs=[dataset("secret")], outputs=[dataset("features")])
    project(other)
    assert audit.epochs([state.subject])[state.subject] > before
    again = run_event(
        run="y", job="other", at="2026-02-02T00:00:00Z", inputs=[dataset("secret")], outputs=[dataset("features")]
    )
    settled = audit.epochs([state.subject])[state.subject]
    project(again)
    assert audit.epochs([state.subject])[state.subject] == settled
    assert version.subject.startswith("model_version:")


def test_a_training_run_touches_its_version() -> None:
    version = credit_version()
    before = audit.epochs([version.subject])[version.subject]
    project(*credit_events())
    assert audit.epochs([version.subject])[version.subject] > before


def test_an_edge_is_retired_after_three_runs_without_it() -> None:
    def build(number: int, *inputs: str) -> dict[str, Any]:
        at = f"2026-02-0{number}T08:00:00Z"
        return run_event(run=f"r{number}", at=at, inputs=[dataset(name) for name in inputs], outputs=[dataset("x")])

    project(build(1, "a", "b"), build(2, "a"), build(3, "a"))
    assert ("b", "x") in pairs()
    project(build(4, "a"))
    assert ("b", "x") not in pairs() and ("a", "x") in pairs()
    assert ("b", "x") in pairs(as_of=openlineage.parse_time("2026-02-03T12:00:00Z")[0])


def test_a_failed_run_is_evidence_but_no_edge() -> None:
    project(run_event("FAIL", inputs=[dataset("a")], outputs=[dataset("x")]))
    assert pairs() == set()
    assert Edge.objects.count() == 1


def test_one_run_id_under_two_jobs_is_two_runs() -> None:
    project(run_event(job="one"), run_event(job="two"))
    assert Run.objects.count() == 2
    assert all("shared_run_id" in run.notes for run in Run.objects.all())


def test_a_later_design_replaces_the_earlier_one() -> None:
    first = job_event(at="2026-02-01T00:00:00Z", inputs=[dataset("a")], outputs=[dataset("x")])
    second = job_event(at="2026-02-02T00:00:00Z", inputs=[dataset("b")], outputs=[dataset("x")])
    project(second, first)
    assert pairs() == {("b", "x")}
    assert pairs(as_of=openlineage.parse_time("2026-02-01T12:00:00Z")[0]) == {("a", "x")}


def test_a_dataset_may_declare_its_own_columns() -> None:
    facets = lineage_of(x=[source("a", "x", way())])
    project(dataset_event(dataset("b", columnLineage=facets, schema=columns("x"))))
    assert set(Edge.objects.values_list("basis", flat=True)) == {"declared"}


def test_column_lineage_of_an_unknown_column_of_an_unknown_dataset_is_kept() -> None:
    project(run_event(outputs=[dataset("b", columnLineage=lineage_of(x=[source("never_seen", "y", way())]))]))
    assert Field.objects.filter(dataset__name="never_seen", path="y").exists()
    assert Field.objects.filter(dataset__name="b", path="x").exists()
    assert pairs() == {("never_seen", "b")}


def test_an_unreadable_facet_is_marked_and_its_event_kept() -> None:
    project(run_event(outputs=[dataset("b", schema=facet(fields="none"), my_own=facet(anything=[1]))]))
    found = dict(Facet.objects.filter(place="dataset").values_list("name", "status"))
    assert found == {"schema": "invalid", "my_own": "unknown"}


def test_what_may_hold_secrets_is_not_copied() -> None:
    secret = facet(environmentVariables=[{"name": "PASSWORD", "value": "x"}])
    project(run_event(run_facets={"environmentVariables": secret}))
    assert Facet.objects.get(name="environmentVariables").body == ""


def test_the_newest_schema_gives_the_types() -> None:
    def shaped(kind: str, at: str) -> dict[str, Any]:
        schema = facet(fields=[{"name": "x", "type": kind}])
        return dataset_event(dataset("t", schema=schema), at=at)

    project(shaped("INT", "2026-02-02T00:00:00Z"), shaped("TEXT", "2026-02-01T00:00:00Z"))
    assert Field.objects.get(dataset__name="t", path="x").type == "INT"


def test_a_second_projector_leaves_the_work_to_the_first() -> None:
    take(run_event())
    first = connection.copy()
    try:
        with first.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [projection.LOCK])
        assert projection.project_batch() is None
    finally:
        first.close()
    assert EventState.objects.get().state == "received"
    assert projection.project_batch(wait=5.0) == 1


def test_graph_and_impact_of_a_dropped_column_stay_answerable() -> None:
    project(*credit_events())
    node = queries.find_node("datasetField:postgres://warehouse:5432:customers:sex", user=None)
    assert queries.impact(node).completeness.is_known

"""The projection on a real database: what events mean, whatever their order."""

from __future__ import annotations

import random

import pytest
from django.utils import timezone

from apps.audit.services import system
from apps.lineage import openlineage, services
from apps.lineage.models import Edge, Event, EventState, FieldEdge
from apps.lineage.queries.export import export
from apps.lineage.services.intake import store
from tests.lineage.conftest import corpus_events, needs_corpus

pytestmark = pytest.mark.django_db


def take(bodies: list[bytes]) -> int:
    """Store every event that the core accepts, then project; answers with how many those were."""
    good = []
    for body in bodies:
        try:
            good.append(openlineage.read(body, now=timezone.now()))
        except openlineage.Malformed:
            continue
    for start in range(0, len(good), 50):
        store(good[start : start + 50], actor=system("lineage"), at=timezone.now())
    services.project_waiting()
    return len({event.digest for event in good})


@needs_corpus
@pytest.mark.parametrize("folder", ["generated", "real", "filled"])
def test_every_valid_event_of_the_corpus_is_projected(folder: str) -> None:
    count = take(corpus_events(folder))
    assert Event.objects.count() == count
    aside = list(EventState.objects.exclude(state="projected").values_list("state", "reason"))
    assert aside == []
    assert Edge.objects.exists()
    assert FieldEdge.objects.exists()


@needs_corpus
def test_shuffled_and_doubled_replay_gives_the_same_bytes() -> None:
    bodies = corpus_events("generated", "real")
    take(bodies)
    first = export()
    shuffler = random.Random(7)
    for _ in range(3):
        doubled = [*bodies, *bodies]
        shuffler.shuffle(doubled)
        Event.objects.all()
        with_rebuild(doubled)
        assert export() == first


def with_rebuild(bodies: list[bytes]) -> None:
    """Start over with these events in this order."""
    from django.db import connection

    tables = (
        "lineage_edgerun lineage_fieldedgerun lineage_edge lineage_fieldedge lineage_facet lineage_runio"
        " lineage_declaration lineage_run lineage_job lineage_namealias lineage_eventstate lineage_event lineage_delivery"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("lineage_event", "lineage_delivery"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for table in tables.split():
            cursor.execute(f"DELETE FROM {table}")
        for table in ("lineage_event", "lineage_delivery"):
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keep")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    for body in bodies:
        try:
            event = openlineage.read(body, now=timezone.now())
        except openlineage.Malformed:
            continue
        store([event], actor=system("lineage"), at=timezone.now())
    services.project_waiting()

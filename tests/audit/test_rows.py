"""Immutable rows of other apps: what the log bound, `verify --database` finds changed, gone or slipped in."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.audit import immutable, services
from apps.audit.export import record_file
from apps.audit.models import Entry, Verdict
from apps.audit.rows import immutable_models
from apps.audit.verification import verify_database
from apps.core.models import Immutable, uuid7
from apps.evidence.models import Evidence, Source
from apps.lineage import openlineage
from apps.lineage.services.intake import store
from apps.registry.models import Involvement, ModelVersion
from tests import factories

MODELS = immutable_models()


@pytest.fixture
def registered(db: None) -> ModelVersion:
    """A version, registered through its service and placed in the log."""
    version = factories.version()
    services.sequence_all()
    services.sign_checkpoint()
    return version


def sentences(run: Any) -> list[str]:
    return [finding["sentence"] for finding in run.findings]


def test_untouched_rows_are_verified(registered: ModelVersion) -> None:
    run = services.verify_database()
    assert (run.verdict, run.findings) == (Verdict.VALID, [])
    assert run.rows >= 2
    assert Entry.objects.get(verb="registry.version_registered").row_digest == registered.digest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE registry_modelversion SET reason_note = reason_note || 'x'", "does not have the digest it carries"),
        (
            "UPDATE registry_modelversion SET digest = 'sha256:' || repeat('0', 64)",
            "does not have the digest it carries",
        ),
        ("UPDATE registry_modelversion SET training = '{{\"seed\": 1}}'", "does not have the digest it carries"),
        (
            "UPDATE registry_involvement SET created_at = created_at - interval '1 microsecond'",
            "log holds the digest of",
        ),
        ("DELETE FROM registry_involvement", "is no longer there"),
    ],
)
def test_a_changed_or_removed_row_is_found(
    registered: ModelVersion, tamper: Callable[..., None], change: str, sentence: str
) -> None:
    tamper(change.replace("{{", "{").replace("}}", "}"))
    run = services.verify_database()
    assert run.verdict == Verdict.TAMPERED
    assert sentence in " ".join(sentences(run))


def test_a_row_changed_together_with_its_digest_is_found_by_the_log(
    registered: ModelVersion, tamper: Callable[..., None]
) -> None:
    registered.reason_note = "Another note"
    digest = registered.compute_digest()
    tamper(f"UPDATE registry_modelversion SET reason_note = 'Another note', digest = '{digest}'")
    assert sentences(services.verify_database()) == [
        "The model version is not the one that the log holds the digest of."
    ]


def test_a_row_slipped_in_without_an_entry_is_found(registered: ModelVersion) -> None:
    with transaction.atomic():
        other = factories.person("validator")
        Involvement(version=registered, user=other, capacity=Involvement.Capacity.VALIDATED).save()
    assert sentences(services.verify_database()) == ["There is a involvement that no entry of the log knows."]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE lineage_event SET kind = 'job'", "The event does not have the digest it carries."),
        ("UPDATE lineage_event SET event_type = 'FAIL'", "The event does not have the digest it carries."),
        ("UPDATE lineage_event SET event_at = event_at - interval '1 day'", "The event does not have the digest"),
        ("UPDATE lineage_event SET marks = 'future'", "The event does not have the digest it carries."),
        ("UPDATE lineage_event SET run_id = ''", "The event does not have the digest it carries."),
        ("UPDATE lineage_event SET body = '{}'", "The event does not have the digest it carries."),
        ("UPDATE lineage_event SET created_at = created_at - interval '1 day'", "not one that its delivery brought"),
        (
            "UPDATE lineage_event SET delivery_id = (SELECT max(id::text)::uuid FROM lineage_delivery)",
            "not one that its delivery brought",
        ),
        (
            "DELETE FROM lineage_eventstate; DELETE FROM lineage_event",
            "1 of the events that the delivery brought are no longer there.",
        ),
    ],
)
def test_an_event_that_its_delivery_does_not_vouch_for_is_found(
    db: None, tamper: Callable[..., None], change: str, sentence: str
) -> None:
    for place in range(2):
        body = {
            "eventTime": "2026-01-05T06:00:00Z",
            "producer": "https://example.org/scheduler",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "eventType": "COMPLETE",
            "run": {"runId": str(uuid7())},
            "job": {"namespace": "scheduler", "name": f"daily_{place}"},
        }
        raw, now = json.dumps(body).encode(), timezone.now()
        store([openlineage.read(raw, now=now)], actor=services.system("tests"), at=now)
    services.sequence_all()
    assert sentences(services.verify_database()) == []
    tamper(change)
    assert sentence in " ".join(sentences(services.verify_database()))


def test_a_row_must_be_saved_before_it_is_bound(registered: ModelVersion) -> None:
    fresh = Involvement(id=uuid7(), version=registered, user=registered.created_by, capacity="owns")
    with pytest.raises(ValueError, match="after it is saved"), transaction.atomic():
        services.record(services.system("tests"), "tests.happened", "model:a", row=fresh)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_every_column_of_an_immutable_row_is_under_its_digest(model: type[Immutable]) -> None:
    """A column that content() leaves out could be changed without a trace (the log itself holds created_at)."""
    source = inspect.getsource(model.content)
    left_out = [
        field.name
        for field in model._meta.concrete_fields
        if field.name not in source and field.attname not in source and "self.columns()" not in source
    ]
    assert [name for name in left_out if name not in {"id", "digest", "created_at"} | model.unbound] == []


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_every_immutable_table_refuses_change(model: type[Immutable]) -> None:
    assert immutable.weaknesses([model._meta.db_table]) == []


@pytest.mark.django_db
def test_every_append_only_table_exists() -> None:
    tables = set(connection.introspection.table_names())
    assert [table for table in immutable.protected_tables() if table not in tables] == []


@pytest.mark.django_db
def test_numbers_beyond_2_to_the_53_come_back_from_the_database_with_their_digest() -> None:
    version = factories.version()
    metrics = [{"value": value} for value in (1e15, 1e16, -2.54606e20, 1e30, 1.5e300, 5e-324, 123456789012345680.0)]
    with transaction.atomic():
        item = Evidence(
            version=version, use_case=version.use_case, types={}, check_key="sums", source=Source.COMPUTED, title="Sums",
            summary="Large.", dated=timezone.now().date(), metrics=metrics, tables=[], figures=[], limits=[], method={},
        )  # fmt: skip
        item.save()
        services.record(services.system("evidence"), "evidence.computed", item, row=item)
    again = Evidence.objects.get(pk=item.pk)
    assert again.compute_digest() == item.digest
    assert not [found for found in verify_database().findings if found["subject"] == f"evidence.evidence:{item.pk}"]
    assert record_file(again) == record_file(item)

"""The catalog: what lineage makes known, what people declare, and whose judgements each change reaches."""

import threading
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.audit.queries import epochs
from apps.catalog import services
from apps.catalog.models import Dataset, DatasetEvent, DatasetVersion, Field
from apps.catalog.services import FieldDeclaration, Terms
from apps.core.errors import Conflict, Invalid, NotAllowed
from tests import factories as make

pytestmark = pytest.mark.django_db
TERMS = Terms(terms="Contract 7", permitted_purposes=("credit scoring",), terms_end_on=date(2030, 1, 1))


def epoch(version: DatasetVersion) -> int:
    """The epoch of a dataset version."""
    return epochs([version.subject]).get(version.subject, 0)


def test_a_dataset_that_lineage_names_becomes_known_ungoverned_and_only_once() -> None:
    first = services.ensure_dataset("postgres://h:5432", "a.b")
    assert services.ensure_dataset("postgres://h:5432", "a.b") == first
    assert not first.is_governed
    assert Entry.objects.filter(verb="catalog.dataset_seen").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_callers_at_once_make_one_dataset() -> None:
    found: list[Dataset] = []

    def ask() -> None:
        found.append(services.ensure_dataset("file://x", "same"))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({row.pk for row in found}) == 1 and len(found) == 6
    assert Dataset.objects.filter(name="same").count() == 1


def test_registering_a_known_dataset_makes_it_governed_and_twice_is_a_conflict() -> None:
    steward = make.person("data_steward")
    stub = services.ensure_dataset("file://x", "a")
    dataset = services.register_dataset("file://x", "a", terms=TERMS, actor=steward)
    assert dataset.pk == stub.pk and dataset.is_governed and dataset.owner == steward
    assert dataset.permitted_purposes == ["credit scoring"]
    with pytest.raises(Conflict, match="registered already"):
        services.register_dataset("file://x", "a", actor=steward)


def test_an_auditor_registers_nothing() -> None:
    with pytest.raises(NotAllowed, match="change nothing"):
        services.register_dataset("file://x", "a", actor=make.person("auditor"))


def test_a_version_is_filled_in_but_its_bytes_never_change() -> None:
    dataset = make.dataset()
    version = services.ensure_version(dataset, "1", origin="run")
    services.ensure_version(dataset, "1", origin="run", sha256="a" * 64, rows=10)
    version.refresh_from_db()
    assert (version.sha256, version.rows) == ("a" * 64, 10)
    assert epoch(version) == 1
    with pytest.raises(Conflict, match="another version"):
        services.ensure_version(dataset, "1", origin="run", sha256="b" * 64)


def test_new_columns_are_not_classified_and_raise_the_epoch_of_every_version() -> None:
    dataset = make.dataset()
    versions = [make.dataset_version(dataset, key) for key in ("1", "2")]
    rows = services.ensure_fields(dataset, [("age", "int", 0), ("sex", "string", 1)])
    assert [row.classification for row in rows] == ["unclassified", "unclassified"]
    assert [epoch(version) for version in versions] == [1, 1]
    services.ensure_fields(dataset, [("age", "bigint", 0), ("sex", "string", 1)])
    assert Field.objects.get(dataset=dataset, path="age").type == "bigint"
    assert [epoch(version) for version in versions] == [1, 1]


def test_a_wide_dataset_with_many_versions_still_fits_the_log() -> None:
    dataset = make.dataset()
    rows = [DatasetVersion(dataset=dataset, key=str(n), origin="run") for n in range(900)]
    DatasetVersion.objects.bulk_create(rows)
    services.ensure_fields(dataset, [(f"a_rather_long_column_name_{n}", "string", n) for n in range(3000)])
    assert {epoch(row) for row in (rows[0], rows[450], rows[-1])} == {1}
    assert Entry.objects.filter(verb="catalog.fields_seen").count() == 3


def test_the_owner_or_a_steward_declares_fields_and_a_developer_does_not() -> None:
    dataset = make.dataset(fields=("sex",), owner=make.person("developer"))
    said = [FieldDeclaration("sex", classification="personal", protected=True, privileged="male")]
    with pytest.raises(NotAllowed, match="owner of the dataset"):
        services.declare_fields(dataset, fields=said, actor=make.person("developer"))
    services.declare_fields(dataset, fields=said, actor=make.person("privacy_officer", use_case="credit"))
    row = Field.objects.get(dataset=dataset)
    assert (row.classification, row.is_protected, row.privileged, row.is_declared) == ("personal", True, "male", True)


def test_a_declaration_bumps_versions_once_and_repeating_it_changes_nothing() -> None:
    steward, dataset = make.person("data_steward"), make.dataset(fields=("sex",))
    version = make.dataset_version(dataset)
    said = [FieldDeclaration("sex", classification="personal")]
    services.declare_fields(dataset, fields=said, actor=steward)
    services.declare_fields(dataset, fields=said, actor=steward)
    assert epoch(version) == 1
    services.declare_fields(dataset, fields=[FieldDeclaration("sex", protected=True)], actor=steward)
    assert Field.objects.get(dataset=dataset).classification == "personal"


def test_declaring_a_column_twice_or_with_an_unknown_class_is_refused_with_pointers() -> None:
    said = [FieldDeclaration("a", classification="secret"), FieldDeclaration("a")]
    with pytest.raises(Invalid) as refused:
        services.declare_fields(make.dataset(), fields=said, actor=make.person("data_steward"))
    assert [error["pointer"] for error in refused.value.errors] == ["/fields/0/classification", "/fields/1/name"]


def test_changed_terms_bump_every_version_and_same_terms_do_not() -> None:
    steward, dataset = make.person("data_steward"), make.dataset()
    version = make.dataset_version(dataset)
    services.change_terms(dataset, terms=TERMS, actor=steward)
    services.change_terms(dataset, terms=Terms("Contract 7", ["credit scoring"], date(2030, 1, 1)), actor=steward)
    assert epoch(version) == 1
    entry = Entry.objects.get(verb="catalog.terms_changed")
    assert b"2030-01-01" in bytes(entry.body)


def test_terms_are_over_the_day_after_their_end() -> None:
    today = timezone.now().date()
    assert not make.dataset(terms_end_on=today).terms_have_ended(today)
    assert make.dataset(terms_end_on=today).terms_have_ended(today + timedelta(days=1))
    assert make.dataset(state="withdrawn").terms_have_ended(today)


def test_an_event_changes_the_dataset_bumps_its_versions_and_binds_its_row() -> None:
    steward, dataset = make.person("data_steward"), make.dataset(fields=("iban", "age"))
    version = make.dataset_version(dataset)
    event = services.record_event(
        dataset, kind="reclassified", fields=["iban"], classification="identifier", reason="It is one", actor=steward
    )
    assert Field.objects.get(dataset=dataset, path="iban").classification == "identifier"
    assert Entry.objects.get(verb="catalog.event_recorded").row_digest == event.digest
    services.record_event(dataset, kind="terms_ended", reason="Contract ended", actor=steward)
    dataset.refresh_from_db()
    assert dataset.state == "terms_ended" and epoch(version) == 2


@pytest.mark.parametrize("wrong", [
    {"kind": "burnt"},
    {"kind": "reclassified"},
    {"kind": "faulty", "fields": ["nowhere"]},
    {"kind": "faulty", "classification": "none"},
])  # fmt: skip
def test_an_event_that_makes_no_sense_is_refused_and_changes_nothing(wrong: dict[str, object]) -> None:
    dataset = make.dataset()
    with pytest.raises(Invalid):
        services.record_event(dataset, reason="x", actor=make.person("data_steward"), **wrong)  # type: ignore[arg-type]
    assert not DatasetEvent.objects.exists()


def test_events_cannot_be_changed_or_deleted_in_the_database() -> None:
    dataset = make.dataset()
    services.record_event(dataset, kind="faulty", reason="x", actor=make.person("data_steward"))
    for statement in ("UPDATE catalog_datasetevent SET reason = 'y'", "DELETE FROM catalog_datasetevent"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_everyone_with_a_role_sees_the_catalog_and_others_only_what_they_own() -> None:
    alone = make.person()
    own = make.dataset(owner=alone)
    make.dataset()
    assert list(Dataset.objects.visible_to(alone)) == [own]
    assert Dataset.objects.visible_to(make.person("developer", use_case="credit")).count() == 2

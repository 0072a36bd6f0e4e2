"""The application's database role uses tables, owns none, and cannot change what only grows."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts import services as accounts
from apps.accounts.models import PersonalKey
from apps.accounts.queries import openings
from apps.audit.models import Entry
from apps.config import roles
from apps.registry.models import ModelVersion, UseCase
from tests import factories


@pytest.fixture
def as_application(db: None) -> Any:
    """A version exists, and what follows happens as the role `app`."""
    version = factories.version()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE app")
    return version


def refused(statement: str) -> str:
    """What PostgreSQL says to this statement."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return str(caught.value)


def test_rows_that_only_grow_are_found_by_their_triggers(db: None) -> None:
    with connection.cursor() as cursor:
        guarded = {table: only_grows for table, _, only_grows in roles.guarded_tables(cursor)}
    assert guarded[Entry._meta.db_table] and guarded[ModelVersion._meta.db_table]
    assert UseCase._meta.db_table not in guarded
    assert guarded["accounts_personalkey"] is False and guarded["accounts_personalvalue"] is False


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET verb = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry CASCADE"]
)
def test_the_application_may_not_touch_an_entry(as_application: ModelVersion, statement: str) -> None:
    assert "permission denied" in refused(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "DROP TABLE audit_entry CASCADE",
        "CREATE TABLE mine (a int)",
        "DELETE FROM django_migrations",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_changes_no_table(as_application: ModelVersion, statement: str) -> None:
    assert "must be owner" in (said := refused(statement)) or "permission denied" in said


def test_the_application_can_lock_a_version_and_not_change_it(as_application: ModelVersion) -> None:
    with transaction.atomic():
        assert ModelVersion.objects.select_for_update().get(pk=as_application.pk) == as_application
    assert "permission denied" in refused("UPDATE registry_modelversion SET version = 'other'")
    assert refused(f"UPDATE registry_modelversion SET id = id WHERE id = '{as_application.pk}'")


def test_the_application_erases_a_person_and_changes_no_name_in_the_vault(as_application: ModelVersion) -> None:
    leaver, privacy, compliance = (factories.person(role) for role in ("developer", "privacy_officer", "compliance"))
    with transaction.atomic():
        commitment = accounts.commit_name(leaver)
    for table in ("accounts_personalkey", "accounts_personalvalue"):
        assert "vault: DELETE" in refused(f"DELETE FROM {table}")
        assert "permission denied" in refused(f"UPDATE {table} SET user_id = '{privacy.pk}'")
        assert "permission denied" in refused(f"TRUNCATE {table} CASCADE")
    accounts.erase_person(leaver, basis="asked", reason="Request 17", approver=compliance, actor=privacy)
    assert openings([commitment]) == {} and not PersonalKey.objects.exists()


def test_the_application_owns_nothing(as_application: ModelVersion) -> None:
    with connection.cursor() as cursor:
        assert roles.owned_tables(cursor) == []


def test_the_application_works(as_application: ModelVersion) -> None:
    case = UseCase.objects.get(pk=as_application.use_case.pk)
    case.title = "Another title"
    case.save(update_fields=["title"])
    assert Entry.objects.filter(subject=as_application.subject).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tests_with_commits_leave_an_empty_database_whose_guards_still_stand(turn: int) -> None:
    assert not ModelVersion.objects.exists()
    factories.version()
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM registry_modelversion")

"""Append-only tables refuse change, whoever asks."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit import immutable
from apps.audit.models import Checkpoint, Entry, Leaf

pytestmark = pytest.mark.django_db

TABLES = ["audit_entry", "audit_leaf", "audit_checkpoint", "audit_key"]
STATEMENTS = [
    "UPDATE {0} SET {1} = {1}",
    "DELETE FROM {0}",
    "TRUNCATE {0} CASCADE",
    "WITH gone AS (DELETE FROM {0} RETURNING 1) SELECT count(*) FROM gone",
    "MERGE INTO {0} t USING (SELECT ctid AS place FROM {0}) s ON t.ctid = s.place WHEN MATCHED THEN DELETE",
    "MERGE INTO {0} t USING (SELECT ctid AS place FROM {0}) s ON t.ctid = s.place WHEN MATCHED THEN UPDATE SET {1} = t.{1}",
]
COLUMN = {"audit_entry": "body", "audit_leaf": "hash", "audit_checkpoint": "root", "audit_key": "vkey"}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_change_is_refused_even_to_the_owner_and_to_replication(
    grow: Callable[[int], Checkpoint], table: str, statement: str, role: str
) -> None:
    grow(2)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(f"SET LOCAL session_replication_role = {role}")
            cursor.execute(statement.format(table, COLUMN[table]))
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] > 0


def test_an_upsert_is_refused(grow: Callable[[int], Checkpoint]) -> None:
    grow(1)
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        cursor.execute(
            "INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint ON CONFLICT (size) DO UPDATE SET note = 'x'"
        )


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_are_copied_in_replace_none_that_is_there(grow: Callable[[int], Checkpoint], table: str) -> None:
    grow(2)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with cursor.copy(f"COPY {table} TO STDOUT") as rows:
            content = b"".join(bytes(row) for row in rows)
        with pytest.raises(psycopg.errors.UniqueViolation), transaction.atomic():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(content)
        with cursor.copy(f"COPY {table} TO STDOUT") as rows:
            assert b"".join(bytes(row) for row in rows) == content


def test_python_refuses_before_the_database_does(grow: Callable[[int], Checkpoint]) -> None:
    grow(1)
    for rows in (Entry.objects.all(), Leaf.objects.all()):
        with pytest.raises(TypeError):
            rows.update(subject="model:b")
        with pytest.raises(TypeError):
            rows.delete()


def test_every_table_that_a_migration_declares_append_only_is(db: None) -> None:
    tables = immutable.protected_tables()
    assert set(TABLES) <= set(tables)
    assert immutable.weaknesses(tables) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_keep",
        "ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_keep_all",
        "DROP TRIGGER audit_entry_keep ON audit_entry",
        "DROP TRIGGER audit_entry_keep ON audit_entry; CREATE TRIGGER audit_entry_keep BEFORE UPDATE OF verb OR DELETE"
        " ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_refuse();"
        "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_keep",
        "DROP TRIGGER audit_entry_keep ON audit_entry; CREATE TRIGGER audit_entry_keep BEFORE UPDATE OR DELETE"
        " ON audit_entry FOR EACH ROW WHEN (OLD.verb = '') EXECUTE FUNCTION audit_refuse();"
        "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_keep",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ],
)
def test_a_trigger_that_is_not_as_shipped_is_named(db: None, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
    found: list[Any] = immutable.weaknesses(["audit_entry", "audit_leaf"])
    assert len(found) == 1
    assert found[0][0] in {"audit_entry", "audit_refuse"}

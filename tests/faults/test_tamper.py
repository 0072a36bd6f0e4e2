"""One byte of any column of an entry, evidence, signature or decision: refused; with the triggers off, found and shown.

The other half (the log's own tables, rows that are gone or slipped in) stands in tests/audit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import Error, IntegrityError, connection, models, transaction

from apps.audit import services as audit
from apps.audit.models import Entry, Verdict, VerificationRun
from apps.audit.rows import read_rows
from apps.core.models import Immutable
from apps.dossiers.verifier.verdict import TAMPERED
from apps.evidence import services as evidence
from apps.evidence.catalogue import catalogue
from tests import factories
from tests.gate.conftest import ask
from tests.workflow.conftest import World

TABLES = (
    "evidence.evidence",
    "evidence.evidencemark",
    "workflow.signature",
    "workflow.manifest",
    "gate.decision",
    "policy.assessment",
)
FIRST_LETTER = """
CASE WHEN COALESCE({column}, '') = '' THEN 'x'
ELSE overlay({column} placing CASE WHEN left({column}, 1) = 'x' THEN 'y' ELSE 'x' END from 1 for 1) END
"""
OTHER_ID = """
COALESCE(overlay({column}::text placing CASE right({column}::text, 2) WHEN 'f0' THEN 'f1' ELSE 'f0' END from 35)::uuid, gen_random_uuid())
"""
OTHER = {
    models.BooleanField: "NOT {column}",
    models.IntegerField: "COALESCE({column}, 0) + 1",
    models.DateTimeField: "COALESCE({column}, now()) + interval '1 microsecond'",
    models.DateField: "COALESCE({column}, current_date) + 1",
    models.JSONField: "jsonb_build_array({column}, 'x')",
    models.BinaryField: "{column} || '\\x00'::bytea",
    models.UUIDField: OTHER_ID,
    models.ForeignKey: OTHER_ID,
    models.CharField: FIRST_LETTER,
    models.TextField: FIRST_LETTER,
}


@contextmanager
def undone() -> Iterator[None]:
    """A savepoint that is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def recorded(approved: World) -> World:
    """An item of evidence that was accepted, a decision and all signatures, in the log and under a signed head."""
    fields = {name: True if kind == "bool" else "stated" for name, kind in catalogue()["limitations"].fields.items()}
    item = evidence.attest(approved.version, type="limitations", fields=fields, summary="Said.", actor=approved.owner)
    evidence.accept(item, reason="Read it and agree.", actor=approved.validator)
    ask(approved)
    while unbound := [subject for subject, sentence in findings() if "no entry of the log knows" in sentence]:
        for subject in unbound:  # rows that the fixtures wrote without their services
            bind(subject)
    audit.sequence_all()
    audit.sign_checkpoint()
    return approved


@transaction.atomic
def bind(reference: str) -> None:
    """Put the digest of a row into the log."""
    label, _, pk = reference.partition(":")
    row = apps.get_model(label)._default_manager.get(pk=pk)
    audit.record(audit.system("tests"), "tests.happened", "organisation:self", row=row)


def bound_row(model: type[Immutable]) -> Immutable:
    """A row of this table whose digest the log holds."""
    name = model._meta.label_lower
    entry = Entry.objects.filter(row__startswith=f"{name}:").first()
    assert entry is not None, f"no entry binds a row of {name}"
    return model._default_manager.get(pk=entry.row.removeprefix(f"{name}:"))


def change(row: Immutable, column: str, kind: str) -> None:
    """One statement that changes one column of one row."""
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE {table} SET "{column}" = {kind.format(column=column)} WHERE id = %s', [row.pk])
        assert cursor.rowcount == 1


def changes(row: Immutable, column: str, kind: str) -> bool:
    """As `change`; False when a constraint of the table refuses it although the triggers are off."""
    try:
        with transaction.atomic():
            change(row, column, kind)
    except IntegrityError:
        return False
    return True


def change_for_this_column(field: Any) -> str:
    """An expression for a value that is almost the one that stands there."""
    return next(OTHER[base] for base in type(field).__mro__ if base in OTHER)


def triggers_off(table: str) -> None:
    """What the owner of the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


class Noted:
    """Findings, as the verifier collects them."""

    def __init__(self) -> None:
        self.rows = 0
        self.found: set[tuple[str, str]] = set()

    def find(self, check: str, subject: object, sentence: str) -> None:
        """Keep one."""
        self.found.add((str(subject), sentence))


def findings(*tables: type[Immutable]) -> set[tuple[str, str]]:
    """What the verifier says about rows of these tables, or of all."""
    noted = Noted()
    read_rows(noted, *tables)
    return noted.found


@pytest.mark.parametrize("label", TABLES)
def test_a_byte_of_any_column_is_refused_and_found(recorded: World, label: str) -> None:
    model = apps.get_model(label)
    row, unseen = bound_row(model), []
    assert findings() == set()
    for field in model._meta.concrete_fields:
        kind = change_for_this_column(field)
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            change(row, field.column, kind)
        with undone():
            triggers_off(model._meta.db_table)
            if changes(row, field.column, kind) and not findings(model):
                unseen.append(field.column)
    assert unseen == []


@pytest.mark.parametrize("label", TABLES)
def test_a_removed_row_is_refused_and_found(recorded: World, label: str) -> None:
    model = apps.get_model(label)
    row = bound_row(model)
    statement = f"DELETE FROM {model._meta.db_table} WHERE id = %s"
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])
    with undone():
        triggers_off(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement, [row.pk])
        assert [sentence for subject, sentence in findings(model) if "no longer there" in sentence]


@pytest.mark.parametrize(
    ("label", "column"),
    [("evidence.evidence", "summary"), ("workflow.signature", "reason"), ("gate.decision", "sentence")],
)
def test_verify_says_so_and_the_audit_page_shows_it(recorded: World, label: str, column: str) -> None:
    model = apps.get_model(label)
    row = bound_row(model)
    triggers_off(model._meta.db_table)
    change(row, column, FIRST_LETTER)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER ALL")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [model._meta.db_table]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {model._meta.db_table} ENABLE ALWAYS TRIGGER "{name}"')
    with pytest.raises(SystemExit) as ended:
        call_command("verify", database=True, stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == TAMPERED
    run = VerificationRun.objects.latest("started_at")
    said = [finding for finding in run.findings if finding["subject"] == f"{label}:{row.pk}"]
    assert said and run.verdict == Verdict.TAMPERED
    page = factories.signed_in(recorded.auditor).get("/audit/").content.decode()
    assert said[0]["sentence"] in unescape(page)

"""Immutable rows of all apps, compared with their own digest and with the digest that the log holds of them."""

from typing import Any, Protocol

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from apps.core.models import Immutable

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, ObjectDoesNotExist)
CHUNK = 1000
NAMED = 20


class Findings(Protocol):
    """Where differences are noted."""

    rows: int

    def find(self, check: str, subject: object, sentence: str) -> None:
        """Note one difference."""


def immutable_models() -> list[type[Immutable]]:
    """Every table of the product whose rows are written once and carry a digest."""
    found = [model for model in apps.get_models() if issubclass(model, Immutable)]
    return sorted(found, key=lambda model: model._meta.label_lower)


def read_rows(reading: Findings, *tables: type[Immutable]) -> None:
    """Compute every digest again, of these tables or of all, and compare it with the row and with the log."""
    for model in tables or immutable_models():
        name = model._meta.label_lower
        for row in model._default_manager.order_by("pk").iterator(chunk_size=CHUNK):
            reading.rows += 1
            if _digest(row) != row.digest:
                reading.find("rows", f"{name}:{row.pk}", f"The {_words(model)} does not have the digest it carries.")
        for pk, sentence in model.contradictions():
            reading.find("rows", f"{name}:{pk}", sentence)
        _compare_with_log(reading, model, name)


def _digest(row: Immutable) -> str:
    try:
        return row.compute_digest()
    except UNREADABLE as damage:
        return f"unreadable: {damage}"


def _compare_with_log(reading: Findings, model: type[Immutable], name: str) -> None:
    """Bound rows that differ or are gone; and, where the log binds rows of this table, rows that it does not know."""
    pattern = f"{name}:"
    table = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(str(model._meta.pk.column))
    row = f"%s || t.{key}::text"
    bound = "e.row >= %s AND e.row < %s"
    limits = [pattern, pattern[:-1] + ";"]  # every row reference of this table lies between "name:" and "name;"
    words = _words(model)
    differing = (
        f"SELECT e.row FROM audit_entry e JOIN {table} t ON e.row = {row} WHERE {bound}"
        " AND (e.row_digest <> t.digest OR e.row_at IS DISTINCT FROM t.created_at)"
    )
    for subject in _first(differing, [pattern, *limits]):
        reading.find("rows", subject, f"The {words} is not the one that the log holds the digest of.")
    gone = f"SELECT e.row FROM audit_entry e LEFT JOIN {table} t ON e.row = {row} WHERE {bound} AND t.{key} IS NULL"
    for subject in _first(gone, [pattern, *limits]):
        reading.find("rows", subject, f"The log holds the digest of a {words} that is no longer there.")
    if _first(f"SELECT e.row FROM audit_entry e WHERE {bound}", limits, 1):
        unknown = f"SELECT {row} FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.row = {row})"
        for subject in _first(unknown, [pattern, pattern]):
            reading.find("rows", subject, f"There is a {words} that no entry of the log knows.")


def _first(query: str, parameters: list[Any], most: int = NAMED) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"{query} LIMIT {most}", parameters)
        return [subject for (subject,) in cursor.fetchall()]


def _words(model: type[Immutable]) -> str:
    return str(model._meta.verbose_name)

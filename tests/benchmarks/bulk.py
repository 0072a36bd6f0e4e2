"""Many rows from one: set-based SQL copies a row that a service made, with what differs as expressions over `i`."""

from typing import Any

import psycopg
from django.db import connection, models

from apps.config import database


def key(number: int, expression: str = "i") -> str:
    """The id of the i-th copy in table number `number`: foreign keys are written with the same expression."""
    return (
        f"(lpad(to_hex({number}), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(({expression})::bigint), 12, '0'))::uuid"
    )


def multiply(model: type[models.Model], seed: Any, amount: int, **different: str) -> None:
    """`amount` copies of the row with the key `seed`; `different` gives SQL over `i` (from 1) for a column."""
    columns = [field.column for field in model._meta.concrete_fields]
    picked = [different.get(column, f's."{column}"').replace("%", "%%") for column in columns]
    if model._meta.pk.column not in different:  # a serial key gives itself
        picked = picked[1:]
        columns = columns[1:]
    names = ", ".join(f'"{column}"' for column in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {', '.join(picked)} FROM generate_series(1::bigint, {amount}) AS i,"
            f" (SELECT * FROM {table} WHERE {model._meta.pk.column} = %s) AS s",
            [seed],
        )


def settle(*tables: str) -> None:
    """Statistics and visibility as after a night of autovacuum; the application's role may not ask for that."""
    with psycopg.connect(database.address("owner"), autocommit=True) as owner:
        owner.execute(f"VACUUM ANALYZE {', '.join(tables)}")

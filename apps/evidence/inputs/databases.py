"""SQL sources: a DuckDB database file under an allowed root, opened for reading only, and one SELECT over it.

`file:///data/bank.duckdb?table=loans`, or `?sql=SELECT ...`. The statement reaches no other file and no extension.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow as pa

from apps.evidence.checks.base import Unmeasurable

LIMITS: dict[str, Any] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "1",  # so that rows come in the same order every time
    "memory_limit": "1GB",
    "temp_directory": "",
}


def query_of(uri: str, path: Path) -> str:
    """The SELECT that an address asks for. Raises Unmeasurable unless it names one table or one SELECT."""
    asked = parse_qs(urlsplit(uri).query)
    if sorted(asked) == ["table"] and len(asked["table"]) == 1:
        return "SELECT * FROM {}".format(".".join(quoted(name) for name in asked["table"][0].split(".")))
    if sorted(asked) != ["sql"] or len(asked["sql"]) != 1:
        raise Unmeasurable(f"The address of {path.name} must end in ?table=NAME or ?sql=SELECT ….")
    query = asked["sql"][0]
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as wrong:
        raise Unmeasurable(f"The query over {path.name} is no SQL that DuckDB reads.") from wrong
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise Unmeasurable(f"The query over {path.name} must be one SELECT and nothing else.")
    return query.strip().rstrip(";")


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A connection that can only read this one file. What DuckDB refuses becomes Unmeasurable."""
    try:
        connection = duckdb.connect(str(path), read_only=True, config=LIMITS)
        try:
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.close()
    except duckdb.Error as refused:
        told = str(refused).splitlines()[0][:200]
        raise Unmeasurable(f"{path.name} could not be read: {told}") from refused


def batches(path: Path, query: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Rows of the query in order."""
    with opened(path) as connection:
        yield from connection.sql(query).to_arrow_reader(rows)


def names_of(path: Path, query: str) -> list[str]:
    """Columns of the query."""
    with opened(path) as connection:
        return [column[0] for column in connection.execute(f"SELECT * FROM ({query}) LIMIT 0").description]


def windows(path: Path, query: str, rows: int) -> list[tuple[str, int]]:
    """The query cut into queries of about so many rows each, with their exact number; a view or an own SELECT stays whole."""
    with opened(path) as connection:
        if query.startswith('SELECT * FROM "'):
            try:
                found = connection.execute(
                    f"SELECT rowid // {rows}, count(*) FROM ({query.replace('*', 'rowid', 1)}) GROUP BY 1 ORDER BY 1"
                ).fetchall()
            except duckdb.BinderException:
                found = []
            if found:
                return [
                    (f"{query} WHERE rowid >= {place * rows} AND rowid < {(place + 1) * rows}", count)
                    for place, count in found
                ]
        (count,) = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()
        return [(query, int(count))] if count else []

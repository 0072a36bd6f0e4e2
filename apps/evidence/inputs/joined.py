"""One dataset with what two versions made of it: the other version's scores stand beside this version's, row by row.

They come from the other version's scored file, when the columns that both files share are the same to the last byte.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.kernels.batches import Batch

OTHER_PREDICTION = "prediction of the other version"
OTHER_SCORE = "score of the other version"


class JoinedFile:
    """Rows of a file with the columns of another file that holds the same rows in the same order."""

    def __init__(self, file: Any, other: Any, added: dict[str, str], own: Collection[str], name: str) -> None:
        self.file, self.other, self.added, self.own, self.name = file, other, added, set(own), name
        self.shared: list[str] = []
        self.shared_digest = ""
        self._columns: Any = None

    @property
    def columns(self) -> Any:
        """What the survey found; None before."""
        return self._columns

    @columns.setter
    def columns(self, found: Any) -> None:
        self._columns = found

    def batches(self) -> Iterator[Batch]:
        """Joined batches. At the end the shared columns of both files must have the same digest, or Unmeasurable is raised."""
        if self.file.columns is None:
            self._learn_types()
        left, right = hashlib.sha256(), hashlib.sha256()
        rest: pa.Table | None = None
        is_proved = bool(self.shared_digest)
        others = (batch.table for batch in self.other.batches())
        for batch in self.file.batches():
            rest = self._enough(rest, others, batch.rows)
            beside = rest.slice(0, batch.rows).combine_chunks()
            rest = rest.slice(batch.rows)
            if not is_proved:
                note(left, batch.table, self.shared)
                note(right, beside, self.shared)
            columns = [*batch.table.columns, *(_whole(beside.column(name)) for name in self.added)]
            names = [*batch.table.schema.names, *self.added.values()]
            both = Batch(pa.RecordBatch.from_arrays(columns, names=names), batch.first_row)
            both.is_typed = batch.is_typed
            yield both
        more = (rest is not None and rest.num_rows) or any(table.num_rows for table in others)
        if more or left.digest() != right.digest():
            raise Unmeasurable(self._differ())
        self.shared_digest = self.shared_digest or left.hexdigest()

    def prove(self) -> None:
        """Read both files once. Raises Unmeasurable when they do not hold the same rows."""
        for _batch in self.batches():
            continue

    def _enough(self, rest: pa.Table | None, others: Iterator[pa.RecordBatch], rows: int) -> pa.Table:
        parts = [rest] if rest is not None else []
        while sum(part.num_rows for part in parts) < rows:
            table = next(others, None)
            if table is None:
                raise Unmeasurable(self._differ())
            parts.append(pa.Table.from_batches([table]))
        return pa.concat_tables(parts)

    def _differ(self) -> str:
        return (
            f"The scored rows of {self.name} are not the rows of this version: the digests of {len(self.shared)} shared columns "
            "differ. Score both versions on the same file, or serve both."
        )

    def _learn_types(self) -> None:
        """One pass over both bare files, so that both have the same types, and the shared columns are known."""
        from apps.evidence.kernels import survey

        states = []
        for file in (self.file, self.other):
            state = survey.start()
            for batch in file.batches():
                state = survey.update(state, batch)
            file.columns = survey.finish(state)
            states.append(state)
        missing = [name for name in self.added if name not in self.other.columns]
        if missing:
            raise Unmeasurable(f"The scored file of {self.name} has no column {', '.join(missing)}.")
        left_out = self.own | set(self.added)
        self.shared = [name for name in self.file.columns if name in self.other.columns and name not in left_out]
        if not self.shared:
            raise Unmeasurable(
                f"The scored files of this version and of {self.name} share no column that could prove the rows."
            )


def note(hashed: Any, table: Any, names: Sequence[str]) -> None:
    """Add the rows of the named columns to a digest, the same in any cut into batches."""
    columns = [table.column(name).cast(pa.string()).to_pylist() for name in names]
    for row in zip(*columns, strict=True):
        hashed.update(repr(row).encode())


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

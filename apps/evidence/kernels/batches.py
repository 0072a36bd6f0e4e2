"""A batch of rows as checks see it: an Arrow batch with its place in the file; encodings are made once for all checks."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING_WORDS = ["", "NA", "N/A", "NULL", "null", "NaN", "nan", "#N/A"]


class Batch:
    """Columns of one batch. `first_row` is the number of its first row in the whole dataset.

    `is_reference` marks rows of the second dataset of a check that compares two."""

    is_reference = False

    def __init__(self, table: pa.RecordBatch, first_row: int = 0) -> None:
        self.table = table
        self.first_row = first_row
        self.rows = table.num_rows
        self._kept: dict[Any, Any] = {}

    @classmethod
    def of_rows(cls, rows: list[dict[str, Any]], first_row: int = 0) -> "Batch":
        """A batch from plain dictionaries (examples and tests)."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [pa.array([row.get(name) for row in rows]) for name in names]
        return cls(normal(pa.RecordBatch.from_arrays(columns, names=names)), first_row)

    def texts(self, name: str) -> pa.Array:
        """A column as text, with nulls."""
        return self._once(("texts", name), lambda: self.table.column(name).cast(pa.string()))

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64; what is missing is NaN."""
        return self._once(("numbers", name), lambda: _numbers(self.table.column(name)))

    def present(self, name: str) -> np.ndarray:
        """Whether each row has a value."""
        return self._once(("present", name), lambda: np.asarray(pc.is_valid(self.table.column(name))))

    def codes(self, axis: dict[str, Any]) -> np.ndarray:
        """The cell of each row on an axis (see kernels.counts)."""
        key = ("codes", axis["column"], tuple(axis.get("values", ())), tuple(axis.get("edges", ())))
        return self._once(key, lambda: _codes(self, axis))

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def normal(table: pa.RecordBatch) -> pa.RecordBatch:
    """The same batch with three column types only: int64, float64, text."""
    columns = [normal_column(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=table.schema.names)


def normal_column(column: pa.Array) -> pa.Array:
    """One column as int64, float64 or text."""
    kind = column.type
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_dictionary(kind):
        return normal_column(column.dictionary_decode())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if not value.is_valid else "[not text]" for value in column], pa.string())
    return column.cast(pa.string())


def _numbers(column: pa.Array) -> np.ndarray:
    if pa.types.is_string(column.type):
        return np.full(len(column), np.nan)
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def _codes(batch: Batch, axis: dict[str, Any]) -> np.ndarray:
    """0..k-1 for the named cells, k for anything else, k+1 for missing."""
    size = len(axis["labels"])
    if "edges" in axis:
        values = batch.numbers(axis["column"])
        codes = np.searchsorted(np.asarray(axis["edges"], dtype=np.float64), values, side="right").astype(np.int64)
        codes[np.isnan(values)] = size + 1
        return codes
    found = pc.index_in(batch.texts(axis["column"]), value_set=pa.array(axis["values"], pa.string()))
    codes = np.asarray(pc.fill_null(found, size).to_numpy(zero_copy_only=False), dtype=np.int64)
    codes[~batch.present(axis["column"])] = size + 1
    return codes

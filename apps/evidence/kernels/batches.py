"""A batch of rows as checks see it: an Arrow batch with its place in the file; encodings are made once for all checks."""

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.evidence.kernels.states import draws

MISSING_WORDS = ["", "NA", "N/A", "NULL", "null", "NaN", "nan", "#N/A"]
FEW_EDGES = 16  # up to here one comparison for each edge is faster than a search
SLOTS, MOST_IN_SLOT = 2**15, 6
WIDEST_RANGE = 2**16  # whole numbers within it are looked up in a table


class Batch:
    """Columns of one batch. `first_row` is the number of its first row in the whole dataset.

    `is_reference` marks rows of the second dataset of a check that compares two."""

    is_reference = False
    is_typed = False
    """Whether the file itself says which columns are text: then text that looks like numbers stays text."""

    def __init__(self, table: pa.RecordBatch, first_row: int = 0) -> None:
        self.stored = table
        self.first_row = first_row
        self.rows = table.num_rows
        self._kept: dict[Any, Any] = {}

    @cached_property
    def table(self) -> pa.RecordBatch:
        """The rows with text as text, also where the file keeps it as codes of a dictionary."""
        return pa.RecordBatch.from_arrays(list(map(plain, self.stored.columns)), names=self.names)

    @property
    def names(self) -> list[str]:
        """The columns, in the order of the file."""
        return list(self.stored.schema.names)

    @classmethod
    def of_rows(cls, rows: list[dict[str, Any]], first_row: int = 0) -> "Batch":
        """A batch from plain dictionaries (examples and tests)."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [pa.array([row.get(name) for row in rows]) for name in names]
        return cls(normal(pa.RecordBatch.from_arrays(columns, names=names)), first_row)

    def texts(self, name: str) -> pa.Array:
        """A column as text, with nulls."""
        return self._once(("texts", name), lambda: plain(self.stored.column(name)).cast(pa.string()))

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64; what is missing is NaN."""
        return self._once(("numbers", name), lambda: _numbers(self.stored.column(name)))

    def present(self, name: str) -> np.ndarray:
        """Whether each row has a value."""
        return self._once(("present", name), lambda: _present(self.stored.column(name)))

    def tally(self, name: str, most: int) -> dict[str, int] | None:
        """How many rows have each value of a column, as text and without what is missing; None where more than `most` differ."""
        column = self.stored.column(name)
        if pa.types.is_dictionary(column.type):
            values = column.dictionary
            held = np.bincount(_places(column), minlength=len(values))[: len(values)].tolist()
        elif len(pc.unique(column.slice(0, 4 * most))) > most + 1:
            return None
        else:
            counted = pc.value_counts(column.drop_null())
            values, held = counted.field("values"), counted.field("counts").to_pylist()
            if len(values) > most + 1:  # zero may stand with two signs, which is one text or two
                return None
        texts = values.cast(pa.string()).to_pylist()
        found: dict[str, int] = {}
        for text, count in zip(texts, held, strict=True):
            if count:
                found[text] = found.get(text, 0) + count
        return found if len(found) <= most else None

    def draws(self, seed: int) -> np.ndarray:
        """A random number for each row, by which samples are drawn (see kernels.states)."""
        return self._once(("draws", seed), lambda: draws(seed, self.first_row, self.rows))

    def codes(self, axis: dict[str, Any]) -> np.ndarray:
        """The cell of each row on an axis (see kernels.counts)."""
        key = ("codes", axis["column"], tuple(axis.get("values", ())), tuple(axis.get("edges", ())))
        return self._once(key, lambda: _codes(self, axis))

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def normal(table: pa.RecordBatch) -> pa.RecordBatch:
    """The same batch with three kinds of column only: int64, float64 and text, which may stand as codes of a dictionary."""
    columns = [normal_column(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=table.schema.names)


def normal_column(column: pa.Array) -> pa.Array:
    """One column as int64, float64, text or codes of text."""
    kind = column.type
    if pa.types.is_integer(kind):
        fits = kind != pa.uint64() or (pc.max(column).as_py() or 0) < 2**63
        return column.cast(pa.int64()) if fits else column.cast(pa.float64(), safe=False)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _without_nan(column.cast(pa.float64()))
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_dictionary(kind):
        is_ready = pa.types.is_string(kind.value_type) and column.dictionary.null_count == 0
        return column if is_ready else normal_column(column.dictionary_decode())
    if isinstance(column, pa.ExtensionArray):
        return normal_column(column.storage)
    if is_readable(kind):
        return column.cast(pa.string())
    return pc.if_else(column.is_valid(), "[not text]", pa.scalar(None, pa.string()))


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of a type have a form as text."""
    views = getattr(pa.types, "is_string_view", lambda kind: False)
    readable = pa.types.is_string(kind) or pa.types.is_large_string(kind) or views(kind)
    return readable or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))


def _without_nan(column: pa.Array) -> pa.Array:
    """The same numbers; what is no number is missing, as in a CSV file."""
    total = pc.sum(column).as_py()
    if total is None or total == total:  # one NaN would make it NaN
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)


def plain(column: pa.Array) -> pa.Array:
    """The values themselves, where they stand as codes."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def is_text(column: pa.Array) -> bool:
    """Whether a column holds text, in whatever way."""
    return pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)


def _places(column: pa.DictionaryArray) -> np.ndarray:
    """Where each row's value stands in the dictionary; one past its end where there is none."""
    places = column.indices
    return _bare(places.cast(pa.int64()).fill_null(len(column.dictionary)) if places.null_count else places)


def _bare(column: pa.Array) -> np.ndarray:
    """The numbers of a column without gaps, not copied; `to_numpy` would load pandas for its options."""
    return np.from_dlpack(column)


def _present(column: pa.Array) -> np.ndarray:
    if not column.null_count:
        return np.ones(len(column), dtype=bool)
    return _bare(column.is_valid().cast(pa.uint8())).astype(bool)


def _numbers(column: pa.Array) -> np.ndarray:
    if is_text(column):
        return np.full(len(column), np.nan)
    numbers = column.cast(pa.float64(), safe=False)
    return _bare(pc.fill_null(numbers, np.nan) if numbers.null_count else numbers)


def _codes(batch: Batch, axis: dict[str, Any]) -> np.ndarray:
    """0..k-1 for the named cells, k for anything else, k+1 for missing, in the narrowest unsigned type that holds them."""
    size = len(axis["labels"])
    kind = np.min_scalar_type(size + 1)
    if "edges" in axis:
        return _bands(batch.numbers(axis["column"]), np.asarray(axis["edges"], dtype=np.float64), size + 1, kind)
    column, values = batch.stored.column(axis["column"]), axis["values"]
    if pa.types.is_dictionary(column.type):
        cells = {text: place for place, text in reversed(list(enumerate(values)))}
        table = [*(cells.get(text, size) for text in column.dictionary.to_pylist()), size + 1]
        return np.asarray(table, dtype=kind)[_places(column)]
    if pa.types.is_integer(column.type) and (known := _by_table(column, values, size, kind)) is not None:
        codes = known
    else:
        found = pc.fill_null(pc.index_in(batch.texts(axis["column"]), value_set=pa.array(values, pa.string())), size)
        codes = _bare(found).astype(kind)
    if column.null_count:
        codes[~batch.present(axis["column"])] = size + 1
    return codes


def _bands(values: np.ndarray, edges: np.ndarray, missing: int, kind: Any) -> np.ndarray:
    """The band of each number: how many edges it has reached."""
    if len(edges) > FEW_EDGES:
        codes = _reached(values, edges).astype(kind)
    else:
        codes = np.zeros(len(values), dtype=kind)
        for edge in edges:
            codes += values >= edge
    gaps = np.isnan(values)
    if gaps.any():
        codes[gaps] = missing
    return codes


def _reached(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many edges are no greater than each value: `np.searchsorted(edges, values, side="right")`, several times faster.

    Slots of equal width come first. A slot's number never falls while values rise, so edges of lower slots are reached and
    those of higher ones are not; only the few edges in a value's own slot are compared, the second and later ones only for
    values in slots that have them. Crowded slots are searched instead.
    """
    low, width = edges[0], (edges[-1] - edges[0]) / SLOTS
    if 0 < width < np.inf:
        held = np.bincount(_slots(edges, low, width), minlength=SLOTS + 1)
        most = int(held.max())
        if most <= MOST_IN_SLOT:
            return _compared(values, np.append(edges, [np.nan] * most), held, _slots(values, low, width))
    return np.searchsorted(edges, values, side="right")


def _compared(values: np.ndarray, edges: np.ndarray, held: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Edges reached, from the slot of each value and how many edges each slot has."""
    before = np.cumsum(held) - held  # all places are intp: a gather by narrower numbers takes several times as long
    told = np.take(before * 2 + (held > 1), slots, mode="clip")  # the last bit: whether another edge is in the slot
    reached = told >> 1
    reached += values >= np.take(edges, reached, mode="clip")
    rest = np.flatnonzero((told & 1).astype(bool))
    for _ in range(1, int(held.max())):
        further = values[rest] >= edges[reached[rest]]
        rest = rest[further]
        reached[rest] += 1
    return reached


def _slots(values: np.ndarray, low: float, width: float) -> np.ndarray:
    found = np.subtract(values, low)
    found *= 1 / width
    np.fmin(np.fmax(found, 0, out=found), SLOTS, out=found)  # what is no number goes to the first
    return found.astype(np.int32).astype(np.intp)  # by way of int32, which the processor converts many at a time


def _by_table(column: pa.Array, values: list[str], size: int, kind: Any) -> np.ndarray | None:
    """Codes of whole numbers by a table over their range; None where the range is wide. A gap counts as 0."""
    ends = pc.min_max(column)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is None or high - low >= WIDEST_RANGE:
        return None
    table = np.full(high - low + 1, size, dtype=kind)
    for place, text in reversed(list(enumerate(values))):
        if text.lstrip("-").isdecimal() and low <= (number := int(text)) <= high and str(number) == text:
            table[number - low] = place
    return table[_bare(column.fill_null(low) if column.null_count else column) - low]

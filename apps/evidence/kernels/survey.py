"""The first pass over data: what each column is, its extremes and its categories. Mergeable like every state."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.evidence.kernels.batches import Batch, is_text
from apps.evidence.kernels.states import least_of, smallest

MOST_CATEGORIES = 1000
SAMPLE = 1000  # values kept of each numeric column, to place bands where the rows are
INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
NUMBER = r"^[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[iI]nf|[iI]nfinity)$"
LEADING_ZERO = r"^[-+]?0[0-9]"


@dataclass(frozen=True)
class Column:
    """What the survey found in one column. `categories` is None when there are more than a thousand distinct values."""

    name: str
    kind: str  # integer, number, text
    rows: int
    nulls: int
    low: float | None
    high: float | None
    categories: dict[str, int] | None
    sample: tuple[float, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in {"integer", "number"}

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls


def start() -> dict[str, Any]:
    """The survey of no rows."""
    return {"rows": 0, "columns": {}}


def update(state: dict[str, Any], batch: Batch) -> dict[str, Any]:
    """The survey with one more batch."""
    known = state["columns"]
    seen = {name: _look(batch, name, known.get(name, {}).get("sample", ())) for name in batch.names}
    return merge(state, {"rows": batch.rows, "columns": seen})


def merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """The survey of the rows of both."""
    names = [*left["columns"], *(name for name in right["columns"] if name not in left["columns"])]
    columns = {name: _join(left["columns"].get(name), right["columns"].get(name)) for name in names}
    return {"rows": left["rows"] + right["rows"], "columns": columns}


def finish(state: dict[str, Any]) -> dict[str, Column]:
    """Columns by name, in the order of the file."""
    return {
        name: Column(
            name, _kind(found), found["rows"], found["nulls"], found["low"], found["high"],
            _categories(found),
            tuple(sorted(row[2] for row in found["sample"])),
        )
        for name, found in state["columns"].items()
    }  # fmt: skip


def _categories(found: dict[str, Any]) -> dict[str, int] | None:
    values, kind = found["values"], _kind(found)
    if values and kind != "text":
        values = _as_counted(values, pa.int64() if kind == "integer" else pa.float64())
    return None if values is None else dict(sorted(values.items(), key=lambda pair: (-pair[1], pair[0])))


def _as_counted(values: dict[str, int], kind: pa.DataType) -> dict[str, int]:
    """Categories of a number by the text that the second pass gives them: "1.0" and "1.00" of a CSV file are both "1" there."""
    found: dict[str, int] = {}
    typed = pa.array(list(values), pa.string()).cast(kind).cast(pa.string()).to_pylist()
    for text, count in zip(typed, values.values(), strict=True):
        found[text] = found.get(text, 0) + count
    return found


def _look(batch: Batch, name: str, kept: Sequence[Any]) -> dict[str, Any]:
    column, tally = batch.stored.column(name), batch.tally(name, MOST_CATEGORIES)
    found: dict[str, Any] = {"rows": batch.rows, "nulls": column.null_count, "low": None, "high": None}
    found["values"] = tally
    if is_text(column) and batch.is_typed:
        found["integer"] = found["number"] = False
        numbers = np.full(batch.rows, np.nan)
    elif is_text(column):
        values = pa.array(tally, pa.string()) if tally is not None else pc.unique(batch.texts(name)).drop_null()
        found["integer"] = _all(values, INTEGER)
        found["number"] = _all(values, NUMBER) and not _any(values, LEADING_ZERO)
        numbers = _parsed(batch.texts(name)) if found["number"] else np.full(batch.rows, np.nan)
    else:
        found["integer"], found["number"] = pa.types.is_integer(column.type), True
        numbers = batch.numbers(name)
    is_finite = np.isfinite(numbers)
    rows = None if is_finite.all() else np.flatnonzero(is_finite)
    known = numbers if rows is None else numbers[rows]
    found["sample"] = _sample(numbers, rows, batch, kept) if known.size else []
    if known.size:
        found["low"], found["high"] = float(known.min()) + 0.0, float(known.max()) + 0.0  # never -0.0
    return found


def _parsed(column: pa.Array) -> np.ndarray:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _sample(numbers: np.ndarray, rows: np.ndarray | None, batch: Batch, kept: Sequence[Any]) -> list[Any]:
    """Rows of the sample from these rows of a batch (None: all): draw, row number, value."""
    drawn = batch.draws(0) if rows is None else batch.draws(0)[rows]
    least = least_of(drawn, SAMPLE, kept)
    at = least if rows is None else rows[least]
    columns = (drawn[least].tolist(), (at + batch.first_row).tolist(), numbers[at].tolist())
    return list(zip(*columns, strict=True))


def _all(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py())


def _any(values: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern), min_count=0).as_py())


def _join(left: dict[str, Any] | None, right: dict[str, Any] | None) -> dict[str, Any]:
    if left is None or right is None:
        return left or right or {}
    lows = [side["low"] for side in (left, right) if side["low"] is not None]
    highs = [side["high"] for side in (left, right) if side["high"] is not None]
    values = None
    if left["values"] is not None and right["values"] is not None:
        values = dict(left["values"])
        for text, count in right["values"].items():
            values[text] = values.get(text, 0) + count
        values = values if len(values) <= MOST_CATEGORIES else None
    merged = {
        "rows": left["rows"] + right["rows"],
        "nulls": left["nulls"] + right["nulls"],
        "low": min(lows, default=None),
        "high": max(highs, default=None),
        "values": values,
        "integer": left["integer"] and right["integer"],
        "number": left["number"] and right["number"],
        "sample": smallest([*left["sample"], *right["sample"]], SAMPLE),
    }
    # A part whose texts all look like numbers had a range; beside other texts they are no numbers, in whatever split.
    return merged if merged["number"] else {**merged, "low": None, "high": None, "sample": []}


def _kind(found: dict[str, Any]) -> str:
    if found["nulls"] == found["rows"]:
        return "text"
    return "integer" if found["integer"] else "number" if found["number"] else "text"


def clean_label(text: str) -> str:
    """A category's name fit for a table and for JSON: no control characters, at most 80 characters."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()[:80] or "(blank)"

"""A random sample of rows that is the same for every split and order of reading, and how single cases are described."""

from typing import Any

import numpy as np

from apps.evidence.checks.base import SMALLEST_GROUP, Subject
from apps.evidence.kernels.batches import Batch, is_text
from apps.evidence.kernels.counts import equal_edges
from apps.evidence.kernels.states import least_of


def plan(subject: Subject, rows: int) -> dict[str, Any]:
    """What a sampling check keeps in its plan: features with their kinds, sample size, seed, words for values."""
    kinds = {name: subject.columns[name].kind for name in subject.inputs}
    return {
        "sample": rows,
        "seed": subject.seed,
        "features": list(kinds),
        "kinds": kinds,
        "words": words(subject),
        "rows": subject.rows,
        "name": subject.name,
    }


def rows_of(batch: Batch, planned: dict[str, Any]) -> list[list[Any]]:
    """The rows of a batch that could be in the sample: [draw, row number, values]; rows with gaps or infinities are left out."""
    whole = np.ones(batch.rows, dtype=bool)
    for name in planned["features"]:
        whole &= batch.present(name) if is_text(batch.stored.column(name)) else np.isfinite(batch.numbers(name))
    drawn = batch.draws(planned["seed"])
    able = np.flatnonzero(whole)
    least = able[least_of(drawn[able], planned["sample"])]
    columns = [batch.stored.column(name).take(least).to_pylist() for name in planned["features"]]
    return [
        [int(drawn[row]), batch.first_row + int(row), list(values)]
        for row, values in zip(least, zip(*columns, strict=True), strict=True)
    ]


def columns_of(state: dict[str, Any], start: int = 0, stop: int | None = None) -> dict[str, list[Any]]:
    """Sampled rows as columns."""
    kept = state["sample"][start:stop]
    return {name: [row[2][place] for row in kept] for place, name in enumerate(state["plan"]["features"])}


def words(subject: Subject) -> dict[str, dict[str, Any]]:
    """How values of each feature may be named without telling a person's own: quarters of numbers, common categories."""
    found: dict[str, dict[str, Any]] = {}
    for name in subject.inputs:
        column = subject.columns[name]
        if column.is_numeric and (column.categories is None or len(column.categories) > 10):
            found[name] = {"edges": equal_edges(column, 4)}
        else:
            found[name] = {
                "common": [value for value, count in (column.categories or {}).items() if count >= SMALLEST_GROUP][:100]
            }
    return found


def in_words(value: Any, known: dict[str, Any]) -> str:
    """A value as a case table may print it."""
    if "edges" in known:
        if not known["edges"]:
            return "usual"
        place = int(np.searchsorted(known["edges"], float(value), side="right"))
        return ("lowest", "second", "third", "highest")[round(place * 3 / len(known["edges"]))] + " quarter"
    text = str(value)
    return text if text in known["common"] else "a rare value"

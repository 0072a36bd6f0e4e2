"""The smallest changes that turn a decision: one feature at a time, then two, over values that many rows share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

Columns = Mapping[str, Sequence[Any]]
MOST_SCORED = 60_000


@dataclass(frozen=True)
class Change:
    """What was changed in one row to turn its decision, and how much that is: standard deviations of numbers, one per category."""

    to: dict[str, Any]
    size: float


def search(
    predict: Callable[[Columns], Any], columns: Columns, grids: Mapping[str, Sequence[Any]], spreads: Mapping[str, float], threshold: float,
) -> tuple[dict[int, dict[str, Change]], dict[int, Change]]:  # fmt: skip
    """Per row the smallest change of each feature that turns it alone; and for rows that none turns, the smallest of two."""
    count = len(next(iter(columns.values())))
    alone: dict[int, dict[str, Change]] = {row: {} for row in range(count)}
    singles = [(row, {name: value}) for row in range(count) for name, values in grids.items() for value in values]
    for row, change in _turned(predict, columns, singles, spreads, threshold):
        name = next(iter(change.to))
        if name not in alone[row] or change.size < alone[row][name].size:
            alone[row][name] = change
    tries = [
        (row, dict(zip(names, values, strict=True)))
        for row in range(count)
        if not alone[row]
        for names in combinations(grids, 2)
        for values in product(*(grids[name] for name in names))
    ]
    both: dict[int, Change] = {}
    for row, change in _turned(predict, columns, tries[:MOST_SCORED], spreads, threshold):
        if row not in both or change.size < both[row].size:
            both[row] = change
    return alone, both


def _turned(
    predict: Callable[[Columns], Any], columns: Columns, tries: list[tuple[int, dict[str, Any]]], spreads: Mapping[str, float],
    threshold: float,
) -> list[tuple[int, Change]]:  # fmt: skip
    """The tries that change something and turn the decision."""
    changed = [(row, to) for row, to in tries if all(columns[name][row] != value for name, value in to.items())]
    if not changed:
        return []
    rows = {name: [to.get(name, values[row]) for row, to in changed] for name, values in columns.items()}
    scores = np.asarray(predict(rows), dtype=np.float64)
    return [
        (row, Change(to, sum(_size(columns[name][row], value, spreads.get(name, 0.0)) for name, value in to.items())))
        for (row, to), score in zip(changed, scores, strict=True)
        if score >= threshold
    ]


def _size(before: Any, after: Any, spread: float) -> float:
    return abs(float(after) - float(before)) / spread if spread else 1.0

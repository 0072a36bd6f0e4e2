"""The calculations of New York City Local Law 144 (6 RCNY 5-300 and 5-301), to the letter.

Selection rate: chosen in a category divided by all in it. Scoring rate: share of a category that scored strictly above the
median of the full sample. Impact ratio: the rate of a category divided by the highest rate. A category of less than 2 % of
the data may be left out of the ratios, with its number and rate told.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

RARE = 0.02


@dataclass(frozen=True)
class Category:
    """One category with its rate, and its impact ratio unless it was left out."""

    name: str
    n: int
    chosen: int
    rate: float | None
    ratio: float | None
    is_left_out: bool


def ratios(counts: np.ndarray, names: list[str], total: int, rare: float = RARE) -> list[Category]:
    """Categories from counts [category, not chosen / chosen]; `total` is all rows of the audit, those of unknown category too."""
    sizes, chosen = counts.sum(axis=1), counts[:, 1]
    rates = [int(yes) / int(n) if n else None for yes, n in zip(chosen, sizes, strict=True)]
    left_out = [n == 0 or n < rare * total for n in sizes]
    highest = max(
        (rate for rate, out in zip(rates, left_out, strict=True) if rate is not None and not out), default=None
    )
    return [
        Category(
            name, int(n), int(yes), rate, None if out or rate is None or not highest else rate / highest, bool(out)
        )
        for name, n, yes, rate, out in zip(names, sizes, chosen, rates, left_out, strict=True)
    ]


def median(values: np.ndarray, counts: np.ndarray) -> float:
    """The median of values that occur so often; of an even number of rows the mean of the middle two."""
    order = np.argsort(values, kind="stable")
    values, upto = values[order], np.cumsum(counts[order])
    total = int(upto[-1])
    low, high = (values[np.searchsorted(upto, place, side="right")] for place in ((total - 1) // 2, total // 2))
    return float(low + high) / 2


def above_median(table: Any, middles: Any) -> tuple[np.ndarray, float]:
    """Counts [..., not above / above] of a table [..., score cell], and the median of the full sample."""
    cells, values = np.asarray(table, dtype=np.int64), np.asarray(middles, dtype=np.float64)
    middle = median(values, cells.reshape(-1, cells.shape[-1]).sum(axis=0))
    above = cells[..., values > middle].sum(axis=-1)
    return np.stack([cells.sum(axis=-1) - above, above], axis=-1), middle

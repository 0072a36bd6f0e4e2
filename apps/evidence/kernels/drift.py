"""How far one dataset is from another, column by column, from counts on common cells.

Numbers are counted on edges that both extremes, the reference's range and its quantiles give: exact where a column has at
most a thousand distinct values, otherwise within one cell's share of rows. Sources: Kolmogorov and Smirnov for the distance
between distributions; Siddiqi (2006) for the population stability index; Lin (1991) for the Jensen-Shannon distance.
"""

import math
from typing import Any

import numpy as np
from scipy import stats

from apps.evidence.kernels import intervals
from apps.evidence.kernels.counts import Axis
from apps.evidence.kernels.survey import Column, clean_label

FINE = 4000
BANDS = 10
MOST_CATEGORIES = 50
FEWEST = 10  # rows on both sides together from which a category is a cell of its own; rarer ones are one cell
PSEUDO = 0.5  # rows added to every cell, so that an empty cell gives a finite index
DRAWS = 500


def axis_of(column: Column, reference: Column) -> Axis | None:
    """The cells on which both sides of a column are counted; None where it has too many different texts."""
    if column.is_numeric and reference.is_numeric:
        edges = _edges(column, reference)
        return {"column": column.name, "edges": edges, "labels": [""] * (len(edges) + 1)}
    if column.categories is None or reference.categories is None or _names_rows(column) or _names_rows(reference):
        return None
    together = {name: count + reference.categories.get(name, 0) for name, count in column.categories.items()}
    together |= {name: count for name, count in reference.categories.items() if name not in together}
    common = sorted(
        (name for name, count in together.items() if count >= FEWEST), key=lambda name: (-together[name], name)
    )
    values = common[:MOST_CATEGORIES]
    new = sum(count for name, count in column.categories.items() if name not in reference.categories)
    return {"column": column.name, "values": values, "labels": [clean_label(name) for name in values], "new": new}


def _names_rows(column: Column) -> bool:
    """Whether a column of texts hardly ever repeats one: a key, whose values cannot be expected twice."""
    return column.categories is not None and len(column.categories) > max(FEWEST, column.present / 4)


def _edges(column: Column, reference: Column) -> list[float]:
    if column.categories is not None and reference.categories is not None:
        named = (float(value) for value in [*column.categories, *reference.categories])
        return sorted({value for value in named if math.isfinite(value)})
    lows = [side.low for side in (column, reference) if side.low is not None]
    highs = [side.high for side in (column, reference) if side.high is not None]
    if not lows:
        return []
    even = np.linspace(min(lows), max(highs), FINE + 1)
    edges = {*even.tolist(), *reference.sample}
    if reference.low is not None and reference.high is not None:
        edges |= {reference.low, math.nextafter(reference.high, math.inf)}
    return sorted(edges)


def of_numbers(counts: np.ndarray, axis: Axis, low: float | None, high: float | None) -> dict[str, Any]:
    """Distances of a numeric column from counts [side, cell]; side 1 is the reference, whose range is `low` to `high`."""
    found, missing = counts[:, :-2].astype(np.float64), counts[:, -1]
    sizes = found.sum(axis=1)
    row: dict[str, Any] = {"gaps": _shares(missing, counts.sum(axis=1)), "kind": "number"}
    if min(sizes) < 1:
        return row
    above = np.cumsum(found / sizes[:, None], axis=1)
    gap = np.abs(above[0] - above[1])[:-1]
    row["ks"] = float(gap.max()) if gap.size else 0.0
    row["p"] = ks_p(row["ks"], *sizes)
    edges = np.asarray(axis["edges"])
    row["w1"] = float((gap[1:] * np.diff(edges)).sum()) if len(edges) > 1 else 0.0
    spread = _deviation(found[1], edges)
    row["w1_scaled"] = row["w1"] / spread if spread else None
    inside = (edges >= low) & (edges <= high) if low is not None and high is not None else np.zeros(len(edges), bool)
    row["outside"] = float(1 - found[0][1:][inside].sum() / sizes[0])
    row["cells"] = np.concatenate([_bands(found), missing[:, None]], axis=1)
    return row


def of_categories(counts: np.ndarray, axis: Axis) -> dict[str, Any]:
    """Distances of a column of categories from counts [side, cell]; the last two cells are rare ones and missing."""
    table = counts[:, counts.sum(axis=0) > 0]
    row: dict[str, Any] = {"gaps": _shares(counts[:, -1], counts.sum(axis=1)), "kind": "category", "cells": table}
    shares = table / table.sum(axis=1, keepdims=True)
    row["ks"] = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if table.shape[1] > 1:
        tested = stats.chi2_contingency(table, correction=False)
        row["chi2"], row["p"] = float(tested.statistic), float(tested.pvalue)
    else:
        row["chi2"], row["p"] = 0.0, 1.0
    row["outside"] = axis["new"] / max(int(counts[0].sum()), 1)
    return row


def ks_p(distance: float, n: float, n_other: float) -> float:
    """Two-sided p-value of the distance between two samples' distributions (asymptotic, as scipy gives it)."""
    return float(np.clip(stats.kstwo.sf(distance, np.round(n * n_other / (n + n_other))), 0, 1))


def stability(cells: np.ndarray) -> np.ndarray:
    """Population stability index per replicate of counts [..., side, cell]."""
    shares = _smoothed(cells)
    return np.asarray(
        ((shares[..., 0, :] - shares[..., 1, :]) * np.log(shares[..., 0, :] / shares[..., 1, :])).sum(axis=-1)
    )


def jensen_shannon(cells: np.ndarray) -> float:
    """Jensen-Shannon distance of two rows of counts, base 2: 0 for equal shares, 1 for nothing in common."""
    shares = cells / cells.sum(axis=1, keepdims=True)
    middle = shares.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(shares > 0, shares * np.log2(shares / middle), 0.0)
    return math.sqrt(max(0.0, float(parts.sum() / 2)))


def chance(cells: np.ndarray, seed: int) -> tuple[float, float]:
    """The index that 95 of 100 pairs of these sizes stay under when both come from one source, and the p-value of the one found."""
    pooled = cells.sum(axis=0)
    drawn = _draw([pooled, pooled], cells.sum(axis=1), seed)
    found = stability(drawn)
    p = (1 + int((found >= stability(cells)).sum())) / (DRAWS + 1)
    return float(np.quantile(found, 0.95)), p


def stability_interval(cells: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the index: replicates of both sides, moved by how much replicates overstate it (basic bootstrap)."""
    value = float(stability(cells))
    low, high = np.quantile(stability(_draw(list(cells), cells.sum(axis=1), seed)), [0.025, 0.975])
    return max(0.0, min(value, 2 * value - float(high))), max(value, 2 * value - float(low))


def telling_apart(codes: np.ndarray, is_reference: np.ndarray, seed: int) -> tuple[float, float, float] | None:
    """Area under the curve of a classifier that learnt from one half of the rows, on the other half, with its interval.

    One half only: areas of several folds lean on the same rows, and an interval that takes them for independent is too narrow."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    if min(is_reference.sum(), (~is_reference).sum()) < 30:
        return None
    half = halves(codes, is_reference, seed)
    with threadpool_limits(
        1
    ):  # several threads wait for each other a hundred times longer than one works, on a busy machine
        model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=0, early_stopping=False)
        scores = model.fit(codes[half == 0], ~is_reference[half == 0]).predict_proba(codes[half == 1])[:, 1]
    values, place = np.unique(scores, return_inverse=True)
    tried = is_reference[half == 1]
    sides = [np.bincount(place[mask], minlength=len(values)) for mask in (~tried, tried)]
    return intervals.area(*sides)


def halves(codes: np.ndarray, is_reference: np.ndarray, seed: int) -> np.ndarray:
    """The half of each row, 0 or 1. The n-th row of some values on one side stands with the n-th row of the same values on the other.

    Were equal rows parted, a classifier would have learnt of each that it belongs to the other side, and two equal datasets
    would have an area far under 0.5."""
    _, alike = np.unique(codes, axis=0, return_inverse=True)
    kind = alike.ravel() * 2 + is_reference
    order = np.argsort(kind, kind="stable")
    first = np.searchsorted(kind[order], kind[order])
    number = np.empty(len(kind), dtype=np.int64)
    number[order] = np.arange(len(kind)) - first
    _, pair = np.unique(np.stack([alike.ravel(), number]), axis=1, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(kind)) % 2)[pair.ravel()]


def _draw(shares: list[np.ndarray], sizes: np.ndarray, seed: int) -> np.ndarray:
    chance_of = np.random.default_rng(seed)
    drawn = [
        chance_of.multinomial(int(n), side / side.sum(), size=DRAWS) for side, n in zip(shares, sizes, strict=True)
    ]
    return np.stack(drawn, axis=1)


def _smoothed(cells: np.ndarray) -> np.ndarray:
    padded = np.asarray(cells, dtype=np.float64) + PSEUDO
    return padded / padded.sum(axis=-1, keepdims=True)


def _bands(found: np.ndarray) -> np.ndarray:
    """Fine cells summed into about ten bands that hold equally many rows of the reference."""
    reference = found[1]
    middles = (np.cumsum(reference) - reference / 2) / reference.sum()
    place = np.minimum((middles * BANDS).astype(np.int64), BANDS - 1)
    return np.stack([np.bincount(place, weights=side, minlength=BANDS) for side in found]).astype(np.int64)


def _deviation(cells: np.ndarray, edges: np.ndarray) -> float:
    """Standard deviation of the reference; rows of a cell count at its lower edge."""
    counts = cells[1:]
    if counts.sum() < 2:
        return 0.0
    mean = (counts * edges).sum() / counts.sum()
    return math.sqrt(float((counts * (edges - mean) ** 2).sum() / counts.sum()))


def _shares(part: np.ndarray, whole: np.ndarray) -> list[float]:
    return [float(share) for share in part / np.maximum(whole, 1)]

"""How well one column tells another, from count tables."""

import math

import numpy as np


def area(tables: np.ndarray) -> np.ndarray:
    """Cross-fitted area under the curve of telling the group from the feature, per replicate of [half, feature cell, group].

    What one half says about each feature cell is tried on the other half, both ways, and averaged over groups by size."""
    tables = np.asarray(tables, dtype=np.float64)
    groups = tables.sum(axis=(1, 2))
    weights = groups / groups.sum(axis=1, keepdims=True)
    total = np.zeros(len(tables))
    for learn, test in ((0, 1), (1, 0)):
        taught, tried = tables[:, learn], tables[:, test]
        prior = taught.sum(axis=1, keepdims=True) / np.maximum(taught.sum(axis=(1, 2), keepdims=True), 1)
        share = (taught + prior) / (
            taught.sum(axis=2, keepdims=True) + 1
        )  # one pseudo-row per cell keeps empty cells neutral
        for group in range(tables.shape[-1]):
            found = _areas(share[:, :, group], tried[:, :, group], tried.sum(axis=2) - tried[:, :, group])
            total += weights[:, group] * found / 2
    return total


def chance_area(halves: np.ndarray, *, draws: int, seed: int) -> float:
    """The area that 95 of 100 tables stay under when feature and group are independent, with these margins."""
    both = halves.sum(axis=0)
    n = int(both.sum())
    independent = np.outer(both.sum(axis=1), both.sum(axis=0)) / n
    shares = halves.sum(axis=(1, 2))[:, None, None] / n * independent[None] / n
    drawn = np.random.default_rng(seed).multinomial(n, (shares / shares.sum()).ravel(), size=draws)
    return float(np.quantile(area(drawn.reshape(draws, *halves.shape)), 0.95))


def _areas(scores: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Area per replicate, where every cell has a score; equal scores count half. 0.5 without positives or negatives."""
    below = (scores[:, None, :] < scores[:, :, None]) + 0.5 * (scores[:, None, :] == scores[:, :, None])
    won = (positives * (below * negatives[:, None, :]).sum(axis=2)).sum(axis=1)
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1), 0.5)


def cramers_v(table: np.ndarray) -> float | None:
    """Cramér's V of a table of counts, corrected for bias; None where either side has one value only."""
    counts = np.asarray(table, dtype=np.float64)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n, (rows, columns) = counts.sum(), counts.shape
    if n < 2 or rows < 2 or columns < 2:
        return None
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    squared = float(((counts - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, squared - (rows - 1) * (columns - 1) / (n - 1))
    rows_corrected, columns_corrected = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows_corrected, columns_corrected) - 1
    return math.sqrt(corrected / smaller) if smaller > 0 else None

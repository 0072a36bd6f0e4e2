"""Uncertainty: intervals of rates, ratios and areas, tests of differences, and replicates drawn from count tables.

Sources: Wilson (1927) for rates; the log-ratio interval of Katz et al. (1978); DeLong et al. (1988) for areas under curves;
Holm (1979) for many comparisons. A multinomial draw over cells has the same distribution as resampling rows.
"""

import math
from collections.abc import Sequence

import numpy as np

Counts = Sequence[int] | np.ndarray
Z = 1.959963984540054  # two-sided 95 %


def wilson(events: int, n: int) -> tuple[float, float] | None:
    """The 95 % interval of a rate; None without rows. Never of zero width, unlike a bootstrap of 0 out of 12."""
    if n == 0:
        return None
    rate = events / n
    centre = (rate + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def ratio(events: int, n: int, events_other: int, n_other: int) -> tuple[float, float, float] | None:
    """The ratio of two rates with its 95 % interval on the log scale; None where a rate is zero or has no rows."""
    if not (n and n_other and events and events_other):
        return None
    rate, other = events / n, events_other / n_other
    deviation = math.sqrt((1 - rate) / events + (1 - other) / events_other)
    value = rate / other
    return value, value * math.exp(-Z * deviation), value * math.exp(Z * deviation)


def two_rates(events: int, n: int, events_other: int, n_other: int) -> tuple[float | None, float | None]:
    """Standard deviations between two rates, and the two-sided p-value; Fisher's exact test where a cell is expected under 5."""
    if not (n and n_other):
        return None, None
    pooled = (events + events_other) / (n + n_other)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_other))
    z = (events / n - events_other / n_other) / spread if spread else 0.0
    if min(n, n_other) * min(pooled, 1 - pooled) < 5:
        from scipy.stats import fisher_exact

        table = [[events, n - events], [events_other, n_other - events_other]]
        return z, float(fisher_exact(table).pvalue)
    return z, math.erfc(abs(z) / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many comparisons were made (Holm's step-down), in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = largest
    return corrected


def replicates(counts: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """`draws` tables of the same shape and total, drawn by Multinomial(N, counts / N)."""
    flat = np.asarray(counts, dtype=np.int64).ravel()
    total = int(flat.sum())
    if total == 0:
        return np.zeros((draws, *np.shape(counts)), dtype=np.int64)
    drawn = np.random.default_rng(seed).multinomial(total, flat / total, size=draws)
    return drawn.reshape(draws, *np.shape(counts))


def area(positives: Counts, negatives: Counts) -> tuple[float, float, float] | None:
    """Area under the ROC curve with DeLong's 95 % interval, from counts per score in ascending order; ties count half.

    Exact when every distinct score has its own cell, and within about half a bin's share of pairs when scores are binned. The interval
    is taken on the log-odds scale, where it holds the truth near 1 too (Pepe 2003), with Student's t for few rows; an area of 0 or 1 has
    no deviation, and takes that of Newcombe (2006, method 5)."""
    pos, neg = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)
    n1, n0 = pos.sum(), neg.sum()
    if n1 == 0 or n0 == 0:
        return None
    below = (np.cumsum(neg) - neg / 2) / n0  # share of negatives under each score
    above = (n1 - np.cumsum(pos) + pos / 2) / n1  # share of positives over each score
    value = float((pos * below).sum() / n1)
    if n1 < 2 or n0 < 2:
        return value, 0.0, 1.0
    if not 0 < value < 1:
        far = _far_end(n1, n0)
        return (value, far, 1.0) if value else (value, 0.0, 1 - far)
    spread1 = float((pos * (below - value) ** 2).sum() / (n1 - 1)) / n1
    spread0 = float((neg * (above - value) ** 2).sum() / (n0 - 1)) / n0
    both = spread1 + spread0
    if not both:
        return value, value, value
    from scipy.stats import t

    freedom = both**2 / (spread1**2 / (n1 - 1) + spread0**2 / (n0 - 1))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(both) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return value, _from_log_odds(middle - half), _from_log_odds(middle + half)


def _from_log_odds(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def _far_end(n1: float, n0: float) -> float:
    """The lowest area with which an area of 1 is seen among these rows: the truth whose own deviation just reaches 1."""
    many = (n1 + n0) / 2 - 1
    low, high = 0.0, 1.0
    for _ in range(60):
        at = (low + high) / 2
        variance = at * (1 - at) * (1 + many * (1 - at) / (2 - at) + many * at / (1 + at)) / (n1 * n0)
        low, high = (at, high) if 1 - at > Z * math.sqrt(variance) else (low, at)
    return high


def mean(values: np.ndarray, counts: np.ndarray) -> tuple[float, float, float]:
    """The mean of values from zero to one that occur so often, with Student's 95 % interval."""
    from scipy.stats import t

    n = int(counts.sum())
    value = float((values * counts).sum() / n)
    if n < 2:
        return value, 0.0, 1.0
    spread = float((counts * (values - value) ** 2).sum() / (n - 1))
    half = float(t.ppf(0.975, n - 1)) * math.sqrt(spread / n)
    return value, max(0.0, value - half), min(1.0, value + half)


def curve(positives: Counts, negatives: Counts, points: int = 101) -> list[tuple[float, float]]:
    """Points (false positive rate, true positive rate) of the ROC curve, thinned to about `points`."""
    pos, neg = np.asarray(positives, dtype=np.float64)[::-1], np.asarray(negatives, dtype=np.float64)[::-1]
    n1, n0 = pos.sum(), neg.sum()
    if n1 == 0 or n0 == 0:
        return []
    across = np.concatenate([[0.0], np.cumsum(neg) / n0])
    up = np.concatenate([[0.0], np.cumsum(pos) / n1])
    keep = np.unique(np.searchsorted(across, np.linspace(0, 1, points), side="right") - 1)
    keep = np.unique(np.concatenate([[0], keep, [len(across) - 1]]))
    return [(float(across[place]), float(up[place])) for place in keep]

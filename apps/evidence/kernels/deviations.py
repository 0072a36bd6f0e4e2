"""Predicted numbers against true ones, from sums that no split or order changes.

With e = predicted - true: mean error, mean absolute error and root mean square error, and R2 = 1 - SSE / SST, each with a 95 %
interval for large samples (delta method; the root on the log scale; R2 by its influence function). Source: van der Vaart (1998),
Asymptotic Statistics, chapters 3 and 20.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from apps.evidence.kernels.intervals import Z

STEPS = 2**50  # of the bound of each sum: what is rounded away is below what a double holds of the sum itself
LOW_BITS = 25
Sums = dict[str, int]
Figure = tuple[float, float | None, float | None]


def scale_of(true: Any, predicted: Any) -> dict[str, float]:
    """What sums are measured in, from the ranges of both columns: the largest error, and the middle and half width of the truth."""
    lows, highs = (true.low, predicted.low), (true.high, predicted.high)
    if None in (*lows, *highs):
        return {"error": 1.0, "middle": 0.0, "half": 1.0}
    error = max(highs[1] - lows[0], highs[0] - lows[1])
    return {"error": error or 1.0, "middle": (true.low + true.high) / 2, "half": (true.high - true.low) / 2 or 1.0}


def sums(true: np.ndarray, predicted: np.ndarray, scale: Mapping[str, float]) -> Sums:
    """Count and exact sums over rows where both are numbers."""
    e, d = (predicted - true) / scale["error"], (true - scale["middle"]) / scale["half"]
    e2, d2 = e * e, d * d
    parts = {
        "e": e, "abs": np.abs(e), "e2": e2, "e4": e2 * e2, "d": d, "d2": d2, "d3": d2 * d, "d4": d2 * d2, "e2d": e2 * d, "e2d2": e2 * d2,
    }  # fmt: skip
    return {"n": len(e), **{name: exact_sum(values) for name, values in parts.items()}}


def exact_sum(values: np.ndarray) -> int:
    """The sum of numbers between -1 and 1 in whole steps, added without rounding."""
    steps = np.rint(values * STEPS).astype(np.int64)
    return (int((steps >> LOW_BITS).sum()) << LOW_BITS) + int((steps & (2**LOW_BITS - 1)).sum())


def less(whole: Sums, part: Sums) -> Sums:
    """The sums of the rows that are not in the part."""
    return {name: whole[name] - part[name] for name in whole}


def mean(found: Sums, name: str) -> float:
    """The mean of one of the sums, in its scale."""
    return found[name] / STEPS / found["n"]


def mean_error(found: Sums, scale: Mapping[str, float]) -> Figure:
    """Predicted minus true, on average."""
    return _mean(mean(found, "e"), _variance(found, "e", "e2"), found["n"], scale["error"])


def absolute_error(found: Sums, scale: Mapping[str, float]) -> Figure:
    """The mean size of an error."""
    value, low, high = _mean(mean(found, "abs"), _variance(found, "abs", "e2"), found["n"], scale["error"])
    return value, None if low is None else max(0.0, low), high


def true_mean(found: Sums, scale: Mapping[str, float]) -> Figure:
    """The mean of the true values."""
    value, low, high = _mean(mean(found, "d"), _variance(found, "d", "d2"), found["n"], scale["half"])
    return value + scale["middle"], *(None if end is None else end + scale["middle"] for end in (low, high))  # type: ignore[return-value]


def root_error(found: Sums, scale: Mapping[str, float]) -> Figure:
    """The root of the mean squared error."""
    square = mean(found, "e2")
    value = math.sqrt(square) * scale["error"]
    if found["n"] < 2 or not square:
        return value, None, None
    half = Z * math.sqrt(_variance(found, "e2", "e4") / found["n"]) / (2 * square)
    return value, value * math.exp(-half), value * math.exp(half)


def explained(found: Sums, scale: Mapping[str, float]) -> Figure | None:
    """R2, the share of the true values' variance that the predictions explain; None where the truth never varies."""
    spread, centre = _variance(found, "d", "d2") * (found["n"] - 1) / found["n"], mean(found, "d")
    if spread <= 0:
        return None
    ratio = (scale["error"] / scale["half"]) ** 2  # errors in the scale of the truth
    lost = mean(found, "e2") * ratio / spread
    value = 1 - lost
    if found["n"] < 3:
        return value, None, None
    # E[(e2 - lost (d - centre)2)2]: the mean of the influence is zero
    square = mean(found, "d4") - 4 * centre * mean(found, "d3") + 6 * centre**2 * mean(found, "d2") - 3 * centre**4
    mixed = mean(found, "e2d2") - 2 * centre * mean(found, "e2d") + centre**2 * mean(found, "e2")
    influence = ratio**2 * mean(found, "e4") - 2 * lost * ratio * mixed + lost**2 * square
    half = Z * math.sqrt(max(0.0, influence) / found["n"]) / spread
    return value, value - half, min(1.0, value + half)


def apart(left: Sums, right: Sums) -> float:
    """The two-sided p-value of equal mean errors in two parts of the rows (Welch, large samples)."""
    spread = sum(_variance(side, "e", "e2") / side["n"] for side in (left, right) if side["n"] > 1)
    gap = abs(mean(left, "e") - mean(right, "e"))
    if not spread:
        return 1.0 if not gap else 0.0
    return math.erfc(gap / math.sqrt(2 * spread))


def _variance(found: Sums, first: str, second: str) -> float:
    """The variance of what `first` sums, of which `second` sums the squares."""
    n = found["n"]
    if n < 2:
        return 0.0
    return max(0.0, (mean(found, second) - mean(found, first) ** 2) * n / (n - 1))


def _mean(value: float, variance: float, n: int, scale: float) -> Figure:
    if n < 2:
        return value * scale, None, None
    half = Z * math.sqrt(variance / n)
    return value * scale, (value - half) * scale, (value + half) * scale

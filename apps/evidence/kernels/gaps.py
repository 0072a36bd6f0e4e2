"""The largest difference of rates between groups, with an interval that does not take chance for a difference.

The largest of many differences is above zero even where all rates are equal, and so are its bootstrap replicates: their percentiles
would never hold zero. So every pair of groups has its own difference with its own deviation, and the lower end is the highest that
holds for all pairs together: its factor is the 95 % point of the largest standardised deviation of any pair in drawn tables
(simultaneous intervals, as Tukey's for means). The upper end is the highest upper end of a pair on its own. With more than two
groups the interval is wider than it need be, never narrower. Deviations count one more row of each kind (Agresti and Caffo 2000).
"""

from itertools import combinations

import numpy as np

from apps.evidence.kernels.intervals import Z

DRAWS = 1000


def largest(events: np.ndarray, sizes: np.ndarray, *, seed: int) -> tuple[float, float, float]:
    """The largest difference between two groups in any stratum, and its 95 % interval, from counts [stratum, group]."""
    pairs = np.array(list(combinations(range(sizes.shape[-1]), 2))).T
    gaps, deviations = _pairs(events, sizes, pairs)
    drawn = np.random.default_rng(seed).binomial(sizes, events / sizes, size=(DRAWS, *sizes.shape))
    moved, spread = _pairs(drawn, sizes, pairs)
    factor = float(np.quantile((np.abs(moved - gaps) / spread).reshape(DRAWS, -1).max(axis=1), 0.95))
    value = float(np.abs(gaps).max())
    low = float((np.abs(gaps) - factor * deviations).max())
    high = float((np.abs(gaps) + Z * deviations).max())
    return value, max(0.0, min(low, value)), min(1.0, max(high, value))


def lowest_ratio(events: np.ndarray, sizes: np.ndarray, *, seed: int) -> tuple[float, float] | None:
    """The 95 % interval of the lowest ratio of two groups' rates, from counts [group], for all pairs together; None without events.

    The same on the log scale, with half a row added to each side (Walter 1975)."""
    if not events.all():
        return None
    pairs = np.array(list(combinations(range(len(sizes)), 2))).T
    gaps, deviations = _log_pairs(events, sizes, pairs)
    drawn = np.random.default_rng(seed).binomial(sizes, events / sizes, size=(DRAWS, len(sizes)))
    moved, spread = _log_pairs(drawn, sizes, pairs)
    factor = float(np.quantile((np.abs(moved - gaps) / spread).max(axis=1), 0.95))
    near = float((np.abs(gaps) - factor * deviations).max())
    far = float((np.abs(gaps) + Z * deviations).max())
    return float(np.exp(-far)), float(np.exp(-max(0.0, near)))


def _log_pairs(events: np.ndarray, sizes: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log ratios of the rates of every pair of groups, with their standard deviations."""
    logs = np.log((events + 0.5) / (sizes + 0.5))
    spread = np.maximum(1 / (events + 0.5) - 1 / (sizes + 0.5), 1e-12)
    first, second = pairs
    return logs[..., first] - logs[..., second], np.sqrt(spread[..., first] + spread[..., second])


def _pairs(events: np.ndarray, sizes: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of rates of every pair of groups, with their standard deviations."""
    rates, padded = events / sizes, (events + 1) / (sizes + 2)
    spread = padded * (1 - padded) / (sizes + 2)
    first, second = pairs
    return rates[..., first] - rates[..., second], np.sqrt(spread[..., first] + spread[..., second])

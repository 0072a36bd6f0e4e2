"""Two models on the same rows: differences that use the pairing, and how a difference stands against a band.

Sources: DeLong et al. (1988) in the form of Sun and Xu (2014) for areas; McNemar (1947) for errors; Efron (1979) for the
paired bootstrap, drawn as multinomial tables over who decided what.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from apps.evidence.kernels.intervals import Z, replicates

DRAWS = 1000
EXACT = 1000  # rows on which one model errs and the other does not, up to which the binomial is used


@dataclass(frozen=True)
class Difference:
    """New minus old, with its 95 % interval and the p-value of no difference where a test gives one."""

    new: float | None
    old: float | None
    value: float | None
    low: float | None
    high: float | None
    p: float | None = None


def areas(new: np.ndarray, old: np.ndarray, outcome: np.ndarray) -> Difference | None:
    """Difference of two areas under the curve on the same rows; None without both outcomes."""
    positive, negative = outcome == 1, outcome == 0
    n1, n0 = int(positive.sum()), int(negative.sum())
    if n1 < 2 or n0 < 2:
        return None
    placements = [_placements(scores, positive, negative) for scores in (new, old)]
    values = [float(above.mean()) for above, _ in placements]
    spread = np.cov(np.stack([above for above, _ in placements])) / n1
    spread = spread + np.cov(np.stack([under for _, under in placements])) / n0
    variance = float(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    value, error = values[0] - values[1], math.sqrt(max(variance, 0.0))
    p = math.erfc(abs(value) / error / math.sqrt(2)) if error else 1.0
    return Difference(values[0], values[1], value, value - Z * error, value + Z * error, p)


def _placements(scores: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per positive the share of negatives under it, per negative the share of positives over it; ties count half."""
    n1, n0 = int(positive.sum()), int(negative.sum())
    everybody = stats.rankdata(np.concatenate([scores[positive], scores[negative]]))
    own, others = stats.rankdata(scores[positive]), stats.rankdata(scores[negative])
    return (everybody[:n1] - own) / n0, 1 - (everybody[n1:] - others) / n1


def squared_errors(new: np.ndarray, old: np.ndarray, outcome: np.ndarray) -> Difference:
    """Difference of two mean squared errors on the same rows, with the interval of the paired mean."""
    errors = [(scores - outcome) ** 2 for scores in (new, old)]
    gaps = errors[0] - errors[1]
    half = Z * float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0
    value = float(gaps.mean())
    p = math.erfc(abs(value) / (half / Z) / math.sqrt(2)) if half else 1.0
    return Difference(float(errors[0].mean()), float(errors[1].mean()), value, value - half, value + half, p)


def mcnemar(only_new_errs: int, only_old_errs: int) -> float:
    """p-value of both models erring equally often, from the rows on which exactly one errs: exact, or chi-square when many."""
    n = only_new_errs + only_old_errs
    if n == 0:
        return 1.0
    if n <= EXACT:
        return float(stats.binomtest(only_new_errs, n, 0.5).pvalue)
    return math.erfc(abs(only_new_errs - only_old_errs) / math.sqrt(n) / math.sqrt(2))


def rates(table: np.ndarray) -> dict[str, np.ndarray]:
    """Rates of one model from [..., outcome, decision]; NaN where nothing is divided."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = table.sum(axis=(-1, -2))
        return {
            "accuracy": (table[..., 0, 0] + table[..., 1, 1]) / total,
            "recall": table[..., 1, 1] / table[..., 1, :].sum(axis=-1),
            "false_positive_rate": table[..., 0, 1] / table[..., 0, :].sum(axis=-1),
            "precision": table[..., 1, 1] / table[..., :, 1].sum(axis=-1),
            "selection_rate": table[..., :, 1].sum(axis=-1) / total,
        }


def decided(joint: np.ndarray, seed: int) -> dict[str, Difference]:
    """Differences of rates from [outcome, new decision, old decision], with intervals from paired replicates."""
    drawn = replicates(joint, DRAWS, seed)
    new, old = rates(joint.sum(axis=2)), rates(joint.sum(axis=1))
    new_drawn, old_drawn = rates(drawn.sum(axis=3)), rates(drawn.sum(axis=2))
    found = {name: _difference(new[name], old[name], new_drawn[name] - old_drawn[name]) for name in new}
    errs = [joint[0, 1, 0] + joint[1, 0, 1], joint[0, 0, 1] + joint[1, 1, 0]]
    p = mcnemar(int(errs[0]), int(errs[1]))
    found["accuracy"] = Difference(**{**vars(found["accuracy"]), "p": p})
    return found


def lowest_ratio(joint: np.ndarray, seed: int) -> Difference:
    """Difference of the lowest impact ratios from [group, new decision, old decision], with its interval."""
    drawn = replicates(joint, DRAWS, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        new, old = _ratio(joint.sum(axis=2)), _ratio(joint.sum(axis=1))
        return _difference(new, old, _ratio(drawn.sum(axis=3)) - _ratio(drawn.sum(axis=2)))


def _ratio(table: np.ndarray) -> np.ndarray:
    found = table[..., 1] / table.sum(axis=-1)
    return np.asarray(found.min(axis=-1) / found.max(axis=-1))


def _difference(new: np.ndarray, old: np.ndarray, drawn: np.ndarray) -> Difference:
    finite = drawn[np.isfinite(drawn)]
    if not (np.isfinite(new) and np.isfinite(old)) or finite.size < DRAWS * 0.9:
        return Difference(_known(new), _known(old), None, None, None)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Difference(float(new), float(old), float(new - old), float(low), float(high))


def _known(value: np.ndarray) -> float | None:
    return float(value) if np.isfinite(value) else None


def against_band(found: Difference, band: float, *, more_is: int) -> str:
    """How a difference stands: better, no worse, worse, moved, within, or open when the rows do not settle it.

    `more_is` is 1 where more is better, -1 where less is, 0 where neither is and only staying within the band counts."""
    if found.value is None or found.low is None or found.high is None:
        return "open"
    if more_is == 0:
        is_within = -band <= found.low and found.high <= band
        return "within" if is_within else "moved" if found.low > band or found.high < -band else "open"
    low, high = sorted((found.low * more_is, found.high * more_is))
    if low > 0:
        return "better"
    if low >= -band:
        return "no_worse"
    return "worse" if high < 0 else "open"

"""How often each interval that a check prints holds the truth, by simulation of data whose truth is known.

    python -m tests.evidence.coverage [--draws 4000] [--only TEXT]

One line for each case: the interval, where it is printed, the case, how often of 100 it held the truth, how often it lay wholly
under and wholly over it. With 4000 draws the share itself is uncertain by 0.7 of 100. What has no such interval (a largest value
of many, a chance level, a Shapley value with its standard error) is not here. Figures of the last run stand in docs/evidence.md.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from apps.evidence.checks.explainability import importance
from apps.evidence.kernels import comparing, drift, explain, gaps, intervals, loading, paired

Interval = tuple[float, float] | None
LEAST, MOST = 93.0, 97.0


@dataclass(frozen=True)
class Case:
    """One interval under one truth. `share` is how many of the asked draws are made, where one takes long."""

    name: str
    where: str
    what: str
    truth: float
    once: Callable[[np.random.Generator], Interval]
    share: float = 1.0
    wide: str = ""
    """Why it may hold the truth more often than it says; empty where it may not."""


@dataclass(frozen=True)
class Covered:
    """How often of 100 the interval held the truth, lay under it, lay over it; draws without an interval are left out."""

    held: float
    under: float
    over: float
    width: float
    draws: int
    without: int


def covered(case: Case, draws: int, seed: int = 20261125) -> Covered:
    """The case, so many times."""
    chance = np.random.default_rng(seed)
    count = max(20, round(draws * case.share))
    found = [interval for _ in range(count) if (interval := case.once(chance)) is not None]
    low, high = np.array(found).T
    slack = 1e-9 * max(1.0, abs(case.truth))
    under, over = float((high < case.truth - slack).mean()), float((low > case.truth + slack).mean())
    return Covered(
        100 * (1 - under - over), 100 * under, 100 * over, float((high - low).mean()), count, count - len(found)
    )


# --- rates, ratios and differences of rates -------------------------------------------------------------------------------


def rate(n: int, p: float, chance: np.random.Generator) -> Interval:
    """A share of rows."""
    return intervals.wilson(int(chance.binomial(n, p)), n)


def ratio(n: int, p: float, m: int, q: float, chance: np.random.Generator) -> Interval:
    """A group's rate divided by another's."""
    found = intervals.ratio(int(chance.binomial(n, p)), n, int(chance.binomial(m, q)), m)
    return found and found[1:]


def groups(chance: np.random.Generator, sizes: list[int], base: float, errors: list[tuple[float, float]]) -> np.ndarray:
    """Counts [group, outcome, decision] where groups decide positively at these false and true positive rates."""
    table = np.zeros((len(sizes), 2, 2), dtype=np.int64)
    for group, (n, rates) in enumerate(zip(sizes, errors, strict=True)):
        positive = chance.binomial(n, base)
        for outcome, rows in enumerate((n - positive, positive)):
            yes = chance.binomial(rows, rates[outcome])
            table[group, outcome] = rows - yes, yes
    return table


def lowest(rates: list[float], n: int, chance: np.random.Generator) -> Interval:
    """The lowest ratio of several groups' rates."""
    sizes = np.full(len(rates), n)
    return gaps.lowest_ratio(chance.binomial(sizes, rates), sizes, seed=int(chance.integers(2**31)))


def gap(name: str, sizes: list[int], errors: list[tuple[float, float]], chance: np.random.Generator) -> Interval:
    """The largest difference of selection or error rates between groups."""
    found = comparing.differences(groups(chance, sizes, 0.5, errors), has_target=True, seed=int(chance.integers(2**31)))
    return found[name][1:]


# --- areas -------------------------------------------------------------------------------------------------------------------


def moved(area: float) -> float:
    """How far the scores of positives lie above those of negatives, in deviations, for this area."""
    from scipy.stats import norm

    return float(norm.ppf(area)) * math.sqrt(2)


def area(n1: int, n0: int, truth: float, chance: np.random.Generator) -> Interval:
    """The area under the curve of normal scores."""
    scores = np.concatenate([chance.normal(moved(truth), 1, n1), chance.normal(0, 1, n0)])
    order = np.argsort(scores)
    is_positive = (order < n1).astype(int)
    found = intervals.area(is_positive, 1 - is_positive)
    return found and found[1:]


def rounded_area(n1: int, n0: int, chance: np.random.Generator) -> Interval:
    """The area of scores of five values."""
    positive, negative = chance.multinomial(n1, FIVE[0]), chance.multinomial(n0, FIVE[1])
    found = intervals.area(positive, negative)
    return found and found[1:]


FIVE = np.array([[0.05, 0.1, 0.2, 0.3, 0.35], [0.35, 0.3, 0.2, 0.1, 0.05]])
FIVE_TRUTH = float(sum(FIVE[0][i] * (FIVE[1][:i].sum() + FIVE[1][i] / 2) for i in range(5)))


def brier(n: int, chance: np.random.Generator) -> Interval:
    """The Brier score of calibrated scores of nine values."""
    values = np.arange(1, 10) / 10
    rows = chance.multinomial(n, np.full(9, 1 / 9))
    positive = chance.binomial(rows, values)
    found = intervals.mean(np.stack([values, 1 - values], axis=1) ** 2, np.stack([rows - positive, positive], axis=1))
    return found[1:]


def telling(n: int, chance: np.random.Generator) -> Interval:
    """The area of a classifier that tells two samples of one source apart."""
    codes = chance.normal(size=(2 * n, 4)).round(1)
    found = drift.telling_apart(codes, np.repeat([False, True], n), int(chance.integers(2**31)))
    return found and found[1:]


# --- two versions on the same rows ---------------------------------------------------------------------------------------


POSITIVE = 0.4
SQUARED = -0.01034  # of 16 million rows, with a standard error of 0.00002; the others follow from normal distributions


def both(chance: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two scores of the same rows that share most of what they know, and the outcome."""
    outcome = (chance.random(n) < POSITIVE).astype(int)
    shared = outcome + chance.normal(size=n)
    return shared + chance.normal(scale=0.3, size=n), shared + chance.normal(scale=0.6, size=n), outcome


def difference(what: str, n: int, chance: np.random.Generator) -> Interval:
    """New less old: areas, squared errors, or a rate of the decisions at one half."""
    new, old, outcome = both(chance, n)
    if what == "area":
        found: Any = paired.areas(new, old, outcome)
    elif what == "squared":
        found = paired.squared_errors(1 / (1 + np.exp(0.5 - new)), 1 / (1 + np.exp(0.5 - old)), outcome)
    else:
        joint = np.zeros((2, 2, 2), dtype=np.int64)
        np.add.at(joint, (outcome, (new > 0.5).astype(int), (old > 0.5).astype(int)), 1)
        found = paired.decided(joint, int(chance.integers(2**31)))[what]
    return None if found is None or found.low is None else (found.low, found.high)


def difference_truth(what: str) -> float:
    """The same of all rows there could be: a positive's score is normal around 1, a negative's around 0, with these deviations."""
    from scipy.stats import norm

    found = []
    for deviation in (math.hypot(1, 0.3), math.hypot(1, 0.6)):
        recall, wrong = norm.cdf(0.5 / deviation), norm.cdf(-0.5 / deviation)
        chosen = POSITIVE * recall + (1 - POSITIVE) * wrong
        rates = {
            "area": norm.cdf(1 / deviation / math.sqrt(2)),
            "accuracy": recall,
            "recall": recall,
            "selection_rate": chosen,
        }
        found.append(rates | {"false_positive_rate": wrong, "precision": POSITIVE * recall / chosen, "squared": 0.0})
    return SQUARED if what == "squared" else float(found[0][what] - found[1][what])


def impact(rates: tuple[tuple[float, float], tuple[float, float]], n: int, chance: np.random.Generator) -> Interval:
    """Lowest impact ratio of the new version less that of the old, for two groups."""
    joint = np.zeros((2, 2, 2), dtype=np.int64)
    for group in range(2):
        new, old = rates[0][group], rates[1][group]
        stays = min(new, old) * 0.9  # decided positively by both
        shares = [1 - new - old + stays, old - stays, new - stays, stays]
        joint[group] = chance.multinomial(n, shares).reshape(2, 2)
    found = paired.lowest_ratio(joint, int(chance.integers(2**31)))
    return None if found.low is None or found.high is None else (found.low, found.high)


# --- drift, explanations, time -----------------------------------------------------------------------------------------------

BEFORE = np.array([0.1] * 10)
AFTER = np.array([0.05, 0.06, 0.08, 0.1, 0.1, 0.1, 0.1, 0.12, 0.14, 0.15])
INDEX = float(((AFTER - BEFORE) * np.log(AFTER / BEFORE)).sum())


def index(n: int, shares: np.ndarray, chance: np.random.Generator) -> Interval:
    """The stability index of ten bands."""
    cells = np.stack([chance.multinomial(n, shares), chance.multinomial(n, BEFORE)])
    return drift.stability_interval(cells, int(chance.integers(2**31)))


def linear(columns: Any) -> list[float]:
    """A score whose Shapley values are known."""
    return [2 * a + b for a, b in zip(columns["a"], columns["b"], strict=True)]


def effect(n: int, chance: np.random.Generator) -> Interval:
    """The mean absolute effect of a feature on the score."""
    explained, background = ({name: chance.normal(size=rows).tolist() for name in "ab"} for rows in (n, 50))
    found = explain.shapley(
        linear, explained, {name: [0.0] * 50 for name in background}, seed=int(chance.integers(2**31))
    )
    row = next(row for row in importance(found) if row["feature"] == "a")
    return row["interval"][0], row["interval"][1]


def time_of(share: float, n: int, chance: np.random.Generator) -> Interval:
    """A quantile of answer times."""
    return loading.quantile_interval(sorted(chance.lognormal(size=n).tolist()), share)


SEVERAL = "holds several differences together, of which one is asked about"
FEW = "few rows: the percentiles of replicates are wide"
AT_ITS_END = "an index is never under zero, and zero is its lower end"
SAME, APART, THREE = [(0.3, 0.6)] * 2, [(0.2, 0.5), (0.35, 0.7)], [(0.2, 0.5), (0.3, 0.6), (0.35, 0.7)]
DIFFERENCES = {
    "area": "difference of areas (DeLong)", "squared": "difference of Brier scores", "accuracy": "difference of accuracy",
    "recall": "difference of recall", "false_positive_rate": "difference of false positive rates", "precision": "difference of precision",
    "selection_rate": "difference of positive decisions",
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Every interval that is printed, under truths near and far from the ends."""
    yield from cases_of_rates()
    yield from cases_of_groups()
    yield from cases_of_areas()
    yield from cases_of_versions()
    yield from cases_of_others()


def cases_of_rates() -> Iterator[Case]:
    """Shares of rows, and ratios of two of them."""
    where = "fairness, performance, subpopulations, protected attributes, robustness, counterfactuals, calibration"
    for n, p in ((30, 0.1), (30, 0.5), (100, 0.02), (300, 0.5), (3000, 0.9)):
        yield Case("rate (Wilson)", where, f"{p:g} of {n} rows", p, partial(rate, n, p))
    for n, p, m, q in ((60, 0.4, 60, 0.5), (300, 0.4, 300, 0.5), (2000, 0.1, 500, 0.2)):
        what = f"{p:g} of {n} to {q:g} of {m}"
        yield Case("impact ratio (log ratio)", "fairness", what, p / q, partial(ratio, n, p, m, q))


def cases_of_groups() -> Iterator[Case]:
    """The lowest and the largest among several groups."""
    five = [0.3, 0.38, 0.4, 0.41, 0.5]
    for n in (100, 1000):
        for some, what in (
            ([0.4] * 3, "three equal groups"),
            ([0.4] * 5, "five equal groups"),
            (five, "five groups apart"),
        ):
            truth, wide = min(some) / max(some), SEVERAL if some is five else ""
            yield Case(
                "lowest impact ratio", "fairness", f"{what} of {n} rows", truth, partial(lowest, some, n), wide=wide
            )
        for name, word in (("selection", "difference of selection rates"), ("odds", "equalised odds difference")):
            for errors, what in ((SAME, "two equal groups"), (APART, "two groups apart"), (THREE, "three groups")):
                halves = [sum(pair) / 2 for pair in errors]
                worst = max(max(pair[k] for pair in errors) - min(pair[k] for pair in errors) for k in (0, 1))
                truth = max(halves) - min(halves) if name == "selection" else worst
                wide = SEVERAL if errors is THREE or (name == "odds" and errors is APART) else ""
                once = partial(gap, name, [n] * len(errors), errors)
                yield Case(word, "fairness", f"{what} of {n} rows", truth, once, wide=wide)


def cases_of_areas() -> Iterator[Case]:
    """Areas under curves."""
    for n1, n0, truth in (
        (30, 30, 0.75),
        (30, 30, 0.95),
        (30, 300, 0.85),
        (100, 100, 0.9),
        (100, 100, 0.98),
        (1000, 1000, 0.75),
    ):
        yield Case(
            "area (DeLong)", "performance", f"{truth:g} of {n1} and {n0} rows", truth, partial(area, n1, n0, truth)
        )
    yield Case(
        "area (DeLong)", "performance", "five values, 200 and 200 rows", FIVE_TRUTH, partial(rounded_area, 200, 200)
    )
    for n in (100, 1000):
        yield Case(
            "Brier score",
            "performance",
            f"{n} rows",
            float(np.mean([p * (10 - p) / 100 for p in range(1, 10)])),
            partial(brier, n),
        )
    yield Case("area of a classifier", "drift", "one source, 300 and 300 rows", 0.5, partial(telling, 300), 0.1)


def cases_of_versions() -> Iterator[Case]:
    """Differences of two versions on the same rows."""
    for what, word in DIFFERENCES.items():
        for n in (200, 2000):
            yield Case(word, "comparison", f"{n} rows", difference_truth(what), partial(difference, what, n))
    shifts = (((0.3, 0.5), (0.4, 0.5)), ((0.4, 0.5), (0.4, 0.5)))
    for n in (200, 2000):
        for shift, what in zip(shifts, ("0.6 against 0.8", "0.8 against 0.8"), strict=True):
            truth, wide = shift[0][0] / shift[0][1] - shift[1][0] / shift[1][1], FEW if n < 1000 else ""
            name = "difference of lowest impact ratios"
            yield Case(name, "comparison", f"{what}, {n} rows each", truth, partial(impact, shift, n), wide=wide)


def cases_of_others() -> Iterator[Case]:
    """Drift, explanations, time."""
    for n in (500, 5000, 50_000):
        yield Case("stability index", "drift", f"{INDEX:.2f}, {n} rows each", INDEX, partial(index, n, AFTER))
        yield Case(
            "stability index", "drift", f"no shift, {n} rows each", 0.0, partial(index, n, BEFORE), wide=AT_ITS_END
        )
    yield Case(
        "mean absolute effect", "explainability", "100 rows", 2 * math.sqrt(2 / math.pi), partial(effect, 100), 0.25
    )
    for share, n, truth in ((0.5, 20, 1.0), (0.5, 200, 1.0)):
        yield Case("median time", "load", f"{n} answers", truth, partial(time_of, share, n))


def main() -> int:
    """One JSON object for each case; exit 1 when one held it less often than 93 of 100 times, or more often than 97 without a reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    asked = parser.parse_args()
    outside = 0
    for case in cases():
        if asked.only not in case.name:
            continue
        begun = time.monotonic()
        found = covered(case, asked.draws)
        is_inside = LEAST <= round(found.held, 1) <= (100.0 if case.wide else MOST)
        outside += not is_inside
        row = {"interval": case.name, "printed by": case.where, "case": case.what, "held": round(found.held, 1),
               "under": round(found.under, 1), "over": round(found.over, 1), "width": round(found.width, 4), "draws": found.draws,
               "without": found.without, "inside": is_inside, "wide": case.wide, "seconds": round(time.monotonic() - begun, 1)}  # fmt: skip
        print(json.dumps(row), flush=True)
    return int(outside > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Groups against the group with the highest rate of positive decisions: rates, ratios, tests, errors and readings."""

from typing import Any

import numpy as np

from apps.evidence.checks.base import SMALLEST_GROUP
from apps.evidence.kernels import decisions, fairness, gaps, intervals

FEWEST_EVENTS = 5
ERRORS = ("true_positive_rate", "false_positive_rate", "false_negative_rate", "precision", "accuracy")
OUTCOME_OF = {"true_positive_rate": 1, "false_positive_rate": 0, "false_negative_rate": 1}


def compare(sides: np.ndarray, names: list[str], *, limit: float, has_target: bool) -> list[dict[str, Any]]:
    """A row per group from its counts [group, outcome, decision]. The reference has the highest rate of the large groups."""
    sizes = [int(side.sum()) for side in sides]
    large = [place for place, n in enumerate(sizes) if n >= SMALLEST_GROUP]
    best = max(large, key=lambda place: (sides[place][:, 1].sum() / sizes[place], sizes[place]), default=None)
    rows = []
    for place, shown in enumerate(decisions.readings(sizes)):
        row: dict[str, Any] = {
            "group": names[place],
            "size": sizes[place],
            "n": decisions.shown_count(sizes[place], shown),
        }
        row |= {"reading": "insufficient", "flagged": False}
        if shown == "shown" and best is not None:
            row |= _against(sides[place], sides[best], limit, is_reference=place == best)
            row |= errors_of(sides[place]) if has_target else dict.fromkeys(ERRORS)
        rows.append(row)
    tested = [row for row in rows if row.get("raw") is not None]
    for row, p in zip(tested, intervals.holm([row["raw"] for row in tested]), strict=True):
        row["p"] = p
    return rows


def errors_of(side: np.ndarray) -> dict[str, float | None]:
    """Error rates of one group from its counts [outcome, decision]; None where no row has the outcome that is asked for."""
    found = fairness.named(fairness.rates(side[np.newaxis])[0])
    return {name: None if name in OUTCOME_OF and not side[OUTCOME_OF[name]].any() else found[name] for name in ERRORS}


def _against(side: np.ndarray, top: np.ndarray, limit: float, *, is_reference: bool) -> dict[str, Any]:
    """Rate, ratio to the reference, test, and what the two together read as."""
    selected, n = int(side[:, 1].sum()), int(side.sum())
    row: dict[str, Any] = {
        "selected": selected,
        "rate": selected / n,
        "rate_interval": list(intervals.wilson(selected, n) or ()),
    }
    if is_reference:
        return row | {"ratio": 1.0, "reading": "reference"}
    most, of = int(top[:, 1].sum()), int(top.sum())
    row["z"], row["raw"] = intervals.two_rates(selected, n, most, of)
    row["ratio"] = row["rate"] / (most / of) if most else None
    found = intervals.ratio(selected, n, most, of)
    if found:
        row["ratio_interval"] = list(found[1:])
    if row["ratio"] is None or selected < FEWEST_EVENTS:
        return row | {"reading": "few_events"}
    is_below, is_clear = row["ratio"] < limit, found is not None and found[2] < 1
    reading = "flag" if is_below and is_clear else "watch" if is_below or is_clear else "none"
    return row | {"reading": reading, "flagged": reading == "flag"}


def differences(sides: np.ndarray, *, has_target: bool, seed: int) -> dict[str, tuple[float, float, float]]:
    """The largest differences of selection rates and of error rates between large groups, with their intervals."""
    large = sides[sides.sum(axis=(1, 2)) >= SMALLEST_GROUP]
    if len(large) < 2:
        return {}
    sizes = large.sum(axis=-1)  # [group, outcome]
    found = {"selection": gaps.largest(large[..., 1].sum(axis=1)[None], sizes.sum(axis=1)[None], seed=seed)}
    if has_target and sizes.min() > 0:
        found["odds"] = gaps.largest(large[..., 1].T, sizes.T, seed=seed)
    return found


def add_mean_differences(rows: list[dict[str, Any]], scores: Any, middles: Any) -> None:
    """Give every compared row its standardised mean difference of scores to the reference, from counts [group, score cell]."""
    reference = next((place for place, row in enumerate(rows) if row["reading"] == "reference"), None)
    if reference is None:
        return
    counts, values = np.asarray(scores, dtype=np.float64)[: len(rows), :-2], np.asarray(middles, dtype=np.float64)
    found = mean_differences(counts, values, reference)
    for row, difference in zip(rows, found, strict=True):
        if "rate" in row:
            row["mean_difference"] = difference


def mean_differences(counts: np.ndarray, values: np.ndarray, reference: int) -> list[float | None]:
    """Mean of each group less that of the reference, in standard deviations of all groups together."""
    sizes, everybody = counts.sum(axis=1), counts.sum(axis=0)
    if not sizes[reference] or everybody.sum() < 2:
        return [None] * len(counts)
    mean = (everybody * values).sum() / everybody.sum()
    spread = float(np.sqrt((everybody * (values - mean) ** 2).sum() / (everybody.sum() - 1)))
    means = counts @ values / np.maximum(sizes, 1)
    return [
        float((at - means[reference]) / spread) if n and spread else None for at, n in zip(means, sizes, strict=True)
    ]

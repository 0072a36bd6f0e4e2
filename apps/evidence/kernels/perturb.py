"""Rows moved on purpose: a little noise, a gap, a number far outside what was seen, a category that never was."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.evidence.kernels.survey import Column

Columns = Mapping[str, Sequence[Any]]
NEVER_SEEN = "never seen before"
KINDS = {"noise": "Small noise", "missing": "Missing", "outside": "Out of range", "unseen": "Unseen category"}


def spread_of(column: Column) -> float:
    """Standard deviation of a numeric column, from the survey's sample."""
    return float(np.std(column.sample)) if len(column.sample) > 1 else 0.0


def described(column: Column) -> dict[str, Any]:
    """What has to be known of a feature to move its values: plain values, fit for a plan."""
    numeric = column.is_numeric
    low, high = (column.low or 0.0, column.high or 0.0) if numeric else (0.0, 0.0)
    return {"kind": column.kind, "spread": spread_of(column) if numeric else 0.0, "low": low, "high": high}


def kinds_for(feature: Mapping[str, Any]) -> list[str]:
    """The ways in which a feature's values can be moved."""
    if feature["kind"] == "text":
        return ["missing", "unseen"]
    return ["noise", "missing", "outside"] if feature["spread"] else ["missing", "outside"]


def moved(
    columns: Columns, names: Sequence[str], kind: str, known: Mapping[str, Any], *, noise: float, seed: int
) -> dict[str, list[Any]]:
    """The rows with the named features moved in one way; all other values stay."""
    found = {name: list(values) for name, values in columns.items()}
    for name in names:
        found[name] = _values(found[name], kind, known[name], noise=noise, seed=seed + list(columns).index(name))
    return found


def _values(values: list[Any], kind: str, feature: Mapping[str, Any], *, noise: float, seed: int) -> list[Any]:
    if kind == "missing":
        return [None] * len(values)
    if kind == "unseen":
        return [NEVER_SEEN] * len(values)
    numbers = np.asarray(values, dtype=np.float64)
    chance = np.random.default_rng(seed)
    if kind == "noise":
        numbers = numbers + chance.normal(scale=noise * feature["spread"], size=len(numbers))
    else:
        width = (feature["high"] - feature["low"]) or abs(feature["high"]) or 1.0
        ends = np.array([feature["low"] - width, feature["high"] + width])
        numbers = ends[chance.integers(0, 2, len(numbers))]
    return [round(value) for value in numbers.tolist()] if feature["kind"] == "integer" else numbers.tolist()

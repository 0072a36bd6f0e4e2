"""Shapley values of a score through a scoring endpoint, in few and large calls.

Antithetic permutation sampling: every pair of walks (a random order of the features and its reverse) starts from one row
of the background and switches one feature after the other to the explained row. Each background row is used once per
explained row, so that with as many pairs as background rows the values add up exactly to the score minus the mean score
of the background. All walks of all rows are scored together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Columns = Mapping[str, Sequence[Any]]
Predict = Callable[[Columns], Any]


@dataclass(frozen=True)
class Explanation:
    """Shapley values [row, feature] with their standard errors, the scores explained and the mean score of the background."""

    features: list[str]
    values: np.ndarray
    errors: np.ndarray
    scores: np.ndarray
    base: float

    @property
    def gap(self) -> float:
        """The largest difference between a score and base plus values: zero but for rounding."""
        return float(np.abs(self.base + self.values.sum(axis=1) - self.scores).max(initial=0.0))


def take(columns: Columns, rows: np.ndarray) -> dict[str, list[Any]]:
    """The columns at these row numbers."""
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def length(columns: Columns) -> int:
    """Rows in the columns."""
    return len(next(iter(columns.values()), []))


def shapley(predict: Predict, explained: Columns, background: Columns, *, seed: int) -> Explanation:
    """Explain every row against every background row, one pair of walks each."""
    features = list(explained)
    count, pairs, width = length(explained), length(background), len(features)
    random = np.random.default_rng(seed)
    orders = np.argsort(random.random((count, pairs, width)), axis=2)
    scores = np.asarray(predict(explained), dtype=np.float64)
    starts = np.asarray(predict(background), dtype=np.float64)
    forward = _walk(predict, explained, background, features, orders, scores, starts)
    backward = _walk(predict, explained, background, features, orders[:, :, ::-1], scores, starts)
    per_pair = (forward + backward) / 2
    errors = per_pair.std(axis=1, ddof=1) / np.sqrt(pairs) if pairs > 1 else np.zeros((count, width))
    return Explanation(features, per_pair.mean(axis=1), errors, scores, float(starts.mean()))


def _walk(
    predict: Predict, explained: Columns, background: Columns, features: list[str], orders: np.ndarray,
    scores: np.ndarray, starts: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """What each feature adds on each walk: [row, pair, feature]."""
    count, pairs, width = orders.shape
    ranks = np.argsort(orders, axis=2)  # when each feature is switched
    steps = np.arange(1, width)
    switched = ranks[:, :, None, :] < steps[None, None, :, None]  # [row, pair, step, feature]
    inner = np.empty((count, pairs, 0))
    if width > 1:
        row = np.broadcast_to(np.arange(count)[:, None, None], (count, pairs, width - 1)).ravel()
        other = np.broadcast_to(np.arange(pairs)[None, :, None], (count, pairs, width - 1)).ravel()
        flat = switched.reshape(-1, width)
        mixed = {}
        for place, name in enumerate(features):
            ours, theirs = _object(explained[name]), _object(background[name])
            mixed[name] = np.where(flat[:, place], ours[row], theirs[other]).tolist()
        inner = np.asarray(predict(mixed), dtype=np.float64).reshape(count, pairs, width - 1)
    ends = np.broadcast_to(scores[:, None, None], (count, pairs, 1))
    begins = np.broadcast_to(starts[None, :, None], (count, pairs, 1))
    gains = np.diff(np.concatenate([begins, inner, ends], axis=2), axis=2)
    return np.take_along_axis(gains, ranks, axis=2)


def _object(values: Sequence[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


def deletion(
    predict: Predict, explanation: Explanation, explained: Columns, background: Columns, *, seed: int, most: int = 5
) -> list[dict[str, float]]:
    """Mean change of the score when k features take another row's values: those the explanation ranks first, and random ones.

    An explanation of another model, or with columns in another order, does no better than chance here."""
    random = np.random.default_rng(seed + 1)
    count, width = explanation.values.shape
    other = random.integers(0, length(background), count)
    by_rank = np.argsort(-np.abs(explanation.values), axis=1, kind="stable")
    by_chance = np.argsort(random.random((count, width)), axis=1)
    found = []
    for k in sorted({1, min(3, width), min(most, width)}):
        row = {"k": float(k)}
        for name, order in (("ranked", by_rank), ("random", by_chance)):
            gone = np.zeros((count, width), dtype=bool)
            np.put_along_axis(gone, order[:, :k], True, axis=1)
            mixed = {
                feature: np.where(
                    gone[:, place], _object(background[feature])[other], _object(explained[feature])
                ).tolist()
                for place, feature in enumerate(explanation.features)
            }
            changed = np.asarray(predict(mixed), dtype=np.float64)
            row[name] = float(np.abs(changed - explanation.scores).mean())
        found.append(row)
    return found


def dependence(predict: Predict, sample: Columns, feature: str, grid: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Mean score and its spread over rows when one feature is set to each grid value for every row (partial dependence)."""
    count = length(sample)
    mixed = {name: list(values) * len(grid) for name, values in sample.items()}
    mixed[feature] = [value for value in grid for _ in range(count)]
    scores = np.asarray(predict(mixed), dtype=np.float64).reshape(len(grid), count)
    return scores.mean(axis=1), scores.std(axis=1)

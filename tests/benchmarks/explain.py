"""Explaining scores through a scoring endpoint, beside shap's PermutationExplainer on the same background.

What an endpoint charges for is rows and calls. The function has pairs of features in it and its Shapley values are known
in closed form, so that both sides' errors are measured and not assumed.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apps.evidence.inputs.scoring import BATCH_ROWS
from apps.evidence.kernels import explain
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Measurement

SIZES = {"full": (200, 20, 100), "quick": (20, 20, 100), "smoke": (2, 4, 8)}
"""Rows explained, features, rows of background."""
PERMUTATIONS = 10  # shap's own default: this many walks and as many back


@dataclass
class Endpoint:
    """A score with pairs of features in it, that counts what it is asked."""

    weights: np.ndarray
    pairs: np.ndarray
    rows: int = 0
    calls: int = 0
    sizes: list[int] = field(default_factory=list)

    def score(self, rows: np.ndarray) -> np.ndarray:
        """w x + x' P x, one call for each batch that the product would send."""
        self.rows += len(rows)
        self.calls += -(-len(rows) // BATCH_ROWS)
        found: np.ndarray = rows @ self.weights + np.einsum("ni,ij,nj->n", rows, self.pairs, rows, optimize=True)
        return found

    def exact(self, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
        """The Shapley values against the background: a product of two features is shared between both."""
        values = self.weights * (rows - background.mean(axis=0))
        for i, j in zip(*np.nonzero(self.pairs), strict=True):
            for first, second in ((i, j), (j, i)):
                x, y = rows[:, first, None], rows[:, second, None]
                a, b = background[None, :, first], background[None, :, second]
                values[:, first] += self.pairs[i, j] * ((x - a) * (b + y) / 2).mean(axis=1)
        return values


def measure(size: str) -> Iterator[Measurement]:
    """Rows scored, calls made, and the mean error of a value."""
    count, width, length = SIZES[size]
    chance = np.random.default_rng(11)
    pairs = np.triu(chance.normal(size=(width, width)), 1) * (chance.random((width, width)) < 0.1)
    rows, background = chance.normal(size=(count, width)), chance.normal(size=(length, width))
    ours, theirs = (Endpoint(chance.normal(size=width), pairs) for _ in range(2))
    theirs.weights = ours.weights
    exact = Endpoint(ours.weights, pairs).exact(rows, background)
    found = [own(ours, rows, background), of_shap(theirs, rows, background)]
    errors = [float(np.abs(values - exact).mean()) for values in found]
    name = f"shap PermutationExplainer, {PERMUTATIONS} permutations"
    case = f"{count} rows, {width} features, {length} rows of background"
    eighth, hundredth = measuring.ratio_at_most(1 / 8), measuring.ratio_at_most(1 / 100)
    same = measuring.ratio_at_most(1)
    yield Measurement("explain", f"{case}: scored rows", ours.rows, theirs.rows, name, eighth, "rows", 1)
    yield Measurement("explain", f"{case}: calls", ours.calls, theirs.calls, name, hundredth, "calls", 1)
    yield Measurement("explain", f"{case}: mean absolute error", *errors, name, same, "of the score", 1)


def own(endpoint: Endpoint, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The product's kernel, which asks in columns."""

    def predict(columns: Any) -> np.ndarray:
        return endpoint.score(np.column_stack([np.asarray(column, dtype=float) for column in columns.values()]))

    explained, other = (
        {str(place): part[:, place].tolist() for place in range(part.shape[1])} for part in (rows, background)
    )
    return explain.shapley(predict, explained, other, seed=7).values


def of_shap(endpoint: Endpoint, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    """shap's explainer of any function, with all of the background."""
    import shap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = shap.maskers.Independent(background, max_samples=len(background))
        explainer = shap.PermutationExplainer(endpoint.score, masker, seed=7)
        most = PERMUTATIONS * (2 * rows.shape[1] + 1)
        return np.asarray(explainer(rows, max_evals=most, silent=True).values)

"""Explaining scores through a scoring endpoint, beside shap's PermutationExplainer on the same background.

What an endpoint charges for is rows and calls. The function is one of trees, whose Shapley values shap computes exactly
from the trees themselves, so that both sides' errors are measured. The error of both falls with the root of what they
ask: where ours is larger, as many rows and calls are counted for us as would make it equal.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from apps.evidence.inputs.pacing import Pace
from apps.evidence.kernels import explain
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Measurement

SIZES = {"full": (200, 20, 100), "quick": (20, 20, 100), "smoke": (2, 10, 8)}
"""Rows explained, features, rows of background."""
ROW_SECONDS = 20e-6  # what the endpoint is taken to need for a row: as the model of this benchmark behind HTTP
PERMUTATIONS = 10  # shap's own default: this many walks and as many back


class Endpoint:
    """A model that counts what it is asked, one call for each request that the product would send at its pace."""

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray]) -> None:
        self.predict, self.rows, self.calls, self.pace = predict, 0, 0, Pace()

    def score(self, rows: np.ndarray) -> np.ndarray:
        """The scores of these rows."""
        self.rows += len(rows)
        rest = len(rows)
        while rest:
            sent = min(rest, self.pace.rows_now(rows.shape[1]))
            self.pace.answered(sent, sent * ROW_SECONDS)
            self.calls, rest = self.calls + 1, rest - sent
        return self.predict(rows)


def measure(size: str) -> Iterator[Measurement]:
    """Rows scored and calls made for the same mean error of a value."""
    count, width, length = SIZES[size]
    chance = np.random.default_rng(11)
    rows, background = chance.normal(size=(count, width)), chance.normal(size=(length, width))
    model = trees(chance, width)
    exact = of_trees(model, rows, background)
    ours, theirs = Endpoint(model.predict), Endpoint(model.predict)
    found = [own(ours, rows, background), of_shap(theirs, rows, background)]
    errors = [float(np.abs(values - exact).mean()) for values in found]
    more = max(1.0, (errors[0] / errors[1]) ** 2)
    name = f"shap PermutationExplainer, {PERMUTATIONS} permutations"
    case = f"{count} rows, {width} features, {length} rows of background"
    eighth, hundredth = measuring.ratio_at_most(1 / 8), measuring.ratio_at_most(1 / 100)
    asked = f"{case}: scored rows at equal error"
    yield Measurement("explain", asked, ours.rows * more, theirs.rows, name, eighth, "rows", 1)
    asked = f"{case}: calls at equal error"
    yield Measurement("explain", asked, ours.calls * more, theirs.calls, name, hundredth, "calls", 1)
    asked, around = f"{case}: mean absolute error as measured", measuring.ratio_at_most(1.5)
    yield Measurement("explain", asked, *errors, name, around, "of the score", 1)


def trees(chance: np.random.Generator, width: int) -> Any:
    """Boosted trees over products, steps and curves of the first features."""
    from sklearn.ensemble import GradientBoostingRegressor

    x = chance.normal(size=(3000, width))
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + x[:, 3] * (x[:, 4] > 0) + x[:, 5:].sum(axis=1) / 2
    return GradientBoostingRegressor(n_estimators=100, max_depth=5, random_state=0).fit(x, y)


def of_trees(model: Any, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The exact values, from the trees and the same background."""
    import shap

    explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    return np.asarray(explainer.shap_values(rows))


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

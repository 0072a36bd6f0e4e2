"""Rows moved on purpose, and what the score makes of them."""

from typing import Any

import numpy as np
import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools, Unmeasurable
from apps.evidence.kernels import perturb, survey
from tests.evidence.conftest import credit_rows, score_of
from tests.evidence.test_checks import Rows

FEATURES = ["income", "duration", "housing"]


def robust(predict: Any, **params: Any) -> Result:
    """The check over credit rows with this model."""
    check = registry()["robustness"]
    subject = Subject(name="credit", features=FEATURES, threshold=0.5)
    found = engine.measure(
        Rows(credit_rows(400)), {"robustness": (check, check.Params(**params))}, subject, Tools(predict=predict)
    )["robustness"]
    assert isinstance(found, Result), found
    return found


def credit_model(columns: Any) -> list[float]:
    """The linear model of the tests; refuses gaps in numbers, as INT64 tensors do."""
    if any(value is None for name in ("income", "duration") for value in columns[name]):
        raise Unmeasurable("The endpoint wants INT64.")
    return [score_of(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def change(result: Result, feature: str, kind: str) -> dict[str, Any]:
    """One row of the table of changes."""
    rows = result.tables[0]["rows"]
    found: dict[str, Any] = next(row for row in rows if row["feature"] == feature and row["kind"] == kind)
    return found


def test_an_unseen_category_moves_the_score_by_what_the_model_gives_to_the_known_ones() -> None:
    row = change(robust(credit_model), "housing", "Unseen category")
    assert row["largest"] == pytest.approx(0.15)
    assert 0 < row["mean"] < 0.15


def test_what_the_endpoint_refuses_is_told_and_stops_nothing() -> None:
    result = robust(credit_model)
    assert change(result, "income", "Missing")["reading"] == "refused"
    assert change(result, "housing", "Missing")["reading"] != "refused"
    assert {row["key"]: row["value"] for row in result.metrics}["refused"] == 2
    assert result.types == {"robustness_report": {"perturbation": True, "ood": True}}


def test_more_noise_changes_more_and_none_changes_nothing() -> None:
    levels = robust(credit_model, noise=0.0).tables[1]["rows"]
    assert levels[0] == levels[0] | {"level": "0", "changed": 0.0, "mean": 0.0}
    means = [row["mean"] for row in levels]
    assert means == sorted(means)


def test_noise_has_the_spread_that_it_says_and_the_range_is_left_by_one_range() -> None:
    state = survey.start()
    for batch in Rows([{"x": float(number) / 10} for number in range(1000)]).batches():
        state = survey.update(state, batch)
    known = {"x": perturb.described(survey.finish(state)["x"])}
    columns = {"x": [50.0] * 4000}
    noisy = perturb.moved(columns, ["x"], "noise", known, noise=0.5, seed=1)["x"]
    assert np.std(noisy) == pytest.approx(0.5 * np.std(np.arange(1000) / 10), rel=0.05)
    assert set(perturb.moved(columns, ["x"], "outside", known, noise=0.5, seed=1)["x"]) == {-99.9, 199.8}

"""Versions that predict a number: figures as scikit-learn and scipy give them, intervals that hold, groups told apart."""

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from apps.evidence import engine
from apps.evidence.checks import predicted_numbers, registry
from apps.evidence.checks.base import Result, Subject, Tools, Unmeasurable
from apps.evidence.kernels import charts, deviations, states
from apps.evidence.kernels.survey import Column
from tests.evidence.test_checks import Rows

PERFORMANCE = registry()["performance"]


def rows_of(n: int, seed: int = 0, lean: float = 0.0) -> list[dict[str, Any]]:
    """True and predicted prices; predictions for the north lean."""
    chance = np.random.default_rng(seed)
    true = chance.lognormal(4, 0.6, n)
    region = chance.choice(["north", "south"], n)
    predicted = true * 0.9 + 10 + chance.normal(0, 12, n) + lean * (region == "north")
    return [
        {"price": float(y), "guess": float(p), "region": str(place)}
        for y, p, place in zip(true, predicted, region, strict=True)
    ]


def subject(**more: Any) -> Subject:
    """What the check sees."""
    told: dict[str, Any] = {
        "name": "prices",
        "target": "price",
        "prediction": "guess",
        "facts": {"output_kind": "regression"},
    }
    return Subject(**{**told, "declared": {"region": {"is_protected": True}}, **more})


def measured(rows: list[dict[str, Any]], **more: Any) -> Result:
    """The result over these rows."""
    asked = {"performance": (PERFORMANCE, PERFORMANCE.Params())}
    found = engine.measure(Rows(rows), asked, subject(**more), Tools())["performance"]
    if isinstance(found, Unmeasurable):
        raise found
    assert isinstance(found, Result)
    return found


def test_figures_are_those_of_scikit_learn() -> None:
    rows = rows_of(700)
    found = {row["key"]: row for row in measured(rows).metrics}
    true, guess = np.array([row["price"] for row in rows]), np.array([row["guess"] for row in rows])
    assert found["mae"]["value"] == pytest.approx(metrics.mean_absolute_error(true, guess), rel=1e-12)
    assert found["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(true, guess), rel=1e-12)
    assert found["r2"]["value"] == pytest.approx(metrics.r2_score(true, guess), rel=1e-12)
    assert found["bias"]["value"] == pytest.approx(float((guess - true).mean()), rel=1e-10)
    assert found["median_error"]["value"] == pytest.approx(metrics.median_absolute_error(true, guess), rel=5e-3)
    low, high = stats.t.interval(0.95, 699, (guess - true).mean(), stats.sem(guess - true))
    assert [found["bias"]["low"], found["bias"]["high"]] == pytest.approx([low, high], rel=5e-3)
    assert all(row["low"] <= row["value"] <= row["high"] for key, row in found.items() if key != "rows")


def test_a_group_whose_predictions_lean_is_told_and_small_groups_are_not() -> None:
    small = [{**row, "region": ("island", "islet")[place % 2]} for place, row in enumerate(rows_of(10, seed=3))]
    rows = rows_of(800, lean=9.0) + small  # two small groups, so that no large one has to be withheld for one's sake
    result = measured(rows)
    groups = {row["group"]: row for row in result.tables[0]["rows"]}
    assert groups["region: north"]["flagged"] and groups["region: north"]["reading"] == "differs"
    assert groups["region: island"]["reading"] == "insufficient" and "mae" not in groups["region: island"]
    assert groups["region: island"]["n"] is None
    assert "differs most clearly" in result.takeaway and "too high" in result.takeaway
    assert not any(row["flagged"] for row in measured(rows_of(800)).tables[0]["rows"])
    for figure in result.figures:
        assert charts.draw(figure["spec"], key=figure["key"], takeaway=result.takeaway)


def test_two_groups_are_compared_as_scipy_does() -> None:
    chance = np.random.default_rng(4)
    sides = [
        (chance.normal(0, 1, n), chance.normal(shift, spread, n)) for n, shift, spread in ((400, 0.1, 1), (900, 0.0, 2))
    ]
    column = [Column("x", "number", 1, 0, float(low), float(high), None) for low, high in ((-9, 9), (-9, 9))]
    scale = deviations.scale_of(*column)
    left, right = (deviations.sums(true, predicted, scale) for true, predicted in sides)
    errors = [predicted - true for true, predicted in sides]
    expected = stats.ttest_ind(*errors, equal_var=False).pvalue
    assert deviations.apart(left, right) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("cuts", [[100], [1, 350, 351], [200, 400, 600]])
def test_any_split_and_order_gives_the_same_state(cuts: list[int]) -> None:
    whole = Rows(rows_of(700))
    known = engine.surveyed(whole, subject(), Tools())
    batches = list(Rows(rows_of(700), cuts).batches()) if cuts else []
    start = predicted_numbers.plan(known, [])
    state, back = start, start
    for batch in batches:
        state = predicted_numbers.update(states.loads(states.dumps(state)), batch)
    for batch in reversed(batches):
        back = states.add(back, predicted_numbers.update(start, batch))
    one = start
    for batch in whole.batches():
        one = predicted_numbers.update(one, batch)
    assert states.dumps(state) == states.dumps(back) == states.dumps(one)
    assert json.loads(states.dumps(one))["sums"][""]["0"]["n"] == 700


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """True y ~ N(0, 1), predicted = y + e with e ~ Laplace: MAE, RMSE, mean error and R2 are known."""
    n, draws, spread = 500, 600, 0.5
    truth = {"mae": spread, "rmse": spread * np.sqrt(2), "bias": 0.0, "r2": 1 - 2 * spread**2}
    held = dict.fromkeys(truth, 0)
    scale = {"error": 12.0, "middle": 0.0, "half": 8.0}
    chance = np.random.default_rng(11)
    for _ in range(draws):
        true = chance.normal(size=n)
        sums = deviations.sums(true, true + chance.laplace(0, spread, n), scale)
        found = {
            "mae": deviations.absolute_error(sums, scale), "rmse": deviations.root_error(sums, scale),
            "bias": deviations.mean_error(sums, scale), "r2": deviations.explained(sums, scale),
        }  # fmt: skip
        for name, (_, low, high) in found.items():  # type: ignore[misc]
            held[name] += low <= truth[name] <= high
    assert all(0.93 <= count / draws <= 0.975 for count in held.values()), held


def test_gaps_and_infinities_are_left_out_and_told() -> None:
    rows = rows_of(100)
    rows[3]["guess"], rows[4]["price"], rows[5]["guess"] = None, None, float("inf")
    result = measured(rows)
    assert {row["key"]: row["value"] for row in result.metrics}["rows"] == 97
    assert any("3 rows without outcome or prediction" in limit for limit in result.limits)


def test_perfect_and_useless_predictions() -> None:
    perfect = measured([{"price": float(i), "guess": float(i), "region": "north"} for i in range(50)])
    found = {row["key"]: row["value"] for row in perfect.metrics}
    assert (found["mae"], found["rmse"], found["r2"]) == (0, 0, 1)
    constant = measured([{"price": 3.0, "guess": float(i), "region": "north"} for i in range(50)])
    assert "r2" not in {row["key"] for row in constant.metrics}
    useless = measured([{"price": float(i), "guess": float(-i), "region": "north"} for i in range(50)])
    assert "no better than the mean outcome" in useless.takeaway


@pytest.mark.parametrize(
    "more, words",
    [
        ({"target": ""}, "no target column"),
        ({"prediction": ""}, "no column of predictions"),
        ({"prediction": "region"}, "holds texts"),
    ],
)
def test_what_is_missing_is_named(more: dict[str, Any], words: str) -> None:
    with pytest.raises(Unmeasurable, match=words):
        measured(rows_of(40), **more)

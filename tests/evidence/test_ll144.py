"""The tables of Local Law 144 against arithmetic by hand."""

from typing import Any

import numpy as np
import pytest

from apps.evidence import engine, services
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools, Unmeasurable
from apps.evidence.kernels import bias_audit
from tests.evidence.test_checks import Rows


def audited(rows: list[dict[str, Any]], params: dict[str, Any] | None = None, **subject: Any) -> Result:
    """The check over these rows."""
    check = registry()["ll144"]
    read = {"ll144": (check, check.Params(**(params or {})))}
    found = engine.measure(Rows(rows, [len(rows) // 2]), read, Subject(name="audit", **subject), Tools())["ll144"]
    assert isinstance(found, Result), found
    return found


def table(result: Result, key: str) -> dict[str, dict[str, Any]]:
    """Rows of a table by category."""
    rows = next(table for table in result.tables if table["key"] == key)["rows"]
    return {row["category"]: row for row in rows}


def people(sex: str, race: str, n: int, chosen: int) -> list[dict[str, Any]]:
    """Rows of one category."""
    return [{"sex": sex, "race": race, "p": int(number < chosen)} for number in range(n)]


def test_selection_rates_and_ratios_are_those_worked_out_by_hand() -> None:
    rows = people("male", "x", 1390, 667) + people("female", "x", 1181, 555)
    found = table(audited(rows, prediction="p"), "sex")
    assert found["male"]["rate"] == pytest.approx(667 / 1390)
    assert (found["male"]["ratio"], found["male"]["reading"]) == (1.0, "highest")
    assert found["female"]["ratio"] == pytest.approx((555 / 1181) / (667 / 1390))
    assert round(found["female"]["ratio"], 3) == 0.979


def test_each_table_has_its_own_highest_rate() -> None:
    rows = people("m", "a", 100, 60) + people("m", "b", 100, 30) + people("f", "a", 100, 40) + people("f", "b", 100, 50)
    result = audited(rows, prediction="p")
    assert table(result, "sex")["f"]["ratio"] == pytest.approx(1.0)
    assert table(result, "race")["b"]["ratio"] == pytest.approx(0.8)
    assert table(result, "both")["m · b"]["ratio"] == pytest.approx(0.5)
    assert table(result, "both")["f · a"]["ratio"] == pytest.approx(40 / 60)


def test_a_category_under_two_percent_has_its_number_and_rate_but_no_ratio() -> None:
    rows = people("m", "a", 600, 300) + people("f", "a", 588, 250) + people("f", "b", 12, 12)
    found = table(audited(rows, prediction="p"), "race")
    assert found["b"]["reading"] == "left_out"
    assert (found["b"]["n"], found["b"]["rate"], found["b"]["ratio"]) == (12, 1.0, None)
    assert found["a"]["ratio"] == 1.0


def test_exactly_two_percent_is_not_left_out() -> None:
    counts = np.array([[490, 490], [10, 10]])
    assert [row.is_left_out for row in bias_audit.ratios(counts, ["a", "b"], 1000)] == [False, False]
    assert [row.is_left_out for row in bias_audit.ratios(counts, ["a", "b"], 1001)] == [False, True]


def test_the_scoring_rate_is_strictly_above_the_median_of_everybody_also_of_unknown_category() -> None:
    rows = [{"sex": "m", "race": "a", "s": score} for score in (1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10)]
    rows += [{"sex": "f", "race": "a", "s": score} for score in (0, 1, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8)]
    rows += [{"sex": None, "race": "a", "s": score} for score in (3, 3, 9)]
    result = audited(rows, score="s")
    scores = [row["s"] for row in rows]
    middle = float(np.median(scores))
    rates = {sex: np.mean([row["s"] > middle for row in rows if row["sex"] == sex]) for sex in "mf"}
    found = {row["key"]: row["value"] for row in result.metrics}
    assert (found["median"], found["unknown"]) == (middle, 3)
    assert table(result, "sex")["f"]["ratio"] == pytest.approx(rates["f"] / rates["m"])


@pytest.mark.parametrize("seed", range(5))
def test_the_median_of_counts_is_that_of_the_rows(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 9, 30 + seed)
    found, counts = np.unique(values, return_counts=True)
    assert bias_audit.median(found.astype(float), counts) == np.median(values)


def test_without_a_column_of_race_it_says_which_is_missing() -> None:
    check = registry()["ll144"]
    rows = Rows([{"sex": "m", "p": 1}])
    found = engine.measure(rows, {"ll144": (check, check.Params())}, Subject(name="audit", prediction="p"), Tools())
    assert isinstance(found["ll144"], Unmeasurable) and "race" in str(found["ll144"])


@pytest.mark.django_db
def test_it_is_offered_and_only_done_when_asked_for(credit: Any) -> None:
    assert "ll144" in services.able_checks(credit)
    assert "ll144" not in services.required_checks(credit)


def test_fairness_gives_the_standardised_mean_difference_of_scores() -> None:
    chance = np.random.default_rng(2)
    rows = [
        {
            "sex": sex,
            "s": round(float(chance.normal(shift)), 3),
            "p": int(number % 3 == 0 if sex == "f" else number % 2),
        }
        for sex, shift in (("f", -0.4), ("m", 0.0))
        for number in range(200)
    ]
    check = registry()["fairness"]
    asked = {"fairness": (check, check.Params(by=["sex"]))}
    found = engine.measure(Rows(rows, [150]), asked, Subject(name="scored", prediction="p", score="s"), Tools())[
        "fairness"
    ]
    assert isinstance(found, Result), found
    shown = {row["group"]: row for row in next(table for table in found.tables if table["key"] == "errors")["rows"]}
    scores = {sex: np.array([row["s"] for row in rows if row["sex"] == sex]) for sex in "fm"}
    by_hand = (scores["f"].mean() - scores["m"].mean()) / np.concatenate(list(scores.values())).std(ddof=1)
    assert shown["sex: f"]["mean_difference"] == pytest.approx(by_hand)
    assert shown["sex: m"]["mean_difference"] == 0.0

"""Distances between two datasets against scipy, and what chance alone gives."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from apps.evidence.kernels import drift
from tests.evidence.test_checks import Rows


def compared(rows: list[dict[str, Any]], reference: list[dict[str, Any]], **params: Any) -> Result:
    """The check over two datasets in memory."""
    check = registry()["drift"]
    pair = engine.Pair(Rows(rows, [len(rows) // 3]), Rows(reference, [len(reference) // 2]))
    subject = Subject(name="now", reference=Subject(name="training"))
    found = engine.measure(pair, {"drift": (check, check.Params(**params))}, subject, Tools())["drift"]
    assert isinstance(found, Result), found
    return found


def column(result: Result, name: str) -> dict[str, Any]:
    """One row of the table of columns, with its details."""
    found: dict[str, Any] = next(row for row in result.tables[0]["rows"] if row["column"] == name)
    return found


def numbers(seed: int, count: int, shift: float = 0.0) -> list[dict[str, Any]]:
    """Rows with a smooth number, a whole number, a category and gaps."""
    chance = np.random.default_rng(seed)
    return [
        {
            "smooth": float(smooth) + shift,
            "whole": int(whole),
            "town": str(town),
            "gappy": None if gap < 0.1 else float(gap),
        }
        for smooth, whole, town, gap in zip(
            chance.normal(size=count),
            chance.poisson(4, count),
            chance.choice(["a", "b", "c"], count, p=[0.5 - shift / 4, 0.3 + shift / 4, 0.2]),
            chance.random(count),
            strict=True,
        )
    ]


NOW, BEFORE = numbers(1, 3000, 0.4), numbers(2, 2500)
FOUND = compared(NOW, BEFORE)


@pytest.mark.parametrize(("name", "error"), [("smooth", 1e-3), ("whole", 1e-12), ("gappy", 1e-3)])
def test_distances_of_numbers_are_those_of_scipy(name: str, error: float) -> None:
    now, before = ([row[name] for row in side if row[name] is not None] for side in (NOW, BEFORE))
    row, exact = column(FOUND, name), stats.ks_2samp(now, before, method="asymp")
    assert row["distance"] == pytest.approx(exact.statistic, abs=error)
    width = (max([*now, *before]) - min([*now, *before])) / drift.FINE
    assert row["w1"] == pytest.approx(stats.wasserstein_distance(now, before), abs=max(error, width))
    assert drift.ks_p(exact.statistic, len(now), len(before)) == pytest.approx(exact.pvalue, abs=1e-9)


def test_categories_are_tested_as_scipy_does() -> None:
    table = [[sum(row["town"] == name for row in side) for name in "abc"] for side in (NOW, BEFORE)]
    row, exact = column(FOUND, "town"), stats.chi2_contingency(table, correction=False)
    assert row["chi2"] == pytest.approx(exact.statistic)
    assert row["p"] >= exact.pvalue
    shares = np.asarray(table) / np.sum(table, axis=1, keepdims=True)
    assert row["js"] == pytest.approx(jensenshannon(shares[0], shares[1], base=2))


def test_the_index_is_the_textbook_sum() -> None:
    cells = np.array([[200, 300, 500], [300, 300, 400]])
    by_hand = (0.2 - 0.3) * np.log(0.2 / 0.3) + (0.5 - 0.4) * np.log(0.5 / 0.4)
    assert drift.stability(cells) == pytest.approx(by_hand, rel=5e-3)


def test_what_was_shifted_is_read_as_shifted_and_the_rest_is_not() -> None:
    assert column(FOUND, "smooth")["psi"] > 0.1
    assert column(FOUND, "smooth")["reading"] in {"watch", "shifted"}
    assert column(FOUND, "whole")["reading"] == "none"


def test_a_classifier_sees_a_shift_and_sees_none_where_there_is_none() -> None:
    metrics = {row["key"]: row for row in FOUND.metrics}
    assert metrics["domain_auc"]["low"] > 0.5
    same = {row["key"]: row for row in compared(numbers(3, 2500), BEFORE).metrics}
    assert same["domain_auc"]["low"] < 0.53
    assert same["shifted"]["value"] == 0


def test_under_no_drift_the_index_stays_under_its_chance_level_in_95_of_100() -> None:
    chance = np.random.default_rng(8)
    shares = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    over = 0
    for seed in range(300):
        cells = np.stack([chance.multinomial(400, shares), chance.multinomial(600, shares)])
        over += float(drift.stability(cells)) > drift.chance(cells, seed)[0]
    assert 0.02 <= over / 300 <= 0.09


def test_the_interval_of_the_index_holds_the_true_one_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(9)
    now, before = np.array([0.2, 0.25, 0.2, 0.15, 0.2]), np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    true = float(((now - before) * np.log(now / before)).sum())
    held = 0
    for seed in range(300):
        cells = np.stack([chance.multinomial(1500, now), chance.multinomial(2000, before)])
        low, high = drift.stability_interval(cells, seed)
        held += low <= true <= high
    assert 0.91 <= held / 300 <= 0.99


def test_new_categories_and_values_out_of_range_are_told() -> None:
    result = compared(
        [{"a": 5, "b": "new"}] * 50 + [{"a": 20, "b": "x"}] * 50,
        [{"a": number % 10, "b": "x"} for number in range(100)],
    )
    assert column(result, "a")["outside"] == pytest.approx(0.5)
    assert column(result, "b")["outside"] == pytest.approx(0.5)


def test_keys_and_rare_words_do_not_tell_two_halves_of_the_same_data_apart() -> None:
    chance = np.random.default_rng(4)
    rows = [
        {"key": f"{chance.integers(2**40):x}", "word": f"w{int(chance.zipf(1.6)) % 5000}", "x": float(chance.normal())}
        for _ in range(1200)
    ]
    result = compared(rows[:500], rows[500:])
    found = {row["key"]: row for row in result.metrics}
    assert found["domain_auc"]["low"] < 0.52
    assert found["shifted"]["value"] == 0
    assert any("key" in limit for limit in result.limits)

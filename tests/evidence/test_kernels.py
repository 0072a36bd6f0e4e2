"""The arithmetic under the checks, against definitions, other libraries and exact values."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairlearn import metrics as fair
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from apps.evidence.kernels import (
    association,
    comparing,
    counts,
    explain,
    fairness,
    gaps,
    intervals,
    patterns,
    states,
    survey,
)
from apps.evidence.kernels.batches import Batch
from apps.evidence.kernels.decisions import readings, score_axis


def test_wilson_is_the_textbook_interval_and_never_of_zero_width() -> None:
    low, high = intervals.wilson(27, 45)  # type: ignore[misc]
    assert (low, high) == pytest.approx((0.455, 0.730), abs=5e-4)
    assert intervals.wilson(0, 12)[1] > 0.2  # type: ignore[index]
    assert intervals.wilson(0, 0) is None


def test_the_ratio_interval_is_that_of_the_log_ratio() -> None:
    value, low, high = intervals.ratio(27, 45, 181, 229)  # type: ignore[misc]
    assert (value, low, high) == pytest.approx((0.759, 0.592, 0.974), abs=2e-3)
    assert intervals.ratio(0, 45, 181, 229) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_monotone_and_never_under_the_raw_value(p_values: list[float]) -> None:
    corrected = intervals.holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, corrected, strict=True))
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [corrected[place] for place in order] == sorted(corrected)


def test_small_expected_counts_are_tested_exactly() -> None:
    _, p = intervals.two_rates(1, 8, 6, 9)
    assert p == pytest.approx(stats.fisher_exact([[1, 7], [6, 3]]).pvalue)
    z, p = intervals.two_rates(60, 100, 75, 100)
    assert p == pytest.approx(2 * stats.norm.sf(abs(z)))  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=6, max_size=60))
def test_the_area_equals_that_of_the_ranks_with_ties(pairs: list[tuple[int, int]]) -> None:
    labels, scores = [y for y, _ in pairs], [s for _, s in pairs]
    sides = np.zeros((13, 2), dtype=int)
    for y, s in pairs:
        sides[s, y] += 1
    found = intervals.area(sides[:, 1], sides[:, 0])
    if len(set(labels)) < 2:
        assert found is None
    else:
        assert found is not None and found[0] == pytest.approx(roc_auc_score(labels, scores))
        assert found[1] <= found[0] <= found[2]


def test_the_interval_of_an_area_covers_the_truth_about_95_times_in_100() -> None:
    chance, hits = np.random.default_rng(5), 0
    truth = stats.norm.cdf(1 / math.sqrt(2))
    for _ in range(300):
        pos, neg = chance.normal(1, 1, 60), chance.normal(0, 1, 80)
        values = np.sort(np.concatenate([pos, neg]))
        found = intervals.area(np.isin(values, pos).astype(int), np.isin(values, neg).astype(int))
        hits += found is not None and found[1] <= truth <= found[2]
    assert 0.91 <= hits / 300 <= 0.985


def test_replicates_of_counts_spread_like_replicates_of_rows() -> None:
    table = np.array([[30, 70], [60, 40]])

    def difference(tables: np.ndarray) -> np.ndarray:
        rates = tables[..., 1] / tables.sum(axis=-1)
        return np.asarray(rates[..., 0] - rates[..., 1])

    rows = np.repeat(np.arange(4), table.ravel())
    chance = np.random.default_rng(2)
    drawn = [np.bincount(chance.choice(rows, rows.size), minlength=4).reshape(2, 2) for _ in range(2000)]
    ours, theirs = difference(intervals.replicates(table, 2000, 1)), difference(np.array(drawn))
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(np.quantile(theirs, [0.025, 0.975]), abs=0.015)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_metrics_on_counts_equal_fairlearn_on_rows(cells: list[int]) -> None:
    table = np.array(cells).reshape(3, 2, 2)
    if (table.sum(axis=(1, 2)) == 0).any():
        return
    rows = [
        (group, y, decision)
        for group, y, decision in itertools.product(range(3), (0, 1), (0, 1))
        for _ in range(table[group, y, decision])
    ]
    frame = pd.DataFrame(rows, columns=["group", "y", "decision"])
    found = {name: fairness.named(row) for name, row in zip("abc", fairness.rates(table), strict=True)}
    expected = fair.MetricFrame(
        metrics={"selection_rate": fair.selection_rate, "false_positive_rate": fair.false_positive_rate},
        y_true=frame["y"], y_pred=frame["decision"], sensitive_features=frame["group"].map(dict(enumerate("abc"))),
    )  # fmt: skip
    for name in "abc":
        for metric in ("selection_rate", "false_positive_rate"):
            assert found[name][metric] == pytest.approx(expected.by_group.loc[name, metric], abs=1e-12)
    difference = fair.demographic_parity_difference(frame["y"], frame["decision"], sensitive_features=frame["group"])
    sides = table.sum(axis=1)
    found_difference = gaps.largest(sides[:, 1][None], sides.sum(axis=1)[None], seed=1)[0]
    assert found_difference == pytest.approx(difference, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(any))
def test_every_rate_is_fairlearns_also_where_cells_are_empty(cells: list[int]) -> None:
    table = np.array(cells).reshape(3, 2, 2)
    assert fairness.gap_to_fairlearn(table) <= fairness.EXACT


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 12))
def test_the_smallest_draws_are_those_of_a_stable_sort(drawn: list[int], count: int) -> None:
    values = np.array(drawn, dtype=np.uint64)
    assert states.least_of(values, count).tolist() == np.argsort(values, kind="stable")[:count].tolist()
    for cut in range(len(drawn)):
        kept = states.smallest([[draw, row] for row, draw in enumerate(drawn[:cut])], count)
        more = [[int(values[cut:][at]), cut + int(at)] for at in states.least_of(values[cut:], count, kept)]
        assert states.smallest([*kept, *more], count) == states.smallest(
            [[draw, row] for row, draw in enumerate(drawn)], count
        )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.integers(-3, 3).map(float)), min_size=17, max_size=60, unique=True),
    st.lists(st.one_of(st.floats(), st.integers(-4, 4).map(float)), max_size=30),
)
def test_many_bands_are_those_of_a_search(edges: list[float], values: list[float]) -> None:
    edges = sorted(edges)
    axis = {"column": "x", "edges": edges, "labels": [""] * (len(edges) + 1)}
    asked = np.array([*values, *edges, np.inf, -np.inf])
    batch = Batch(pa.RecordBatch.from_arrays([pa.array(asked)], names=["x"]))
    expected = np.where(np.isnan(asked), len(edges) + 2, np.searchsorted(edges, asked, side="right"))
    assert batch.codes(axis).tolist() == expected.tolist()


@pytest.mark.parametrize("values", [["b", "a"], ["a", "zz", "b"], []])
def test_text_counts_the_same_as_text_and_as_codes_of_a_dictionary(values: list[str]) -> None:
    texts = pa.array(["a", None, "b", "c", "a", "b"])
    coded = pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 2, 1, 0], pa.int32()), pa.array(["b", "a", "c", "d"]))
    axis = {"column": "x", "values": values, "labels": values}
    plain, coded_batch = (Batch(pa.RecordBatch.from_arrays([column], names=["x"])) for column in (texts, coded))
    assert plain.codes(axis).tolist() == coded_batch.codes(axis).tolist()
    assert plain.table.equals(coded_batch.table)
    assert (plain.present("x") == coded_batch.present("x")).all()
    assert survey.update(survey.start(), plain) == survey.update(survey.start(), coded_batch)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-70_000, 70_000)), min_size=1, max_size=30))
def test_whole_numbers_fall_into_the_cells_of_their_texts(numbers: list[int | None]) -> None:
    values = ["1", "-3", "007", "x", "70000", *(str(number) for number in numbers[:3])]
    axis = {"column": "x", "values": list(dict.fromkeys(values)), "labels": list(dict.fromkeys(values))}
    whole = Batch(pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64())], names=["x"]))
    texts = Batch(pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()).cast(pa.string())], names=["x"]))
    assert whole.codes(axis).tolist() == texts.codes(axis).tolist()
    assert whole.tally("x", 1000) == texts.tally("x", 1000)


def test_a_rate_that_is_not_fairlearns_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.array([[[50, 20], [10, 40]], [[60, 40], [30, 30]]])
    rates = fairness.rates
    monkeypatch.setattr(fairness, "rates", lambda cells: rates(cells) + 1e-9)
    assert fairness.gap_to_fairlearn(table) == pytest.approx(1e-9, rel=1e-3)


def test_a_group_without_the_outcome_has_no_rate_of_errors_in_it() -> None:
    found = comparing.errors_of(np.array([[30, 10], [0, 0]]))
    assert found["true_positive_rate"] is found["false_negative_rate"] is None
    assert (found["false_positive_rate"], found["accuracy"]) == (0.25, 0.75)


def test_equalised_odds_difference_is_fairlearns() -> None:
    table = np.array([[[50, 20], [10, 40]], [[60, 40], [30, 30]]])
    rows = [(g, y, d) for g, y, d in itertools.product((0, 1), (0, 1), (0, 1)) for _ in range(table[g, y, d])]
    frame = pd.DataFrame(rows, columns=["g", "y", "d"])
    expected = fair.equalized_odds_difference(frame["y"], frame["d"], sensitive_features=frame["g"])
    value, low, high = gaps.largest(table[..., 1].T, table.sum(axis=-1).T, seed=1)
    assert value == pytest.approx(expected) and 0 <= low < value < high <= 1


def test_a_flag_needs_a_low_ratio_and_an_interval_below_one() -> None:
    def reading(selected: int, n: int) -> str:
        sides = np.array([[[20, 80], [0, 0]], [[n - selected, selected], [0, 0]]])
        return str(comparing.compare(sides, ["a", "b"], limit=0.8, has_target=False)[1]["reading"])

    assert reading(50, 100) == "flag"
    assert reading(20, 32) == "watch"
    assert reading(78, 100) == "none"
    assert reading(8, 20) == "insufficient"
    assert reading(2, 40) == "few_events"


def test_the_only_small_count_takes_the_next_smallest_with_it() -> None:
    assert readings([100, 5, 40]) == ["shown", "count_hidden", "withheld"]
    assert readings([100, 5, 3]) == ["shown", "count_hidden", "count_hidden"]
    assert readings([100, 12]) == ["shown", "rate_hidden"]
    assert readings([100, 0]) == ["shown", "rate_hidden"]


# --- explanations ------------------------------------------------------------------------------------------------------


def exact_shapley(predict: Any, row: dict[str, Any], background: dict[str, list[Any]]) -> dict[str, float]:
    """By the definition: over all orders of the features, against every background row."""
    names, found = list(row), dict.fromkeys(row, 0.0)
    count = len(next(iter(background.values())))
    orders = list(itertools.permutations(names))
    for order in orders:
        for place in range(count):
            mixed = {name: background[name][place] for name in names}
            before = predict({name: [value] for name, value in mixed.items()})[0]
            for name in order:
                mixed[name] = row[name]
                after = predict({name: [value] for name, value in mixed.items()})[0]
                found[name] += (after - before) / len(orders) / count
                before = after
    return found


def linear(columns: Any) -> list[float]:
    return [
        3 * a - 2 * b + (1.5 if c == "x" else 0.0)
        for a, b, c in zip(columns["a"], columns["b"], columns["c"], strict=True)
    ]


def crossed(columns: Any) -> list[float]:
    return [a * b + (a if c == "x" else 0.0) for a, b, c in zip(columns["a"], columns["b"], columns["c"], strict=True)]


BACKGROUND = {"a": [0.0, 1.0, 2.0, 5.0], "b": [1.0, 0.0, 3.0, 2.0], "c": ["x", "y", "y", "x"]}
CASES = {"a": [4.0, 1.0], "b": [2.0, -1.0], "c": ["x", "y"]}


def test_a_linear_model_is_explained_exactly() -> None:
    found = explain.shapley(linear, CASES, BACKGROUND, seed=3)
    for place in range(2):
        exact = exact_shapley(linear, {name: values[place] for name, values in CASES.items()}, BACKGROUND)
        assert dict(zip(found.features, found.values[place], strict=True)) == pytest.approx(exact)
    assert found.gap < 1e-12


def test_interactions_come_close_and_the_parts_always_add_up() -> None:
    wide = {name: values * 100 for name, values in BACKGROUND.items()}
    found = explain.shapley(crossed, CASES, wide, seed=3)
    exact = exact_shapley(crossed, {name: values[0] for name, values in CASES.items()}, BACKGROUND)
    for name, value, error in zip(found.features, found.values[0], found.errors[0], strict=True):
        assert abs(value - exact[name]) < 4 * error + 1e-9
    assert found.gap < 1e-9


def test_explaining_asks_in_few_large_calls() -> None:
    asked: list[int] = []

    def counting(columns: Any) -> list[float]:
        asked.append(len(columns["a"]))
        return linear(columns)

    explain.shapley(counting, CASES, BACKGROUND, seed=1)
    assert asked == [2, 4, 2 * 4 * 2, 2 * 4 * 2]  # cases, background, forward and backward walks of inner steps


def test_deletion_finds_an_explanation_of_another_model() -> None:
    chance = np.random.default_rng(8)
    cases = {"a": chance.normal(size=60).tolist(), "b": chance.normal(size=60).tolist(), "c": ["x"] * 60}
    true = explain.shapley(linear, cases, BACKGROUND, seed=1)
    wrong = explain.shapley(lambda columns: [float(b) / 100 for b in columns["b"]], cases, BACKGROUND, seed=1)
    right_ratio, wrong_ratio = (
        explain.deletion(linear, found, cases, BACKGROUND, seed=1)[0]["ranked"]
        / explain.deletion(linear, found, cases, BACKGROUND, seed=1)[0]["random"]
        for found in (true, wrong)
    )
    assert right_ratio > 1.2 > wrong_ratio


# --- counts, survey, patterns -------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=200))
def test_moments_are_exact_enough(values: list[float]) -> None:
    array, low, high = np.array(values), min(values), max(values)
    mean, deviation = counts.mean_and_deviation(counts.moments(array, low, high), low, high)
    span = (high - low) or 1.0
    assert mean == pytest.approx(float(array.mean()), abs=span * 1e-6 + 1e-9)
    assert deviation == pytest.approx(float(array.std(ddof=1)), abs=span * 2e-3 + 1e-9)


def test_columns_are_what_their_values_say() -> None:
    rows = [
        {"code": "007", "n": "12", "x": "1.5", "big": "12345678901234567890", "word": "a"},
        {"code": "010", "n": None, "x": "2", "big": "1", "word": "b"},
    ]
    columns = survey.finish(survey.update(survey.start(), Batch.of_rows(rows)))
    kinds = {name: column.kind for name, column in columns.items()}
    assert kinds == {"code": "text", "n": "integer", "x": "number", "big": "number", "word": "text"}
    assert columns["n"].nulls == 1


def test_ages_fall_into_usual_bands_and_numbers_into_quarters() -> None:
    rows = [{"age": 18 + number % 60, "amount": number**2} for number in range(400)]
    columns = survey.finish(survey.update(survey.start(), Batch.of_rows(rows)))
    assert counts.axis_for(columns["age"])["labels"] == ["up to 25", "26–40", "41–60", "61 and more"]
    axis = counts.axis_for(columns["amount"])
    found = counts.joint(Batch.of_rows(rows), axis)
    assert len(axis["labels"]) == 4 and found[:4].min() > 60 and found.sum() == 400


def test_a_score_of_few_values_has_one_cell_each() -> None:
    rows = [{"s": value} for value in (0.1, 0.1, 0.7, 0.3)]
    column = survey.finish(survey.update(survey.start(), Batch.of_rows(rows)))["s"]
    axis = score_axis(column)
    assert axis["middles"] == [0.1, 0.3, 0.7]
    assert counts.joint(Batch.of_rows(rows), axis)[:3].tolist() == [2, 1, 1]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(0, 99))
def test_a_sample_does_not_depend_on_how_rows_are_cut(sizes: list[int], seed: int) -> None:
    total = sum(sizes)
    whole = states.draws(seed, 0, total).tolist()
    first, parts = 0, []
    for size in sizes:
        parts += states.draws(seed, first, size).tolist()
        first += size
    assert parts == whole and len(set(whole)) == total


@pytest.mark.parametrize(
    ("name", "values", "kind", "confidence"),
    [
        ("x", ["a@example.org", "b@example.org"], "email", "high"),
        ("x", ["DE89370400440532013000", "GB29NWBK60161331926819"], "iban", "high"),
        ("x", ["DE89370400440532013001", "GB29NWBK60161331926810"], None, ""),
        ("x", ["4111 1111 1111 1111", "5500 0000 0000 0004"], "credit_card", "high"),
        ("sku", ["746-32-9913", "911-12-3456"], None, ""),
        ("ssn", ["332-20-6469", "064-74-9594"], "us_ssn", "high"),
        ("order_date", ["2022-03-28", "2024-08-22"], None, ""),
        ("firstName", ["Ann", "Bob"], "person_name", "high"),
        ("amount", ["12.50", "13.00"], None, ""),
        ("sex", ["f", "m"], "person_attribute", "high"),
        ("message", ["the weather is nice today here"], None, ""),
    ],
)  # fmt: skip
def test_columns_are_judged_by_values_and_names(
    name: str, values: list[str], kind: str | None, confidence: str
) -> None:
    found = patterns.judge(name, patterns.count(Batch.of_rows([{name: value} for value in values]), name))
    assert (found and found["kind"]) == kind
    assert found is None or found["confidence"] == confidence


def test_a_column_that_copies_a_group_is_told_and_noise_is_not() -> None:
    chance = np.random.default_rng(4)
    group = chance.integers(0, 2, 2000)
    noise = chance.integers(0, 5, 2000)
    for feature, is_proxy in ((group, True), (noise, False)):
        halves = np.zeros((2, 5, 2), dtype=int)
        np.add.at(halves, (np.arange(2000) % 2, feature, group), 1)
        area = float(association.area(halves[None])[0])
        bound = association.chance_area(halves, draws=200, seed=1)
        assert (area > 0.99) if is_proxy else (area < bound + 0.02)
    assert association.cramers_v(np.array([[50, 0], [0, 50]])) == pytest.approx(1.0, abs=0.01)
    assert association.cramers_v(np.array([[50, 50]])) is None

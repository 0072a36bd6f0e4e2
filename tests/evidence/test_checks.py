"""Every registered check: its example, no rows, twice, and in any split and order."""

import random
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence import engine
from apps.evidence.catalogue import COMPUTED, catalogue, fits
from apps.evidence.checks import registry
from apps.evidence.checks.base import Check, Result, Subject, Tools, Unmeasurable
from apps.evidence.kernels import charts, slim, states
from apps.evidence.kernels.batches import Batch
from tests.evidence.conftest import credit_rows

CHECKS = list(registry().values())
COUNTING = [check for check in CHECKS if check.reads]
COMPARING = [check for check in COUNTING if check.compares_with]
ASKED: dict[str, dict[str, Any]] = {
    "ll144": {"race": "housing"}
}  # what the credit rows have no column of that name for
OTHER_ROWS = credit_rows(200, seed=11)
ROWS = credit_rows(300)
CREDIT = Subject(
    name="credit",
    role="scored",
    target="good",
    prediction="decision",
    score="score",
    threshold=0.5,
    features=("income", "duration", "housing"),
    declared={name: {"is_protected": True} for name in ("sex", "age")},
    reference=Subject(name="the one before", score="income", threshold=70.0),
)


class Rows:
    """Rows in memory, in batches of the sizes given."""

    def __init__(self, rows: Sequence[Any], cuts: Iterable[int] = ()) -> None:
        self.rows, self.cuts, self.columns = rows, sorted(cuts), None

    def batches(self) -> Iterable[Batch]:
        """Batches between the cuts."""
        edges = [0, *self.cuts, len(self.rows)]
        for start, stop in zip(edges, edges[1:], strict=False):
            if stop > start:
                yield Batch.of_rows(list(self.rows[start:stop]), start)


def run_example(check: Check, rows: Sequence[Any]) -> Any:
    """The outcome of a check's own example on these rows."""
    example = check.example
    subject = Subject(name="example", role="test", **example.subject)
    params, tools = check.Params(**example.params), Tools(predict=example.predict, artifact=example.predict)
    if not check.reads:
        return engine.measure_facts(check, params, subject, tools)
    read: Any = engine.Pair(Rows(rows), Rows(example.reference)) if check.compares_with else Rows(rows)
    return engine.measure(read, {check.key: (check, params)}, subject, tools)[check.key]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_check_finds_what_its_example_expects(check: Check) -> None:
    outcome = run_example(check, check.example.rows)
    assert isinstance(outcome, Result), outcome
    found = {metric["key"]: metric["value"] for metric in outcome.metrics}
    assert check.example.expect
    assert {key: found[key] for key in check.example.expect} == pytest.approx(dict(check.example.expect))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_check_names_its_source_its_metrics_and_what_it_fills(check: Check) -> None:
    assert check.__doc__ and "Source:" in check.__doc__
    assert check.key and check.title and check.metrics
    assert set(check.fills) == {type_id for type_id, fields in COMPUTED.items() if check.key in fields.values()}
    outcome = run_example(check, check.example.rows)
    assert {metric["key"] for metric in outcome.metrics} <= {metric.key for metric in check.metrics}
    assert outcome.takeaway.endswith(".") and len(outcome.takeaway) < 400
    assert outcome.limits and outcome.method["Measure"]
    words = " ".join([outcome.takeaway, *outcome.limits, str(check.__doc__)]).lower()
    assert not any(word in words for word in ("compliant", "certified", "bias-free", "anonymised", "passed the check"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_check_fills_only_its_fields_with_values_of_their_type(check: Check) -> None:
    for type_id, fields in run_example(check, check.example.rows).types.items():
        for name, value in fields.items():
            assert COMPUTED[type_id][name] == check.key
            assert fits(value, catalogue()[type_id].fields[name]), (type_id, name, value)


@pytest.mark.parametrize("check", COUNTING, ids=lambda check: check.key)
def test_a_check_says_in_words_that_there_are_no_rows(check: Check) -> None:
    outcome = run_example(check, [])
    assert isinstance(outcome, Unmeasurable) and "no rows" in str(outcome)


@pytest.mark.parametrize("check", [check for check in CHECKS if check.is_repeatable], ids=lambda check: check.key)
def test_twice_gives_the_same_result_to_the_last_byte(check: Check) -> None:
    params, subject = check.Params(**check.example.params), Subject(name="example", **check.example.subject)
    once, again = (
        engine.finished(check, params, subject, run_example(check, check.example.rows), []) for _ in range(2)
    )
    assert once == again
    for figure in once["figures"]:
        assert figure["svg"].startswith("<svg") and "<title" in figure["svg"]
        assert figure["table"] in {table["key"] for table in once["tables"]}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_every_number_of_a_table_has_its_column(check: Check) -> None:
    for table in run_example(check, check.example.rows).tables:
        known = {column["key"] for column in table["columns"]} | {"flagged", "reading"}
        kinds = {column["kind"] for column in table["columns"]}
        assert kinds <= {"text", "count", "number", "share", "interval", "digest", "reading"}
        assert table["title"] and all(column["label"] for column in table["columns"])
        assert known >= {"flagged"}


def counted(check: Check, cuts: list[int], order: Sequence[int]) -> str:
    """The state of a check over the credit rows, cut and read in this order, as text."""
    batches = list(Rows(ROWS, cuts).batches())
    subject = engine.surveyed(Rows(ROWS, cuts), CREDIT, Tools())
    if check.compares_with:
        pair = engine.Pair(Rows(ROWS, cuts), Rows(OTHER_ROWS, [cut for cut in cuts if cut < len(OTHER_ROWS)]))
        batches = list(pair.batches())
        subject = engine.surveyed(pair, CREDIT, Tools())
        order = [*order, *(place for place in range(len(batches)) if place not in order)]
    start = check.plan(subject, check.Params(**ASKED.get(check.key, {})))
    parts = [check.update(states.loads(states.dumps(start)), batches[place]) for place in order if place < len(batches)]
    whole = start
    for part in parts:
        whole = check.merge(whole, states.loads(states.dumps(part)))
    return states.dumps(whole)


@pytest.mark.parametrize("check", COUNTING, ids=lambda check: check.key)
@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 299), max_size=5), seed=st.integers(0, 10))
def test_any_split_and_order_gives_the_same_state(check: Check, cuts: set[int], seed: int) -> None:
    order = list(range(len(cuts) + 1))
    random.Random(seed).shuffle(order)
    assert counted(check, sorted(cuts), order) == counted(check, [], [0])


def test_checks_asked_together_find_what_they_find_alone() -> None:
    def predict(columns: Any) -> list[float]:
        return [float(value or 0) / 120 for value in columns["income"]]

    def outcomes(keys: list[str]) -> dict[str, Any]:
        asked = {key: (registry()[key], registry()[key].Params()) for key in keys}
        calls = {"calls": 0, "rows": 0}

        def counting(columns: Any) -> list[float]:
            calls["calls"] += 1
            calls["rows"] += len(columns["income"])
            return predict(columns)

        return engine.measure(
            Rows(ROWS), asked, CREDIT, Tools(predict=counting, artifact=predict, calls=lambda: dict(calls))
        )

    keys = [
        check.key for check in COUNTING if check not in COMPARING and check.is_repeatable and not check.is_on_request
    ]
    together = outcomes(keys)
    for key in keys:
        assert together[key] == outcomes([key])[key], key


def test_no_check_shows_a_count_of_ten_or_fewer() -> None:
    rows = [*ROWS, *({**row, "sex": "other"} for row in credit_rows(4, seed=3))]
    for key in ("representation", "fairness", "performance", "protected_attributes"):
        check = registry()[key]
        outcome = engine.measure(Rows(rows), {key: (check, check.Params())}, CREDIT, Tools())[key]
        assert isinstance(outcome, Result)
        for table in outcome.tables:
            if table["key"] in {"matrix", "calibration", "roc"}:
                continue
            for row in table["rows"]:
                assert not isinstance(row.get("n"), int) or row["n"] > 10 or row["n"] == 0, (key, row)
        texts = [row["n"] for table in outcome.tables for row in table["rows"] if isinstance(row.get("n"), str)]
        assert "1–10" in texts and "withheld" in texts


def test_a_figure_has_only_colours_that_dark_mode_knows() -> None:
    spec = charts.bars([{"group": "a", "value": 1.0, "text": "1"}], takeaway="One.", table="t", title="x")
    spec["layer"][0]["mark"]["color"] = "#123456"
    spec["layer"][0]["encoding"].pop("color")
    with pytest.raises(ValueError, match="#123456"):
        charts.draw(spec, key="k", takeaway="One.")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_every_figure_has_a_narrow_form_with_the_same_words_and_letters_of_12(check: Check) -> None:
    outcome = run_example(check, check.example.rows)
    for figure in outcome.figures:
        drawn = engine.drawn(figure, "k")
        width = float(re.search(r' width="([0-9.]+)"', drawn["slim"])[1])
        assert width <= 340, figure["key"]
        assert {float(size) for size in re.findall(r'font-size="([0-9.]+)px"', drawn["slim"])} == {12}
        for row in figure["spec"].get("data", {}).get("values", []):
            told = " ".join(re.findall(r">([^<]+)<", drawn["slim"]))
            assert all(word in told for word in str(row["text"]).split()), row
        assert figure["spec"] == drawn["spec"] and f'id="{"k-slim"}-t"' in drawn["slim"]


def test_the_narrow_form_keeps_long_names_and_labels_within_its_edges() -> None:
    name = "a feature with a name of more than forty-four letters"
    rows = [charts.mark(f"{name} {n}", n, [n - 1, n + 1], f"{n} of many cases", flagged=n > 8) for n in range(10)]
    spec = charts.intervals(
        rows, takeaway="T.", table="t", title="x " * 60, limit=(9.5, "limit 9.50"), reference=(0.2, "none")
    )
    svg = charts.draw(slim.slim(spec), key="k", takeaway="T.")
    assert float(re.search(r' width="([0-9.]+)"', svg)[1]) <= 320
    assert "…" not in svg


def test_a_label_from_the_data_cannot_become_markup() -> None:
    hostile = '"><script>alert(1)</script>'
    spec = charts.bars([{"group": hostile, "value": 1.0, "text": hostile}], takeaway=hostile, table="t", title=hostile)
    svg = charts.draw(spec, key="k", takeaway=hostile)
    assert "<script" not in svg


def test_importing_the_checks_loads_no_heavy_module() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from apps.evidence.checks import registry; registry(); import apps.evidence.engine;"
        "print(sorted({'numpy','pandas','pyarrow','scipy','sklearn','fairlearn','shap','vl_convert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""k, uniqueness and l-diversity against grouping by pandas, in every set of columns."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from tests.evidence.test_checks import Rows
from tests.evidence.test_compas import outcome

CHANCE = np.random.default_rng(5)
COLUMNS = ["sex", "town", "age"]
PEOPLE = [
    {"sex": str(sex), "town": f"t{town}", "age": int(age), "illness": f"i{ill}"}
    for sex, town, age, ill in zip(
        CHANCE.choice(["f", "m"], 400),
        CHANCE.integers(0, 6, 400),
        CHANCE.integers(20, 60, 400),
        CHANCE.integers(0, 4, 400),
        strict=True,
    )
]


def searched(rows: list[dict[str, Any]], declared: Any = None, **params: Any) -> Result:
    """The check over these rows."""
    check = registry()["singling_out"]
    subject = Subject(name="people", target="illness", declared=declared or {})
    read = Rows(rows, [len(rows) // 3, len(rows) // 2])
    found = engine.measure(read, {"singling_out": (check, check.Params(**params))}, subject, Tools())
    result = found["singling_out"]
    assert isinstance(result, Result), result
    return result


def test_every_set_has_the_classes_that_pandas_finds() -> None:
    frame = pd.DataFrame(PEOPLE)
    shown = {row["columns"]: row for row in searched(PEOPLE, columns=COLUMNS).tables[0]["rows"]}
    sets = [names for size in (1, 2, 3) for names in combinations(COLUMNS, size)]
    assert set(shown) == {", ".join(names) for names in sets}
    for names in sets:
        grouped = frame.groupby(list(names))
        sizes, row = grouped.size(), shown[", ".join(names)]
        assert (row["k"], row["classes"]) == (sizes.min(), len(sizes))
        assert row["unique"] == pytest.approx((sizes == 1).sum() / len(frame))
        assert row["under"] == pytest.approx(sizes[sizes < 5].sum() / len(frame))
        assert row["diversity"] == grouped["illness"].nunique().min()


def test_no_value_of_the_data_is_in_the_result() -> None:
    rows = [{**row, "town": f"Hiddenham {row['town']}"} for row in PEOPLE]
    assert "Hiddenham" not in str(vars(searched(rows, columns=COLUMNS)))


def test_columns_known_by_name_are_searched_when_none_is_declared() -> None:
    result = searched([{**row, "balance": number} for number, row in enumerate(PEOPLE)])
    assert result.tables[0]["rows"][0]["columns"] == "sex, town, age"


def test_a_masked_column_is_not_what_others_know_and_the_limits_say_so() -> None:
    rows = [{**row, "person_ref": f"r{number}"} for number, row in enumerate(PEOPLE)]
    kind = {"classification": "quasi_identifier"}
    result = searched(rows, {"person_ref": {**kind, "is_masked": True}, "sex": kind})
    assert not any("person_ref" in row["columns"] for row in result.tables[0]["rows"])
    assert any("nobody outside knows a masked value: person_ref" in limit for limit in result.limits)


def test_a_crowd_that_is_large_enough_everywhere_is_said_so() -> None:
    result = searched([{"sex": "f", "illness": "a"}] * 20 + [{"sex": "m", "illness": "b"}] * 30, columns=["sex"])
    assert "No set of these columns makes a class of fewer than 5." in result.takeaway
    assert result.types["deidentification"] == {"min_k": 20}


def test_adult_rows_are_as_unique_as_published() -> None:
    columns = ["age", "sex", "race", "native-country", "education"]
    found = outcome("adult.csv", "singling_out", {"columns": columns, "most": 5})
    metrics = {row["key"]: row["value"] for row in found.metrics}
    assert metrics["unique_share"] == pytest.approx(0.1075, abs=5e-5)
    assert metrics["k"] == 1

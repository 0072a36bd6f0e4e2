"""Figures that others published on COMPAS and Adult. Skipped by name where those files are absent; they are not ours to ship."""

import os
from pathlib import Path
from typing import Any

import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from apps.evidence.inputs.files import open_file

FOLDER = Path(os.environ.get("TABULAR_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data" / "tabular"))


def outcome(name: str, key: str, params: dict[str, Any], **subject: Any) -> Result:
    """One check on one of the files."""
    if not (FOLDER / name).exists():
        pytest.skip(f"{name} is not here; set TABULAR_TEST_DATA to its folder")
    check = registry()[key]
    with open_file(str(FOLDER / name), roots=[str(FOLDER)]) as file:
        found = engine.measure(file, {key: (check, check.Params(**params))}, Subject(name=name, **subject), Tools())[
            key
        ]
    assert isinstance(found, Result), found
    return found


def rows_of(result: Result, key: str) -> dict[str, dict[str, Any]]:
    """A table's rows by group."""
    table = next(table for table in result.tables if table["key"] == key)
    return {row["group"]: row for row in table["rows"]}


def test_false_positive_rates_of_compas_are_the_published_ones() -> None:
    found = outcome(
        "compas_two_years_no_names.csv", "fairness", {"by": ["race", "sex"]},
        target="two_year_recid", score="decile_score", threshold=5.0,
    )  # fmt: skip
    errors = rows_of(found, "errors")
    assert errors["race: African-American"]["false_positive_rate"] == pytest.approx(0.4485, abs=5e-5)
    assert errors["race: Caucasian"]["false_positive_rate"] == pytest.approx(0.2345, abs=5e-5)
    assert 1 - errors["race: African-American"]["true_positive_rate"] == pytest.approx(0.2799, abs=5e-5)
    assert 1 - errors["race: Caucasian"]["true_positive_rate"] == pytest.approx(0.4772, abs=5e-5)
    assert rows_of(found, "by-race")["African-American"]["n"] == 3696
    assert rows_of(found, "by-race")["Caucasian"]["n"] == 2454


def test_outcomes_of_adult_by_sex_are_the_known_ones() -> None:
    found = outcome("adult.csv", "protected_attributes", {"by": ["sex"]}, target="income-per-year", positive=">50K")
    rates = rows_of(found, "by-sex")
    assert rates["Female"]["rate"] == pytest.approx(0.1095, abs=5e-5)
    assert rates["Male"]["rate"] == pytest.approx(0.3057, abs=5e-5)


def test_relationship_stands_for_sex_in_adult() -> None:
    found = outcome("adult.csv", "proxies", {"by": ["sex"]}, target="income-per-year", positive=">50K")
    best = next(table for table in found.tables if table["key"] == "pairs")["rows"][0]
    assert best["feature"] == "relationship" and best["area"] > 0.85


def test_personal_data_is_found_under_names_that_say_nothing() -> None:
    found = outcome("pii_columns.csv", "personal_data", {})
    kinds = {row["column"]: row["kind"] for row in found.tables[0]["rows"]}
    expected = {"contact", "tel", "tax_no", "acct", "pay", "host", "notes"}
    assert expected <= set(kinds)
    assert not {"ref", "order_date", "sku", "version", "amount", "product", "url", "hash"} & set(kinds)
    text = str([found.tables, found.takeaway, found.metrics])
    assert "@example" not in text

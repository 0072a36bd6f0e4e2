"""Figures that others published on COMPAS and Adult. Skipped by name where those files are absent; they are not ours to ship."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from apps.evidence.inputs.files import open_file

FOLDER = Path(os.environ.get("TABULAR_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data" / "tabular"))


def outcome(name: str, key: str, params: dict[str, Any], folder: Path = FOLDER, **subject: Any) -> Result:
    """One check on one of the files."""
    if not (folder / name).exists():
        pytest.skip(f"{name} is not here; set TABULAR_TEST_DATA to its folder")
    check = registry()[key]
    with open_file(str(folder / name), roots=[str(folder)]) as file:
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


TITLES = {
    "E-mail address": "email", "Phone number": "phone", "US social security number": "us_ssn", "Bank account (IBAN)": "iban",
    "Payment card number": "credit_card", "IP address": "ip_address", "Date of birth": "date_of_birth", "Street address": "street_address",
    "Place": "city", "Postal code": "postal_code", "Name of a person": "person_name",
}  # fmt: skip


def f1(told: dict[str, str], truth: dict[str, str | None]) -> float:
    """Over columns: a column counts as found when it is told as what it holds; free text when any of its kinds is told."""

    def is_right(column: str, kind: str) -> bool:
        held = truth[column] or ""
        return kind in held.removeprefix("free_text:").split(",")

    right = sum(is_right(column, kind) for column, kind in told.items())
    holding = sum(kind is not None for kind in truth.values())
    return 2 * right / (len(told) + holding)


def test_columns_of_personal_data_are_told_with_an_f1_of_95_and_no_decoy_is() -> None:
    found = outcome("pii_columns.csv", "personal_data", {})
    truth = json.loads((FOLDER / "pii_columns.truth.json").read_text())
    told = {row["column"]: TITLES[row["kind"]] for row in found.tables[0]["rows"]}
    assert f1(told, truth) >= 0.95
    assert not {column for column, kind in truth.items() if kind is None} & set(told)


def test_without_column_names_every_kind_that_has_a_pattern_is_told_and_no_decoy_is(tmp_path: Path) -> None:
    source = FOLDER / "pii_columns.csv"
    if not source.exists():
        pytest.skip("pii_columns.csv is not here; set TABULAR_TEST_DATA to its folder")
    head, _, rest = source.read_text().partition("\n")
    (tmp_path / "unnamed.csv").write_text(",".join(f"c{place}" for place in range(len(head.split(",")))) + "\n" + rest)
    found = outcome("unnamed.csv", "personal_data", {}, folder=tmp_path)
    truth = json.loads(source.with_suffix(".truth.json").read_text())
    known = {f"c{place}": truth[name] for place, name in enumerate(head.strip().split(","))}
    has_pattern = {"email", "phone", "us_ssn", "iban", "credit_card", "ip_address"}
    asked = {
        column: kind if kind and set(kind.removeprefix("free_text:").split(",")) & has_pattern else None
        for column, kind in known.items()
    }
    told = {row["column"]: TITLES[row["kind"]] for row in found.tables[0]["rows"]}
    assert f1(told, asked) >= 0.95
    assert not {column for column, kind in known.items() if kind is None} & set(told)

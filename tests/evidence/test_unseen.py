"""What data of other people taught: files that nobody here made, read as they are, and refused in words where they cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from apps.evidence.drivers.counting import Counting
from apps.evidence.inputs import files

PEOPLE = Subject(name="people", target="y", prediction="p", declared={"g": {"is_protected": True}})


def outcomes(path: Path, *keys: str, subject: Subject = PEOPLE, **params: Any) -> dict[str, Any]:
    """What these checks make of a file, counted in parts and in one reading, which have to agree."""
    asked = {key: (registry()[key], registry()[key].Params(**params.get(key, {}))) for key in keys}
    found = []
    for counting in (Counting(), None):
        with files.open_file(str(path), roots=[str(path.parent)]) as file:
            found.append(engine.measure(file, asked, subject, Tools(), counting))
    assert {key: str(one) for key, one in found[0].items()} == {key: str(one) for key, one in found[1].items()}
    return found[0]


def rows_of(outcome: Any, key: str) -> dict[str, Any]:
    """The rows of a table by their first column."""
    assert isinstance(outcome, Result), outcome
    (found,) = (table for table in outcome.tables if table["key"] == key)
    return {row[found["columns"][0]["key"]]: row for row in found["rows"]}


def metrics_of(outcome: Any) -> dict[str, Any]:
    """The metrics by key."""
    assert isinstance(outcome, Result), outcome
    return {row["key"]: row["value"] for row in outcome.metrics}


# --- numbers that stand for categories -----------------------------------------------------------------------------------


@pytest.fixture
def people(tmp_path: Path) -> pd.DataFrame:
    """Groups and outcomes written as numbers with a decimal point, as pandas writes a column of whole numbers with gaps."""
    chance = np.random.default_rng(3)
    frame = pd.DataFrame({name: chance.integers(1, 3, 400).astype(float) for name in ("g", "y", "p", "k")})
    frame.loc[:9, "k"] = np.nan
    return frame


@pytest.mark.parametrize("written", ["csv", "parquet", "nan"])
def test_groups_written_with_a_decimal_point_are_counted(tmp_path: Path, people: pd.DataFrame, written: str) -> None:
    path = tmp_path / ("rows.csv" if written == "csv" else "rows.parquet")
    if written == "csv":
        people.to_csv(path, index=False)
    else:  # pandas writes gaps as null; others write them as a number that is none
        gaps = written == "parquet"
        columns = {name: pa.array(people[name].to_numpy(), from_pandas=gaps) for name in people}
        pa.parquet.write_table(pa.table(columns), path)
    subject = Subject(name="people", target="y", prediction="p", positive="2", declared=PEOPLE.declared)
    found = outcomes(path, "representation", "fairness", "performance", "singling_out", "data_profile", subject=subject,
                     singling_out={"columns": ["g", "k"]})  # fmt: skip
    sizes = people.g.value_counts()
    assert {group: row["n"] for group, row in rows_of(found["representation"], "by-g").items()} == {
        "1": sizes[1.0], "2": sizes[2.0],
    }  # fmt: skip
    rates = (people.p == 2).groupby(people.g).mean()
    assert {group: row["rate"] for group, row in rows_of(found["fairness"], "by-g").items()} == pytest.approx(
        {"1": rates[1.0], "2": rates[2.0]}
    )
    assert metrics_of(found["performance"])["accuracy"] == pytest.approx((people.y == people.p).mean())
    assert metrics_of(found["singling_out"])["k"] == people.groupby(["g", "k"], dropna=False).size().min()
    assert rows_of(found["data_profile"], "columns")["k"]["missing"] == pytest.approx(10 / 400)
    assert rows_of(found["data_profile"], "numbers")["k"]["mean"] == pytest.approx(people.k.mean())


def test_text_of_a_typed_file_that_looks_like_numbers_stays_text(tmp_path: Path) -> None:
    codes = [f"{number % 7}" for number in range(350)]
    pa.parquet.write_table(
        pa.table({"zip": codes, "big": pa.array([2**63 + 5] + [number for number in range(349)], pa.uint64())}),
        tmp_path / "rows.parquet",
    )
    found = outcomes(tmp_path / "rows.parquet", "data_profile", "singling_out", singling_out={"columns": ["zip"]})
    kinds = {name: row["kind"] for name, row in rows_of(found["data_profile"], "columns").items()}
    assert kinds == {"zip": "text", "big": "number"}
    assert metrics_of(found["singling_out"])["k"] == 50

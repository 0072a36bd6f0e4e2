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
        pa.table({"zip": codes, "big": pa.array([2**63 + 5] + list(range(349)), pa.uint64())}),
        tmp_path / "rows.parquet",
    )
    found = outcomes(tmp_path / "rows.parquet", "data_profile", "singling_out", singling_out={"columns": ["zip"]})
    kinds = {name: row["kind"] for name, row in rows_of(found["data_profile"], "columns").items()}
    assert kinds == {"zip": "text", "big": "number"}
    assert metrics_of(found["singling_out"])["k"] == 50


# --- files that are refused, or read as far as they can be ------------------------------------------------------------------

TABLE = "g,x,y,p,s\n" + "a,1,1,1,0.5\nb,2,0,1,0.25\n" * 40
REFUSED = {
    "semicolons.csv": (TABLE.replace(",", ";").encode(), "separates its columns with semicolons"),
    "tabs.csv": (TABLE.replace(",", "\t").encode(), "separates its columns with tabs"),
    "excel.csv": (b"sep=;\r\n" + TABLE.encode(), "begins with a line for Excel"),
    "twice.csv": (TABLE.replace("p,s", "x,s", 1).encode(), "names a column twice: x. Rename one"),
    "zip.csv": (b"PK\x03\x04\r\r\r", "a ZIP archive or an Excel workbook, not CSV"),
    "gzip.csv": (b"\x1f\x8b\r\r\n", "compressed by gzip"),
    "utf16.csv": (TABLE.encode("utf-16"), "text in UTF-16"),
    "latin.csv": (TABLE.replace("a,", "\u00e4,").encode("latin-1"), "its text is not UTF-8"),
    "ragged.csv": (TABLE.encode() + b"a,1\n", "line 82 has 2 values where the first line names 5 columns"),
    "empty.csv": (b"g,x,y,p,s\n", "holds no rows. Link the file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_says_what_mends_it(tmp_path: Path, name: str) -> None:
    content, words = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    (refused,) = outcomes(tmp_path / name, "data_profile").values()
    assert words in str(refused)


def test_a_parquet_file_that_names_a_column_twice_is_refused_in_words(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    (refused,) = outcomes(tmp_path / "rows.parquet", "data_profile").values()
    assert "names a column twice: x" in str(refused)


def test_types_without_a_form_as_text_are_counted_and_hide_nothing_else(tmp_path: Path) -> None:
    columns = {
        "fixed": pa.array([b"\xff\xfe", None], pa.binary(2)), "span": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        "list": pa.array([["p"], None]), "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16))),
        "when": pa.array([0, None], pa.timestamp("us", "Europe/Berlin")), "n": [1, 2],
    }  # fmt: skip
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink:
        table = pa.table(columns)
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    found = rows_of(outcomes(tmp_path / "rows.arrow", "data_profile")["data_profile"], "columns")
    assert {name: row["missing"] for name, row in found.items()} == dict.fromkeys(columns, 0.5) | {"n": 0.0}


def test_gaps_in_quotes_are_gaps(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('"a","b"\n"1.5",""\n"","x"\n"2","x"\n')
    found = outcomes(tmp_path / "rows.csv", "data_profile")["data_profile"]
    assert {name: (row["kind"], row["missing"]) for name, row in rows_of(found, "columns").items()} == {
        "a": ("number", pytest.approx(1 / 3)), "b": ("text", pytest.approx(1 / 3)),
    }  # fmt: skip


# --- figures that would say too much --------------------------------------------------------------------------------------


def written(folder: Path, **columns: Any) -> Path:
    """A CSV file of 200 rows: two groups, outcomes, decisions, scores, and what is given."""
    number = np.arange(200)
    usual = {
        "g": np.where(number % 2, "a", "b"),
        "x": number % 7,
        "y": number // 2 % 2,
        "p": number // 4 % 2,
        "s": number / 200,
    }
    pd.DataFrame({**usual, **columns}).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


SCORED = Subject(name="people", target="y", prediction="p", score="s", declared=PEOPLE.declared)


def test_nobody_chosen_is_no_impact_ratio_of_one(tmp_path: Path) -> None:
    found = outcomes(written(tmp_path, p=0), "fairness")["fairness"]
    assert "decided positively (p is 1), so rates cannot be compared" in str(found)


def test_one_group_alone_is_compared_with_nobody(tmp_path: Path) -> None:
    found = outcomes(written(tmp_path, g="a"), "fairness")["fairness"]
    assert "min_impact_ratio" not in metrics_of(found) and "min_impact_ratio" not in found.types["fairness_report"]
    assert "nothing to compare it with" in found.takeaway


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ("high", "the score column, holds text"),
        (None, "holds no value"),
        ([0.5, np.inf] * 100, "holds infinite values"),
    ],
)
def test_scores_that_are_none_are_told_and_not_ranked(tmp_path: Path, scores: Any, words: str) -> None:
    found = outcomes(written(tmp_path, s=scores), "performance", "fairness", subject=SCORED)
    assert "auc" not in metrics_of(found["performance"])
    assert any(words in sentence for sentence in found["performance"].limits)
    assert isinstance(found["fairness"], Result)


def test_outcomes_in_several_vocabularies_are_told(tmp_path: Path) -> None:
    found = outcomes(written(tmp_path, y=["1", "True", "yes", "0", "no"] * 40), "performance")["performance"]
    assert "y holds 3 values beside 1; rows with any of them count as negative." in found.limits


def test_a_protected_column_without_groups_is_named(tmp_path: Path) -> None:
    people = [f"person {number}" for number in range(1200)]
    path = written(tmp_path)
    frame = pd.concat([pd.read_csv(path)] * 6, ignore_index=True).assign(who=people)
    frame.assign(void=None).to_csv(path, index=False)
    both = Subject(
        name="people", target="y", prediction="p", declared={"g": {"is_protected": True}, "who": {"is_protected": True}}
    )
    alone = Subject(name="people", target="y", prediction="p", declared={"who": {"is_protected": True}})
    keys = ("representation", "fairness", "protected_attributes", "proxies")
    for outcome in outcomes(path, *keys, subject=both).values():
        assert any("who of people holds more than a thousand different texts" in said for said in outcome.limits)
    for outcome in outcomes(path, *keys, subject=alone).values():
        assert "so it forms no groups" in str(outcome)
    void = Subject(name="people", target="y", prediction="p", declared={"void": {"is_protected": True}})
    assert "void of people holds no value" in str(outcomes(path, "fairness", subject=void)["fairness"])


def test_a_file_without_the_names_of_the_catalog_says_which_it_lacks(tmp_path: Path) -> None:
    text = written(tmp_path).read_text().partition("\n")[2]
    (tmp_path / "rows.csv").write_text("a,b,y,c,d\n" + text)
    found = outcomes(tmp_path / "rows.csv", "representation", "performance", subject=SCORED)
    assert "has no column g, which the catalog declares as protected" in str(found["representation"])
    assert "has no column p or s, which its link names" in str(found["performance"])


def test_the_median_of_few_values_is_one_of_them_and_infinities_are_told(tmp_path: Path) -> None:
    path = written(
        tmp_path, i=[1.0, np.inf] * 100, w=[1e308, -1e308] * 100, amount=["1,5", "2,5"] * 100, part=["3%", "4 %"] * 100
    )
    found = outcomes(path, "data_profile", "data_quality")
    numbers = rows_of(found["data_profile"], "numbers")
    assert {name: numbers[name]["median"] for name in ("y", "p", "x", "i")} == {"y": 0.5, "p": 0.5, "x": 3.0, "i": 1.0}
    assert "i holds 100 infinite values, which are in none of its figures." in found["data_profile"].limits
    assert "The values of w lie too far apart for its figures to be computed." in found["data_profile"].limits
    notes = {name: row["notes"] for name, row in rows_of(found["data_quality"], "columns").items()}
    assert "read as text" in notes["amount"] and "read as text" in notes["part"] and notes["i"] == "100 infinite values"


def test_equal_groups_are_not_said_to_differ() -> None:
    from apps.evidence.kernels import gaps

    chance = np.random.default_rng(4)
    for groups in (2, 5):
        sizes = np.full((1, groups), 400)
        found = [gaps.largest(chance.binomial(sizes, 0.4), sizes, seed=seed) for seed in range(60)]
        assert sum(low > 0 for _, low, _ in found) <= 8
    far = gaps.largest(np.array([[300, 120]]), np.array([[400, 400]]), seed=1)
    assert far[0] == pytest.approx(0.45) and 0.37 < far[1] < 0.42 and 0.48 < far[2] < 0.53


def test_an_area_of_one_is_not_certain() -> None:
    from apps.evidence.kernels import intervals

    assert intervals.area([0, 30], [40, 0]) == pytest.approx((1.0, 0.946, 1.0), abs=0.03)
    assert intervals.area([30, 0], [0, 40])[2] < 0.06  # type: ignore[index]
    assert intervals.area([30], [40]) == (0.5, 0.5, 0.5)


def test_the_error_of_an_area_from_cells_is_stated_and_holds(tmp_path: Path) -> None:
    from sklearn.metrics import roc_auc_score

    chance = np.random.default_rng(8)
    scores = chance.beta(0.2, 6, 6000)
    frame = pd.DataFrame({"y": (chance.random(6000) < scores**0.5).astype(int), "p": 0, "s": scores})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found = outcomes(tmp_path / "rows.csv", "performance", subject=SCORED)["performance"]
    most = float(found.method["Score cells"].rpartition(" ")[2])
    assert abs(metrics_of(found)["auc"] - roc_auc_score(frame.y, frame.s)) <= most < 3e-4


def test_a_dataset_is_not_told_apart_from_itself() -> None:
    from apps.evidence.kernels import drift

    codes = np.random.default_rng(2).integers(0, 500, (800, 3)).astype(float)
    area = drift.telling_apart(np.concatenate([codes, codes]), np.repeat([False, True], 800), 7)
    assert area is not None and area[1] <= 0.5 <= area[2]
    shifted = drift.telling_apart(np.concatenate([codes + 60, codes]), np.repeat([False, True], 800), 7)
    assert shifted is not None and shifted[0] > 0.6


def test_the_lowest_of_many_equal_ratios_is_not_said_to_be_under_one(tmp_path: Path) -> None:
    chance = np.random.default_rng(6)
    frame = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 100), "p": (chance.random(800) < 0.4).astype(int)})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found = outcomes(tmp_path / "rows.csv", "fairness", subject=Subject(prediction="p", declared=PEOPLE.declared))[
        "fairness"
    ]
    (lowest,) = (row for row in found.metrics if row["key"] == "min_impact_ratio")
    alone = min((row["ratio"], row.get("ratio_interval", [0, 0])[1]) for row in rows_of(found, "by-g").values())
    assert lowest["value"] == alone[0] < 0.8 and alone[1] < 1 and lowest["high"] == 1.0

"""Readers and scorers: what they refuse, and that what they read is what is there."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import files, pacing, scoring
from apps.evidence.inputs.scoring import Scorer
from apps.evidence.kernels import survey
from tests.evidence.conftest import Endpoint, credit_rows, score_of, write_csv


def read(path: Path, root: Path, **more: Any) -> list[dict[str, Any]]:
    """All rows of a file, with types."""
    with files.open_file(path.as_uri(), roots=[str(root)], **more) as file:
        state = survey.start()
        for batch in file.batches():
            state = survey.update(state, batch)
        file.columns = survey.finish(state)
        return [row for batch in file.batches() for row in batch.table.to_pylist()]


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    rows = credit_rows(50)
    write_csv(tmp_path / "rows.csv", rows)
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.csv", tmp_path) == read(tmp_path / "rows.parquet", tmp_path)


@pytest.mark.parametrize("address", ["/etc/passwd", "file:///etc/passwd", "{root}/../outside.csv", "http://x/y.csv", "s3://x/y.csv",
                                     "file://other-host{root}/a.csv", "relative.csv", "", "{root}/a\x00.csv"])  # fmt: skip
def test_addresses_outside_the_roots_are_refused(tmp_path: Path, address: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write_csv(tmp_path / "outside.csv", credit_rows(2))
    with pytest.raises(Unmeasurable):
        files.open_file(address.format(root=root), roots=[str(root)])


def test_a_link_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write_csv(tmp_path / "outside.csv", credit_rows(2))
    os.symlink(tmp_path / "outside.csv", root / "inside.csv")
    os.symlink(tmp_path, root / "folder")
    for name in ("inside.csv", "folder/outside.csv"):
        with pytest.raises(Unmeasurable, match="outside the allowed data roots"):
            files.open_file(str(root / name), roots=[str(root)])


def test_no_roots_means_no_files(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv", credit_rows(2))
    for roots in ([], [""]):
        with pytest.raises(Unmeasurable):
            files.open_file(str(tmp_path / "rows.csv"), roots=roots)


@pytest.mark.parametrize("name", ["model.pkl", "rows.feather", "rows.csv.gz", "rows"])
def test_other_formats_are_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(Unmeasurable, match="neither CSV nor Parquet"):
        files.open_file(str(tmp_path / name), roots=[str(tmp_path)])


class Trap:
    """Would write a file if anybody unpickled it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_a_pickle_under_another_name_is_never_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap(str(tmp_path / "sprung"))))
    try:
        read(tmp_path / name, tmp_path)
    except Unmeasurable:
        pass
    assert not (tmp_path / "sprung").exists()


def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("folder.csv", "pipe.csv", "missing.csv"):
        with pytest.raises(Unmeasurable):
            files.open_file(str(tmp_path / name), roots=[str(tmp_path)])


def test_another_digest_than_the_registered_one_is_refused(tmp_path: Path) -> None:
    digest = write_csv(tmp_path / "rows.csv", credit_rows(3))
    assert len(read(tmp_path / "rows.csv", tmp_path, sha256=digest)) == 3
    assert len(read(tmp_path / "rows.csv", tmp_path, sha256=f"sha256:{digest}")) == 3
    with pytest.raises(Unmeasurable, match="changed after registration"):
        files.open_file(str(tmp_path / "rows.csv"), roots=[str(tmp_path)], sha256="0" * 64)


def test_broken_and_odd_files_are_refused_in_words(tmp_path: Path) -> None:
    cases = {
        "ragged.csv": b"a,b\n1\n2,3,4\n",
        "twice.csv": b"a,a\n1,2\n",
        "not.parquet": b"PAR1nonsense",
        "binary.csv": bytes(range(256)),
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Unmeasurable):
            read(tmp_path / name, tmp_path)
    (tmp_path / "empty.csv").write_bytes(b"")
    assert read(tmp_path / "empty.csv", tmp_path) == []


def test_quotes_line_breaks_and_missing_words_are_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b'a,b\n"x, ""y""",NA\n"line\nbreak",2\n,3\n')
    assert read(tmp_path / "rows.csv", tmp_path) == [
        {"a": 'x, "y"', "b": None},
        {"a": "line\nbreak", "b": 2},
        {"a": None, "b": 3},
    ]


# --- scoring -----------------------------------------------------------------------------------------------------------

KINDS = {"income": "integer", "duration": "integer", "housing": "text"}


def columns(count: int) -> dict[str, list[Any]]:
    """Features of credit rows."""
    rows = credit_rows(count)
    return {name: [row[name] for row in rows] for name in KINDS}


def scorer(endpoint: str, **more: Any) -> Scorer:
    """A scorer that may ask this endpoint."""
    given = {
        "url": endpoint,
        "model": "credit",
        "protocol": "oip-v2",
        "allowed": [endpoint.removeprefix("http://")],
        "kinds": KINDS,
    }
    return Scorer(**{**given, **more})


def test_scores_come_in_order_and_in_batches(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MOST_ROWS_AT_ONCE", 64)
    with scorer(endpoint) as asked:
        found = asked.predict(columns(150))
    assert found == pytest.approx([score_of(row) for row in credit_rows(150)])
    assert asked.used() == {"calls": 3, "rows": 150, "sent": 150, "kept": 0} and Endpoint.asked == [64, 64, 22]


def test_a_host_that_nobody_allowed_is_not_asked(endpoint: str) -> None:
    for allowed in ([], ["example.org"], ["127.0.0.1"]):
        with scorer(endpoint, allowed=allowed) as asked, pytest.raises(Unmeasurable, match="could not be asked"):
            asked.predict(columns(1))
    assert Endpoint.asked == []


def test_the_budget_of_rows_holds(endpoint: str) -> None:
    with scorer(endpoint, most_rows=100) as asked, pytest.raises(Unmeasurable, match="budget"):
        asked.predict(columns(101))


def test_a_model_that_is_not_served_is_refused_with_the_answer(endpoint: str) -> None:
    with scorer(endpoint, model="other") as asked, pytest.raises(Unmeasurable, match="404"):
        asked.predict(columns(1))


def test_an_endpoint_that_is_down_is_named() -> None:
    with scorer("http://127.0.0.1:9") as asked, pytest.raises(Unmeasurable, match="could not be asked"):
        asked.predict(columns(1))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (
            [
                {"name": "label", "datatype": "INT64", "data": [0, 1]},
                {"name": "p", "datatype": "FP64", "data": [0.2, 0.7]},
            ],
            [0.2, 0.7],
        ),
        ([{"name": "probabilities", "datatype": "FP32", "data": [[0.8, 0.2], [0.3, 0.7]]}], [0.2, 0.7]),
        ([{"name": "out", "datatype": "FP32", "data": [[0.2], [0.7]]}], [0.2, 0.7]),
    ],
)
def test_the_score_is_found_among_the_outputs(outputs: Any, expected: list[float]) -> None:
    assert scoring.score_of(outputs, 2, "1").tolist() == expected
    assert np.array_equal(
        scoring.score_of([{"name": "x", "datatype": "FP64", "data": [[0.9, 0.1], [0.4, 0.6]]}], 2, "0"), [0.9, 0.4]
    )


@pytest.mark.parametrize(
    "outputs", [None, [], "x", [1], [{"name": "label", "datatype": "BYTES", "data": ["good", "bad"]}]]
)
def test_answers_without_scores_are_refused(outputs: Any) -> None:
    with pytest.raises(Unmeasurable):
        scoring.score_of(outputs, 2, "1")


def test_short_texts_of_a_parquet_file_stay_codes_and_read_as_text(tmp_path: Path) -> None:
    rows = {"sex": ["f", "m", None] * 2000, "id": [f"person-{n}" for n in range(6000)], "n": list(range(6000))}
    pyarrow.parquet.write_table(pa.table(rows), tmp_path / "rows.parquet")
    with files.open_file(str(tmp_path / "rows.parquet"), roots=[str(tmp_path)]) as file:
        batches = list(file.batches())
    kinds = {name: pa.types.is_dictionary(batches[0].stored.column(name).type) for name in rows}
    assert kinds == {"sex": True, "id": False, "n": False}
    assert {name: batches[0].table.column(name).to_pylist() for name in rows} == rows

"""Drivers: whoever counts, the states and the evidence digest are the same; limits, cancelling, and going on after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Tools, Unmeasurable
from apps.evidence.drivers import Budget
from apps.evidence.drivers.cluster import Cluster
from apps.evidence.drivers.counting import Counting
from apps.evidence.drivers.here import Here
from apps.evidence.drivers.kept import Kept
from apps.evidence.drivers.processes import Processes
from apps.evidence.drivers.work import resident
from apps.evidence.inputs import files, parts
from tests.evidence.conftest import credit_rows, write_csv
from tests.evidence.test_checks import CREDIT

KEYS = ["fairness", "performance", "data_profile", "personal_data", "singling_out", "proxies", "data_quality"]
SMALL = {"rows": 500, "size": 8_000}
ROWS = credit_rows(3_000)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The same rows as CSV, Parquet, Arrow and DuckDB."""
    write_csv(tmp_path / "rows.csv", ROWS)
    table = pa.Table.from_pylist(ROWS)
    pa.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=250)
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=250)
    with duckdb.connect(str(tmp_path / "bank.duckdb")) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE loans AS SELECT * FROM given")
    return tmp_path


def address(folder: Path, name: str) -> str:
    """Where one of the files is."""
    return (folder / name).as_uri() + ("?table=loans" if name.endswith(".duckdb") else "")


def found(folder: Path, name: str, counting: Counting | None, **more: Any) -> dict[str, str]:
    """Per check the digest of its result over a file, the file itself left out."""
    asked = {key: (registry()[key], registry()[key].Params()) for key in KEYS}
    with files.open_file(address(folder, name), roots=[str(folder)]) as file:
        outcomes = engine.measure(file, asked, CREDIT, Tools(**more), counting)
    assert all(isinstance(outcome, Result) for outcome in outcomes.values()), outcomes
    return {
        key: engine.finished(*asked[key], CREDIT, outcome, [])["method"]["result_digest"]
        for key, outcome in outcomes.items()
    }


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.arrow", "bank.duckdb"])
def test_parts_of_every_format_give_what_one_reading_gives(written: Path, name: str) -> None:
    with files.open_file(address(written, name), roots=[str(written)]) as file:
        assert len(parts.parts_of(file, **SMALL)) > 3
    assert found(written, name, Counting(Here(), part=SMALL)) == found(written, "rows.csv", None)


def test_processes_give_what_this_process_gives(written: Path) -> None:
    assert found(written, "rows.parquet", Counting(Processes(2), part=SMALL)) == found(written, "rows.parquet", None)


def test_a_dask_cluster_gives_what_this_process_gives(written: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `distributed` is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as local:
        counted = found(written, "rows.parquet", Counting(Cluster(local), part=SMALL))
    assert counted == found(written, "rows.parquet", None)


def test_two_files_are_compared_part_by_part(written: Path) -> None:
    write_csv(written / "other.csv", credit_rows(2_000, seed=11))
    check = registry()["drift"]
    digests = []
    for counting in (None, Counting(Here(), part=SMALL)):
        with (
            files.open_file(address(written, "rows.csv"), roots=[str(written)]) as file,
            files.open_file(address(written, "other.csv"), roots=[str(written)]) as other,
        ):
            asked = {"drift": (check, check.Params())}
            outcome = engine.measure(engine.Pair(file, other), asked, CREDIT, Tools(), counting)["drift"]
        assert isinstance(outcome, Result), outcome
        digests.append(engine.finished(*asked["drift"], CREDIT, outcome, [])["method"]["result_digest"])
    assert digests[0] == digests[1]


CSVS = {
    "quoted newlines": 'a,b\n1,"x\ny"\n2,"""q"""\n3,z\n',
    "returns": "a,b\r\n1,x\r\n\r\n2,y\r\n",
    "no last newline": "a,b\n1,x\n2,y",
    "blank lines": "a,b\n\n1,x\n\n\n2,y\n\n",
    "a quote inside a field": 'a,b\n1,5" pipe\n2,6" pipe\n3,y\n',
    "a byte order mark": "\ufeffa,b\n1,x\n2,y\n",
}


@pytest.mark.parametrize("text", CSVS.values(), ids=CSVS.keys())
def test_a_csv_file_is_cut_only_between_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.csv").write_bytes(text.encode())
    with files.open_file(str(tmp_path / "rows.csv"), roots=[str(tmp_path)]) as file:
        whole = [row for batch in file.batches() for row in batch.table.to_pylist()]
        cut = [batch for part in parts.parts_of(file, size=1) for batch in parts.read(part)]
    assert [row for batch in cut for row in batch.table.to_pylist()] == whole
    assert [batch.first_row for batch in cut] == [sum(b.rows for b in cut[:place]) for place in range(len(cut))]


def test_a_file_that_changed_after_it_was_hashed_is_not_read(written: Path) -> None:
    with files.open_file(address(written, "rows.csv"), roots=[str(written)]) as file:
        cut = parts.parts_of(file, **SMALL)
    write_csv(written / "rows.csv", credit_rows(2_999))
    with pytest.raises(Unmeasurable, match="changed while it was read"):
        list(parts.read(cut[0]))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?table=loans&sql=SELECT+1",
        "?sql=DROP+TABLE+loans",
        "?sql=SELECT+1;SELECT+2",
        "?sql=COPY+loans+TO+'x'",
        "?sql=nonsense(",
    ],
)
def test_a_database_is_asked_one_select_only(written: Path, query: str) -> None:
    with pytest.raises(Unmeasurable):
        files.open_file((written / "bank.duckdb").as_uri() + query, roots=[str(written)])


@pytest.mark.parametrize("sql", ["SELECT * FROM read_csv('{folder}/rows.csv')", "SELECT * FROM '{folder}/rows.parquet'",
                                 "SELECT * FROM nowhere"])  # fmt: skip
def test_a_query_reaches_no_other_file(written: Path, sql: str) -> None:
    uri = (written / "bank.duckdb").as_uri() + "?sql=" + quote(sql.format(folder=written))
    with files.open_file(uri, roots=[str(written)]) as file, pytest.raises(Unmeasurable, match="could not be read"):
        list(file.batches())


def test_a_query_of_ones_own_is_part_of_the_digest(written: Path) -> None:
    uri = (written / "bank.duckdb").as_uri() + "?sql=" + quote("SELECT income FROM loans WHERE sex = 'male'")
    with files.open_file(uri, roots=[str(written)]) as file:
        assert sum(batch.rows for batch in file.batches()) == sum(row["sex"] == "male" for row in ROWS)
        own = file.sha256
    with files.open_file(address(written, "bank.duckdb"), roots=[str(written)]) as whole:
        assert whole.sha256 != own


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(rows=2_999), "2,999 that one measurement may read"),
        (Budget(seconds=0), "stopped after 0 seconds"),
        (Budget(memory=-(2**40)), "MiB that it may use"),
    ],
)
def test_what_exceeds_the_budget_is_refused_in_words(written: Path, budget: Budget, words: str) -> None:
    check = registry()["fairness"]
    with files.open_file(address(written, "rows.csv"), roots=[str(written)]) as file:
        outcome = engine.measure(
            file, {"fairness": (check, check.Params())}, CREDIT, Tools(), Counting(budget=budget, part=SMALL)
        )
    assert isinstance(outcome["fairness"], Unmeasurable)
    assert words in str(outcome["fairness"])


def test_a_process_that_needs_too_much_memory_says_so(written: Path) -> None:
    counting = Counting(Processes(1), Budget(memory=1), part=SMALL)
    with files.open_file(address(written, "rows.csv"), roots=[str(written)]) as file:
        with pytest.raises(Unmeasurable, match="memory|MiB"):
            counting.survey(file, "rows", Tools())


class Cancelled(Exception):
    """Somebody asked to stop."""


@pytest.mark.parametrize("driver", [Here(), Processes(2)], ids=["here", "processes"])
def test_cancelling_stops_the_count_and_leaves_no_process(written: Path, driver: Any) -> None:
    said = []

    def progress(stage: str, done: int, total: int) -> None:
        said.append((stage, done, total))
        if stage.startswith("Counting") and done >= 500:
            raise Cancelled

    with pytest.raises(Cancelled):
        found(written, "rows.parquet", Counting(driver, part=SMALL), progress=progress)
    assert ("Looking at the columns of credit", 3_000, 3_000) in said
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
    )
    assert "drivers.worker" not in listed.stdout
    assert resident() > 0


KILLED = """
import sys, time
import django
django.setup()
from pathlib import Path
from apps.evidence.drivers import here
from tests.evidence import test_drivers as t
real = here.work
def slow(*given):
    time.sleep(0.3)
    return real(*given)
here.work = slow
folder = Path(sys.argv[1])
t.found(folder, "rows.parquet", t.Counting(here.Here(), kept=t.Kept(folder / "kept"), part=t.SMALL))
"""


def test_a_count_whose_process_was_killed_goes_on_and_ends_with_the_same_digest(written: Path) -> None:
    kept = written / "kept"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DJANGO_SETTINGS_MODULE": "apps.config.settings",
    }
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(written)], env=environment)
    until = time.monotonic() + 120
    while len(list(kept.glob("*.state"))) < 8 and child.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    before = len(list(kept.glob("*.state")))
    assert 8 <= before < 12
    asked: list[int] = []

    class Counted(Here):
        def run(self, tasks: Any, budget: Any, beat: Any) -> Any:
            asked.append(len(tasks))
            return super().run(tasks, budget, beat)

    store, said = Kept(kept), []
    again = found(
        written,
        "rows.parquet",
        Counting(Counted(), kept=store, part=SMALL),
        progress=lambda *told: said.append(told[0]),
    )
    assert again == found(written, "rows.parquet", None)
    assert sum(asked) == 12 - before
    assert any("parts were counted before" in words for words in said)
    store.forget()
    assert list(kept.glob("*.state")) == []


def test_a_damaged_state_is_counted_again(tmp_path: Path) -> None:
    store = Kept(tmp_path / "kept")
    store.store("task", "answer")
    assert store.load("task") == "answer"
    (path,) = (tmp_path / "kept").glob("*.state")
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(path.read_text() + "x")
    assert store.load("task") is None

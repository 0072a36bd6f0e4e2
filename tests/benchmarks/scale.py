"""Counting a large Parquet dataset: the product's kernel over its parts beside DuckDB's own reduction of the same file.

Each runs in a process of its own that reports its peak memory; the tables of both must be equal.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from apps.config.database import ROOT
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Measurement, median

SIZES = {"full": (100_000_000, 3), "quick": (5_000_000, 3), "smoke": (10_000, 1)}
"""Rows, and how many times each side is measured."""
GROUP = 1_000_000
BINS = 1000

LAST = """
import json, pathlib
said = dict(line.split(":") for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(json.dumps({"seconds": seconds, "peak": int(said["VmHWM"].split()[0]) * 1024, "table": table}))
"""
OURS = """
import sys, time
import numpy as np
import pyarrow
from apps.evidence.inputs import files, parts
from apps.evidence.kernels import counts
folder, bins = sys.argv[1], int(sys.argv[2])
axes = [{"column": name, "values": list(kinds), "labels": list(kinds)} for name, kinds in (("sex", "fm"), ("race", "abcde"))]
axes += [{"column": "y", "edges": [1.0], "labels": ["0", "1"]}]
pyarrow.set_cpu_count(2)
size = __import__("os").stat(folder + "/rows.parquet").st_size
file = files.DataFile(files.allowed_path(folder + "/rows.parquet", [folder]), open(folder + "/rows.parquet", "rb"), size, "")
begun = time.perf_counter()
joint, histogram = counts.empty(*axes), np.zeros(bins + 2, dtype=np.int64)
for part in parts.parts_of(file):
    for batch in parts.read(part):
        joint += counts.joint(batch, *axes)
        histogram += counts.histogram(batch.numbers("x"), 0.0, 1.0, bins)
seconds = time.perf_counter() - begun
table = [joint[:2, :5, :2].tolist(), histogram[1:-1].tolist()]
"""
DUCKDB = """
import sys, time
import duckdb
folder, bins = sys.argv[1], int(sys.argv[2])
connection = duckdb.connect(config={"threads": 2})
connection.execute("SET enable_progress_bar = false")
begun = time.perf_counter()
source = f"read_parquet('{folder}/rows.parquet')"
asked = f"SELECT sex, race, y, count(*) FROM {source} GROUP BY 1, 2, 3"
groups = {(sex, race, y): n for sex, race, y, n in connection.execute(asked).fetchall()}
asked = f"SELECT least(floor(x * {bins})::INT, {bins} - 1), count(*) FROM {source} GROUP BY 1"
cells = dict(connection.execute(asked).fetchall())
seconds = time.perf_counter() - begun
joint = [[[groups.get((sex, race, y), 0) for y in (0, 1)] for race in "abcde"] for sex in "fm"]
table = [joint, [cells.get(place, 0) for place in range(bins)]]
"""


def measure(size: str) -> Iterator[Measurement]:
    """Rows a second, then peak memory."""
    rows, runs = SIZES[size]
    with tempfile.TemporaryDirectory() as place:
        write(Path(place) / "rows.parquet", rows)
        found: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
        measuring.in_turns(
            lambda: found[0].append(alone(OURS, place)), lambda: found[1].append(alone(DUCKDB, place)), runs, warm=0
        )
    if any(one["table"] != found[1][0]["table"] for side in found for one in side):
        raise SystemExit("The two count differently.")
    speeds = [median([rows / one["seconds"] for one in side]) for side in found]
    peaks = [median([one["peak"] for one in side]) / 2**20 for side in found]
    case, name = f"{rows:,} rows: joint table of three columns and {BINS} bins of a fourth", "DuckDB, 2 threads"
    yield Measurement("scale", f"{case}, rows a second", *speeds, name, measuring.ratio_at_least(0.8), "rows/s", runs)
    yield Measurement("scale", f"{case}, peak memory", *peaks, name, measuring.ratio_at_most(1.5), "MiB", runs)


def write(path: Path, rows: int) -> None:
    """Two columns of text, an outcome and a number that no bin edge splits differently by rounding."""
    writer, chance = None, np.random.default_rng(7)
    for start in range(0, rows, GROUP):
        count = min(GROUP, rows - start)
        x = (chance.integers(0, BINS * 1024, count) + 0.5) / (BINS * 1024)
        columns = {
            "sex": pick(chance, "fm", count),
            "race": pick(chance, "abcde", count),
            "y": chance.integers(0, 2, count),
            "x": x,
        }
        table = pa.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def pick(chance: np.random.Generator, letters: str, count: int) -> pa.Array:
    """Random letters as text."""
    codes = pa.array(chance.integers(0, len(letters), count), pa.int32())
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(letters))).dictionary_decode()


def alone(code: str, folder: str) -> dict[str, Any]:
    """What a program of its own counted, in how long, with how much memory."""
    command = [sys.executable, "-c", code + LAST, folder, str(BINS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-1000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found

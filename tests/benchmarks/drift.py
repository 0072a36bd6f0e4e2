"""Two datasets compared column by column: the product's check, beside nannyml's and evidently's on the same two files.

nannyml and evidently compute one or two distances for each column, the product five with what chance alone gives; the
product's time holds both passes over both files. Reading the file counts for nobody.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools
from apps.evidence.inputs import files
from apps.evidence.kernels import counts, drift, survey
from apps.evidence.kernels.batches import Batch
from tests.benchmarks import measuring, peers
from tests.benchmarks.measuring import Measurement, median

SIZES = {"full": (1_000_000, 3, True), "quick": (1_000_000, 1, True), "smoke": (3_000, 1, False)}
"""Rows on each side, how many times it is measured, whether peers are asked."""
NUMBERS, CATEGORIES = 15, 5
NANNYML = ["nannyml==0.13.1", "statsmodels"]
EVIDENTLY = ["evidently==0.7.23", "pandas<3", "pyarrow"]
OF_NANNYML = """
import json, sys, time
import pandas as pd, nannyml
nannyml.disable_usage_logging()
before, now = (pd.read_parquet(sys.argv[1] + name) for name in ("/before.parquet", "/now.parquet"))
begun = time.process_time()
found = nannyml.UnivariateDriftCalculator(
    column_names=list(before), chunk_number=1, categorical_methods=["chi2"],
    continuous_methods=["kolmogorov_smirnov", "wasserstein", "jensen_shannon"],
).fit(before).calculate(now)
print(json.dumps({"seconds": time.process_time() - begun}))
"""
OF_EVIDENTLY = """
import json, sys, time
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
before, now = (pd.read_parquet(sys.argv[1] + name) for name in ("/before.parquet", "/now.parquet"))
begun = time.process_time()
Report([DataDriftPreset()]).run(now, before)
print(json.dumps({"seconds": time.process_time() - begun}))
"""


def measure(size: str) -> Iterator[Measurement]:
    """Distances beside each peer, then the whole check; then how far a distance is from scipy's."""
    rows, runs, has_peers = SIZES[size]
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), rows)
        sides = [read(Path(place) / f"{name}.parquet") for name in ("now", "before")]
        distances(*sides)  # imports count for nobody
        own = median([measuring.cost(lambda: distances(*sides)).processor for _ in range(runs)])
        whole = median([measuring.cost(lambda: check(Path(place))).processor for _ in range(runs)])
        told = [
            (name, limit, peers.ask(packages, script, place) if has_peers else None)
            for name, limit, packages, script in (
                (NANNYML[0], 10, NANNYML, OF_NANNYML),
                (EVIDENTLY[0], 200, EVIDENTLY, OF_EVIDENTLY),
            )
        ]
        gap = largest_gap(Path(place), distances(*sides))
    case = f"{rows:,} and {rows:,} rows, {NUMBERS + CATEGORIES} columns"
    for name, limit, theirs in told:
        speed = 2 * rows / theirs["seconds"] if theirs else None
        target, unit = measuring.ratio_at_least(limit), "rows/s of processor time"
        yield Measurement("drift", f"{case}: distances", 2 * rows / own, speed, name, target, unit, runs)
        yield Measurement("drift", f"{case}: the whole check", 2 * rows / whole, speed, name, target, unit, runs)
    target = measuring.ours_at_most(2e-4)
    yield Measurement("drift", f"{case}: KS distance", gap, None, "scipy ks_2samp", target, "largest difference", 1)


def write(folder: Path, rows: int) -> None:
    """Both sides; one number in three is shifted a little."""
    for seed, name in enumerate(("before", "now")):
        chance = np.random.default_rng(seed)
        columns: dict[str, Any] = {
            f"n{place}": chance.normal(0.1 * seed * (place % 3 == 0), 1, rows) for place in range(NUMBERS)
        }
        columns |= {
            f"c{place}": np.array(["a", "b", "c", "d"])[chance.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])]
            for place in range(CATEGORIES)
        }
        pd.DataFrame(columns).to_parquet(folder / f"{name}.parquet")


def read(path: Path) -> list[Batch]:
    """All batches of a file."""
    with files.open_file(str(path), roots=[str(path.parent)]) as file:
        return list(file.batches())


def distances(now: list[Batch], before: list[Batch]) -> dict[str, dict[str, Any]]:
    """See what the columns are, count both sides on common cells, compute every distance of every column."""
    fresh = [[Batch(batch.stored, batch.first_row) for batch in side] for side in (now, before)]
    known = []
    for side in fresh:
        state = survey.start()
        for batch in side:
            state = survey.update(state, batch)
        known.append(survey.finish(state))
    found = {}
    for name, column in known[0].items():
        axis = drift.axis_of(column, known[1][name])
        if axis is None:
            continue
        table = np.stack([np.sum([counts.joint(batch, axis) for batch in side], axis=0) for side in fresh])
        is_number = "edges" in axis
        row = (
            drift.of_numbers(table, axis, known[1][name].low, known[1][name].high)
            if is_number
            else drift.of_categories(table, axis)
        )
        row["psi"], row["js"] = float(drift.stability(row["cells"])), drift.jensen_shannon(row["cells"])
        found[name] = row
    return found


def check(folder: Path) -> Result:
    """The product's check over both files, as a worker runs it."""
    done = registry()["drift"]
    with (
        files.open_file(str(folder / "now.parquet"), roots=[str(folder)]) as now,
        files.open_file(str(folder / "before.parquet"), roots=[str(folder)]) as before,
    ):
        subject = Subject(name="now", reference=Subject(name="before"))
        found = engine.measure(engine.Pair(now, before), {"drift": (done, done.Params())}, subject, Tools())["drift"]
    if not isinstance(found, Result):
        raise SystemExit(str(found))
    return found


def largest_gap(folder: Path, found: dict[str, dict[str, Any]]) -> float:
    """The largest difference of a KS distance to scipy's on the rows themselves."""
    from scipy import stats

    now, before = (pd.read_parquet(folder / f"{name}.parquet") for name in ("now", "before"))
    exact = {
        name: stats.ks_2samp(now[name], before[name], method="asymp").statistic for name in found if name[0] == "n"
    }
    return max(float(abs(found[name]["ks"] - value)) for name, value in exact.items())

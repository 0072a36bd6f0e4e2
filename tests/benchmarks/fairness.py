"""Fairness by group: metrics from the check's counts, beside fairlearn's MetricFrame on every row, and beside aequitas."""

import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from apps.evidence.inputs import files
from apps.evidence.kernels import counts, fairness, survey
from apps.evidence.kernels.batches import Batch
from tests.benchmarks import measuring, peers
from tests.benchmarks.measuring import Cost, Measurement, median

SIZES = {"full": (1_000_000, 3, True), "quick": (1_000_000, 1, True), "smoke": (2_000, 1, False)}
"""Rows, how many times each side is measured, whether aequitas is asked."""
AEQUITAS = ["aequitas==1.1.0", "pandas<3", "pyarrow"]
OF_AEQUITAS = """
import json, sys, time
import pandas as pd
from aequitas.group import Group
frame = pd.read_parquet(sys.argv[1]).rename(columns={"y": "label_value", "decision": "score"})
spent = []
for _ in range(int(sys.argv[2])):
    begun = time.process_time()
    Group().get_crosstabs(frame, attr_cols=["sex", "race"])
    spent.append(time.process_time() - begun)
print(json.dumps({"seconds": sorted(spent)[len(spent) // 2]}))
"""
NAMES = [["sex"], ["race"], ["sex", "race"]]
EXACT = 1e-12
UNIT = "rows/s of processor time"


def measure(size: str) -> Iterator[Measurement]:
    """From text columns in memory to metrics of two attributes and of both together; then the same from a file."""
    rows, runs, has_peer = SIZES[size]
    frame = people(rows)
    batches = [Batch(part) for part in pa.Table.from_pandas(frame, preserve_index=False).combine_chunks().to_batches()]
    ours(batches[:1]), metric_frames(people(1_000))  # imports count for neither
    own, other = measuring.costs_in_turns(lambda: ours(batches), lambda: metric_frames(frame), runs)
    gap = largest_gap(ours(batches), kept[-1])
    if gap > EXACT:
        raise SystemExit(f"The two differ by {gap:g}.")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows.parquet"
        frame.to_parquet(path)
        cases = {
            "from text columns": own,
            "from text columns, confirmed by fairlearn": again(lambda: ours(batches, is_confirmed=True), runs),
            "from a Parquet file": again(lambda: from_file(path), runs),
        }
        name, target = f"MetricFrame on every row, equal to {EXACT:g}", measuring.ratio_at_least(500)
        for case, costs in cases.items():
            said = f"{rows:,} rows, 6 metrics, 2 attributes and both together, {case}"
            yield Measurement("fairness", said, speed(rows, costs), speed(rows, other), name, target, UNIT, runs)
        theirs = peers.ask(AEQUITAS, OF_AEQUITAS, str(path), str(runs)) if has_peer else None
    single = speed(rows, again(lambda: ours(batches, NAMES[:2]), runs))
    case, name, target = f"{rows:,} rows, 2 attributes, from text columns", AEQUITAS[0], measuring.ratio_at_least(3)
    yield Measurement("fairness", case, single, rows / theirs["seconds"] if theirs else None, name, target, UNIT, runs)


def again(work: Callable[[], Any], runs: int) -> list[Cost]:
    """The cost of each of some runs."""
    return [measuring.cost(work) for _ in range(runs)]


def speed(rows: int, costs: list[Cost]) -> float:
    """Rows per second of processor time."""
    return median([rows / max(cost.processor, 1e-3) for cost in costs])


def people(rows: int) -> pd.DataFrame:
    """Two attributes as text, an outcome and a decision."""
    chance = np.random.default_rng(7)
    y = chance.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "sex": np.array(["female", "male"])[chance.integers(0, 2, rows)],
            "race": np.array(["a", "b", "c", "d", "e"])[chance.choice(5, rows, p=[0.5, 0.2, 0.15, 0.1, 0.05])],
            "y": y,
            "decision": np.where(chance.random(rows) < 0.8, y, 1 - y),
        }
    )


def axes_of(batches: list[Batch]) -> dict[str, Any]:
    """The axis of each column, from a survey of the rows."""
    state = survey.start()
    for batch in batches:
        state = survey.update(state, batch)
    return {name: counts.category_axis(column) for name, column in survey.finish(state).items()}


def ours(batches: list[Batch], names: list[list[str]] = NAMES, *, is_confirmed: bool = False) -> list[dict[str, Any]]:
    """Encode, count, compute; as the check does it, fairlearn computes the groups of each attribute once more."""
    fresh = [Batch(batch.table, batch.first_row) for batch in batches]
    cells = {"sex": ["female", "male"], "race": list("abcde"), "y": ["0", "1"], "decision": ["0", "1"]}
    axes = {name: {"column": name, "values": values, "labels": values} for name, values in cells.items()}
    found, sides = [], []
    for several in names:
        by = [axes[name] for name in several]
        table = sum(counts.joint(batch, *by, axes["y"], axes["decision"]) for batch in fresh)
        inner = np.asarray(table)[tuple(slice(0, -2) for _ in range(len(by) + 2))]
        found.append(frame_of(inner, [axis["labels"] for axis in by]))
        sides += [inner] if len(by) == 1 else []
    if is_confirmed and fairness.gap_to_fairlearn(np.concatenate(sides)) > fairness.EXACT:
        raise SystemExit("fairlearn computes other rates from the same counts.")
    return found


def frame_of(counts: np.ndarray, names: list[list[str]]) -> dict[str, Any]:
    """Metrics per group, overall, and the largest difference and smallest ratio between groups, as MetricFrame defines them.

    `counts` has one dimension per attribute and then outcome (0/1) and decision (0/1); `names` are the groups per attribute.
    A group without rows is left out; what has nothing to divide by is None, but a rate of errors, which fairlearn calls 0.
    """
    cells = counts.reshape(-1, 2, 2)
    held = np.flatnonzero(cells.sum(axis=(1, 2)))
    table = fairness.rates(cells[held])
    keys = list(product(*names))
    spread, smallest = np.full(len(fairness.METRICS), np.nan), np.full(len(fairness.METRICS), np.nan)
    known = ~np.isnan(table).all(axis=0)
    if known.any():
        low, high = np.nanmin(table[:, known], axis=0), np.nanmax(table[:, known], axis=0)
        spread[known] = high - low
        smallest[known] = np.divide(low, high, out=np.full(low.shape, np.nan), where=high != 0)
    return {
        "overall": fairness.named(fairness.rates(cells.sum(axis=0, keepdims=True))[0]),
        "groups": {keys[at]: fairness.named(row) for at, row in zip(held, table, strict=True)},
        "difference": fairness.named(spread),
        "ratio": fairness.named(smallest),
    }


def from_file(path: Path) -> list[dict[str, Any]]:
    """The same after hashing, reading and surveying a file."""
    with files.open_file(str(path), roots=[str(path.parent)]) as file:
        batches = list(file.batches())
    axes_of(batches)
    return ours(batches)


kept: list[list[Any]] = []


def metric_frames(frame: pd.DataFrame) -> list[Any]:
    """fairlearn on every row, with differences and ratios."""
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score, precision_score

    metrics = {
        "selection_rate": selection_rate, "accuracy": accuracy_score, "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate, "false_negative_rate": false_negative_rate,
        "precision": partial(precision_score, zero_division=np.nan),
    }  # fmt: skip
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for names in NAMES:
            whole = MetricFrame(
                metrics=metrics, y_true=frame["y"], y_pred=frame["decision"], sensitive_features=frame[names]
            )
            found.append((whole.by_group, whole.difference(), whole.ratio()))
    kept.append(found)
    return found


def largest_gap(own: list[dict[str, Any]], other: list[Any]) -> float:
    """The largest difference of any metric of any group, and of the differences and ratios."""
    gaps = []
    for mine, (by_group, difference, ratio) in zip(own, other, strict=True):
        for key, row in by_group.iterrows():
            group = mine["groups"][key if isinstance(key, tuple) else (key,)]
            gaps += [abs(group[name] - row[name]) for name in fairness.METRICS]
        for name in fairness.METRICS:
            gaps += [abs(mine["difference"][name] - difference[name]), abs(mine["ratio"][name] - ratio[name])]
    return max(gap if math.isfinite(gap) else math.inf for gap in gaps)

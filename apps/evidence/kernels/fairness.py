"""Group metrics from count tables: fairlearn's definitions in closed form, and fairlearn itself to confirm them.

On the full rows `MetricFrame` makes one Python object per row and metric: 76 s at a million rows. On one row per cell,
weighted by its count, it gives the same numbers, but most of a second goes to its own checks of each group. So the
numbers are computed here, and a check that states them lets fairlearn compute them once more (`gap_to_fairlearn`).
"""

import warnings
from functools import partial
from typing import Any

import numpy as np

METRICS = (
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "false_negative_rate",
    "precision",
)
EXACT = 1e-12


def rates(cells: np.ndarray) -> np.ndarray:
    """The metrics of each group, in the order of METRICS. `cells` is [group, 0/1 outcome, 0/1 decision]."""
    outcomes, decisions = cells.sum(axis=2), cells.sum(axis=1)
    right, rows = cells[:, 0, 0] + cells[:, 1, 1], cells.sum(axis=(1, 2))
    shares = [
        (decisions[:, 1], rows, np.nan),
        (right, rows, np.nan),
        (cells[:, 1, 1], outcomes[:, 1], 0.0),
        (cells[:, 0, 1], outcomes[:, 0], 0.0),
        (cells[:, 1, 0], outcomes[:, 1], 0.0),
        (cells[:, 1, 1], decisions[:, 1], np.nan),
    ]
    found = [np.divide(part, of, out=np.full(of.shape, without), where=of != 0) for part, of, without in shares]
    return np.stack(found, axis=1)


def gap_to_fairlearn(counts: np.ndarray) -> float:
    """The largest difference of any metric of any group to what fairlearn's MetricFrame computes from the same counts.

    `counts` is [group, 0/1 outcome, 0/1 decision]. Infinite where one of the two has a number and the other has none.
    """
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    cells = [(*place, int(count)) for place, count in np.ndenumerate(counts) if count]
    rows = pd.DataFrame([(*place, n) for *place, n in cells], columns=["group", "y", "decision", "n"])
    metrics = _metrics()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # groups without positives
        theirs = MetricFrame(
            metrics=metrics, y_true=rows["y"], y_pred=rows["decision"], sensitive_features=rows["group"],
            sample_params={name: {"sample_weight": rows["n"]} for name in metrics},
        ).by_group  # fmt: skip
    ours, other = rates(counts[theirs.index.to_numpy()]), theirs[list(METRICS)].to_numpy(dtype=float)
    gaps = np.where(np.isnan(ours) & np.isnan(other), 0.0, np.abs(ours - other))
    return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0.0))


def _metrics() -> dict[str, Any]:
    from fairlearn.metrics import false_negative_rate, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, precision_score

    return {
        "selection_rate": selection_rate,
        "accuracy": accuracy_score,
        "true_positive_rate": partial(true_positive_rate, pos_label=1),
        "false_positive_rate": partial(false_positive_rate, pos_label=1),
        "false_negative_rate": partial(false_negative_rate, pos_label=1),
        "precision": partial(precision_score, zero_division=np.nan),
    }


def named(row: np.ndarray) -> dict[str, float | None]:
    """One row of `rates` by metric."""
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(METRICS, row, strict=True)}

"""Group metrics from count tables. fairlearn defines them; it is only ever shown one row per cell, weighted by its count.

On the full rows `MetricFrame` makes one Python object per row and metric: 76 s at a million rows. On count rows the same
class gives the same numbers to the last bit in a fraction of a second.
"""

import warnings
from functools import partial
from itertools import product
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


def frame(counts: np.ndarray, names: list[list[str]]) -> dict[str, Any]:
    """Metrics per group, overall, and the largest difference and smallest ratio between groups, by fairlearn's MetricFrame.

    `counts` has one dimension per attribute and then outcome (0/1) and decision (0/1); `names` are the groups per attribute.
    """
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    cells = [
        (*group, y, decision, int(counts[(*place, y, decision)]))
        for place, group in zip(product(*map(range, counts.shape[:-2])), product(*names), strict=True)
        for y in (0, 1)
        for decision in (0, 1)
        if counts[(*place, y, decision)]
    ]
    attributes = [f"attribute_{number}" for number in range(len(names))]
    rows = pd.DataFrame(cells, columns=[*attributes, "y", "decision", "n"])
    metrics = _metrics()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # groups without positives give NaN; we show them as not computable
        found = MetricFrame(
            metrics=metrics, y_true=rows["y"], y_pred=rows["decision"], sensitive_features=rows[attributes],
            sample_params={name: {"sample_weight": rows["n"]} for name in metrics},
        )  # fmt: skip
        difference, smallest = found.difference(), found.ratio()
    groups = {
        key if isinstance(key, tuple) else (key,): {name: _number(row[name]) for name in METRICS}
        for key, row in found.by_group.iterrows()
    }
    return {
        "overall": {name: _number(found.overall[name]) for name in METRICS},
        "groups": groups,
        "difference": {name: _number(difference[name]) for name in METRICS},
        "ratio": {name: _number(smallest[name]) for name in METRICS},
    }


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


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def equalised_odds_difference(found: dict[str, Any]) -> float | None:
    """The larger of the differences in true and in false positive rate (fairlearn's equalized_odds_difference)."""
    parts = [found["difference"][name] for name in ("true_positive_rate", "false_positive_rate")]
    return None if any(part is None for part in parts) else max(parts)


def smallest_ratio(tables: np.ndarray) -> np.ndarray:
    """Lowest selection rate divided by the highest, per replicate. `tables` is [replicate, group, 0/1 decision]."""
    rates = tables[..., 1] / tables.sum(axis=-1)
    return rates.min(axis=-1) / rates.max(axis=-1)


def rate_difference(tables: np.ndarray) -> np.ndarray:
    """Highest selection rate minus the lowest, per replicate. `tables` is [replicate, group, 0/1 decision]."""
    rates = tables[..., 1] / tables.sum(axis=-1)
    return rates.max(axis=-1) - rates.min(axis=-1)


def odds_difference(tables: np.ndarray) -> np.ndarray:
    """Equalised odds difference per replicate. `tables` is [replicate, group, 0/1 outcome, 0/1 decision]."""
    rates = tables[..., 1] / tables.sum(axis=-1)  # [replicate, group, outcome]
    return (rates.max(axis=-2) - rates.min(axis=-2)).max(axis=-1)

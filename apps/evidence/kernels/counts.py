"""Integer tables over encoded cells, fixed-edge histograms and exact moments.

An axis is a JSON value: {"column", "labels", "values"} for categories or {"column", "labels", "edges"} for bands of a
number. It has two more cells than labels: one for anything else, one for missing.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from apps.evidence.kernels.batches import Batch
from apps.evidence.kernels.survey import Column, clean_label

Axis = dict[str, Any]
AGE_EDGES = [26.0, 41.0, 61.0]
MOST_GROUPS = 20
SCALE = 2**20  # fixed-point steps between a column's extremes; squares of a batch of 2**20 rows fit into int64


def category_axis(column: Column, most: int = MOST_GROUPS) -> Axis:
    """The commonest categories of a column; the rest falls into "anything else"."""
    values = list(column.categories or {})[:most]
    return {"column": column.name, "values": values, "labels": [clean_label(value) for value in values]}


def band_axis(column: Column, edges: list[float] | None = None, bands: int = 4) -> Axis:
    """Bands of a number: at the edges given, at those usual for ages, or those that hold about equally many rows."""
    if edges is None:
        if "age" in column.name.lower().replace("-", "_").split("_"):
            edges = [edge for edge in AGE_EDGES if column.low is not None and column.low < edge <= (column.high or 0)]
        else:
            edges = equal_edges(column, bands)
    integer = column.kind == "integer"
    return {"column": column.name, "edges": edges, "labels": band_labels(edges, integer=integer)}


def equal_edges(column: Column, bands: int) -> list[float]:
    """Inner edges of bands that hold about equally many rows; fewer where many rows share a value."""
    if not column.sample:
        return []
    places = [column.sample[len(column.sample) * part // bands] for part in range(1, bands)]
    digits = 3 - math.floor(math.log10(max(abs(place) for place in places) or 1.0))
    edges = {float(round(place)) if column.kind == "integer" else round(place, digits) for place in places}
    inner = sorted(edge for edge in edges if column.low is not None and edge > column.low)
    beyond = [value for value in column.sample if column.low is not None and value > column.low]
    return inner or beyond[:1]


def band_labels(edges: list[float], *, integer: bool) -> list[str]:
    """Names of bands: "up to 25", "26–40", "61 and more" for whole numbers; "under 2.5", "2.5 to 5", "5 and more" for others."""
    if not edges:
        return ["all"]
    if integer:
        whole = [int(edge) for edge in edges]
        middle = [f"{low}–{high - 1}" if high - 1 > low else f"{low}" for low, high in pairwise(whole)]
        return [f"up to {whole[0] - 1}", *middle, f"{whole[-1]} and more"]
    return [
        f"under {edges[0]:g}",
        *(f"{low:g} to {high:g}" for low, high in pairwise(edges)),
        f"{edges[-1]:g} and more",
    ]


def axis_for(column: Column, edges: list[float] | None = None, *, most: int = MOST_GROUPS, bands: int = 4) -> Axis:
    """The axis a column is counted on: its categories when they are few or are no numbers, bands otherwise."""
    few = column.categories is not None and len(column.categories) <= (10 if edges is None else 0)
    return band_axis(column, edges, bands) if column.is_numeric and not few else category_axis(column, most)


def size(axis: Axis) -> int:
    """Cells of an axis, with those for anything else and for missing."""
    return len(axis["labels"]) + 2


def empty(*axes: Axis) -> np.ndarray:
    """A table of zeros over the axes."""
    return np.zeros([size(axis) for axis in axes], dtype=np.int64)


def joint(batch: Batch, *axes: Axis) -> np.ndarray:
    """Rows per combination of cells, as a table with one dimension per axis."""
    shape = [size(axis) for axis in axes]
    flat = batch.codes(axes[0]).astype(np.min_scalar_type(math.prod(shape) - 1))
    for axis, length in zip(axes[1:], shape[1:], strict=True):
        flat *= flat.dtype.type(length)
        flat += batch.codes(axis)
    return np.bincount(flat, minlength=math.prod(shape)).reshape(shape).astype(np.int64)


def histogram(values: np.ndarray, low: float, high: float, bins: int) -> np.ndarray:
    """Rows per bin of equal width between two edges, with a first and a last bin for what lies outside."""
    values = _finite(values)
    width = (high - low) / bins if high > low else 1.0
    place = np.subtract(values, low, dtype=np.float64)
    place /= width
    np.floor(place, out=place)
    np.clip(place, -1, bins, out=place)
    found = np.bincount(place.astype(np.int64) + 1, minlength=bins + 2).astype(np.int64)
    if np.floor((high - low) / width) >= bins:  # the last bin has its upper edge
        last = np.count_nonzero(values == high)
        found[bins:] += [last, -last]
    return found


def _finite(values: np.ndarray) -> np.ndarray:
    is_finite = np.isfinite(values)
    return values if is_finite.all() else values[is_finite]


def moments(values: np.ndarray, low: float, high: float) -> dict[str, int]:
    """Count, sum and sum of squares in fixed-point steps between two extremes: integers, so no order changes them."""
    values = _finite(values)
    width = (high - low) or 1.0
    steps = np.rint((values - low) / width * SCALE).astype(np.int64)
    return {"n": int(steps.size), "sum": int(steps.sum()), "squares": int((steps * steps).sum())}


def mean_and_deviation(found: dict[str, int], low: float, high: float) -> tuple[float | None, float | None]:
    """Mean and standard deviation from fixed-point moments; None where there are too few rows."""
    n = found["n"]
    if n == 0:
        return None, None
    width = (high - low) or 1.0
    mean = low + found["sum"] / n / SCALE * width
    if n == 1:
        return mean, None
    spread = (found["squares"] - found["sum"] ** 2 / n) / (n - 1)
    return mean, math.sqrt(max(spread, 0.0)) / SCALE * width


def quantile(bins: np.ndarray, low: float, high: float, share: float) -> float | None:
    """A quantile from a histogram of `histogram`, linear within its bin."""
    total = int(bins.sum())
    if total == 0:
        return None
    wanted, passed, count = share * total, 0.0, len(bins) - 2
    width = (high - low) / count
    for place, rows in enumerate(bins):
        if passed + rows >= wanted and rows:
            inside = (wanted - passed) / rows
            return float(min(max(low + (place - 1 + inside) * width, low), high))
        passed += rows
    return high

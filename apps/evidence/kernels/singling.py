"""How far combinations of columns single rows out: one table of distinct combinations, from which every subset is summed.

A combination is one whole number in mixed radix, so that classes are counted by sorting numbers and not rows.
Source: Sweeney (2002) for k-anonymity; Machanavajjhala et al. (2007) for l-diversity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.evidence.kernels.batches import Batch
from apps.evidence.kernels.counts import Axis, size

LARGEST_CODE = 2**62
DENSE = 4_000_000  # cells up to which classes are counted in a table instead of by sorting

Cells = dict[str, np.ndarray]


@dataclass(frozen=True)
class Classes:
    """What one set of columns does: rows per class, and the fewest distinct sensitive values of a class."""

    columns: tuple[str, ...]
    sizes: np.ndarray
    diversity: int | None

    @property
    def k(self) -> int:
        """Rows in the smallest class."""
        return int(self.sizes.min())

    @property
    def unique(self) -> int:
        """Rows that are alone in their class."""
        return int((self.sizes == 1).sum())

    def under(self, k: int) -> int:
        """Rows in classes of fewer than k."""
        return int(self.sizes[self.sizes < k].sum())

    @property
    def mean_risk(self) -> float:
        """Chance of naming a random row's person by someone who knows these columns and that the person is in the data."""
        return len(self.sizes) / int(self.sizes.sum())


def fits(axes: Sequence[Axis]) -> bool:
    """Whether a combination of these axes is one whole number of 62 bits."""
    return math.prod(size(axis) for axis in axes) < LARGEST_CODE


def cells_of(batch: Batch, axes: Sequence[Axis]) -> Cells:
    """The distinct combinations of a batch, ascending, with their rows."""
    flat = np.zeros(batch.rows, dtype=np.int64)
    for axis in axes:
        flat = flat * size(axis) + batch.codes(axis)
    codes, counts = np.unique(flat, return_counts=True)
    return {"codes": codes, "counts": counts.astype(np.int64)}


def join(left: Any, right: Any) -> Cells:
    """The combinations of both with their rows added. Associative and commutative."""
    codes = np.concatenate([np.asarray(side["codes"], dtype=np.int64) for side in (left, right)])
    counts = np.concatenate([np.asarray(side["counts"], dtype=np.int64) for side in (left, right)])
    found, place = np.unique(codes, return_inverse=True)
    summed = np.zeros(len(found), dtype=np.int64)
    np.add.at(summed, place, counts)
    return {"codes": found, "counts": summed}


def digits_of(cells: Any, axes: Sequence[Axis]) -> list[np.ndarray]:
    """The code on each axis of every distinct combination."""
    rest = np.asarray(cells["codes"], dtype=np.int64)
    found = []
    for axis in reversed(axes):
        rest, digit = np.divmod(rest, size(axis))
        found.append(digit)
    return found[::-1]


def classes(
    digits: Sequence[np.ndarray],
    counts: np.ndarray,
    axes: Sequence[Axis],
    chosen: Sequence[int],
    sensitive: int | None = None,
) -> Classes:
    """The classes that the chosen columns make; with a sensitive column also the fewest of its values in a class."""
    flat, cells = np.zeros(len(counts), dtype=np.int64), 1
    for place in chosen:
        flat = flat * size(axes[place]) + digits[place]
        cells *= size(axes[place])
    names = tuple(axes[place]["column"] for place in chosen)
    if sensitive is None:
        return Classes(names, _summed(flat, counts, cells), None)
    both = np.unique(flat * size(axes[sensitive]) + digits[sensitive])
    _, values = np.unique(both // size(axes[sensitive]), return_counts=True)
    return Classes(names, _summed(flat, counts, cells), int(values.min()))


def _summed(flat: np.ndarray, counts: np.ndarray, cells: int) -> np.ndarray:
    """Rows per class that has any."""
    if cells <= DENSE:
        table = np.bincount(flat, weights=counts, minlength=1).astype(np.int64)
        return table[table > 0]
    _, place = np.unique(flat, return_inverse=True)
    return np.bincount(place, weights=counts).astype(np.int64)

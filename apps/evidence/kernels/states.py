"""States of checks: JSON values that add up. The same rows give the same state in any split and any order.

Some names are special: `plan` (what to count; equal on both sides), `sample` and `sample_reference` (the rows with the
smallest draw), `pairs` (sorted lists of numbers), `low` and `high` (extremes). Everything else is a count or a table of
counts, and is summed. In JSON a large table is one text: its cells in the narrowest type that holds them, in base 64.
"""

import base64
import json
import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

State = dict[str, Any]
PACKED = "packed cells"
PACKED_FROM = 1000  # cells
KINDS = {"|u1", "<u2", "<u4", "<u8", "<i8"}


def add(left: State, right: State) -> State:
    """One state for the rows of both. Associative and commutative; raises ValueError when the plans differ."""
    if left.get("plan") != right.get("plan"):
        raise ValueError("Two states with different plans cannot be added")
    plan = left.get("plan", {})
    return {key: _join(key, left.get(key), right.get(key), plan) for key in sorted({*left, *right})}


def _join(key: str, left: Any, right: Any, plan: dict[str, Any]) -> Any:
    if key == "plan":
        return plan
    if left is None or right is None:
        return left if right is None else right
    if key in {"sample", "sample_reference"}:
        return smallest([*left, *right], int(plan["sample"]))
    if key == "pairs":
        return sorted([*left, *right])
    if key in {"low", "high"}:
        pick = min if key == "low" else max
        names = sorted({*left, *right})
        return {name: pick(side[name] for side in (left, right) if name in side) for name in names}
    return sums(left, right)


def sums(left: Any, right: Any) -> Any:
    """Add two counts, two tables of counts of one shape, or two dictionaries of them."""
    if isinstance(left, dict):
        names = sorted({*left, *right})
        return {
            name: sums(left[name], right[name]) if name in left and name in right else left.get(name, right.get(name))
            for name in names
        }
    if isinstance(left, np.ndarray | list):
        first, second = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
        if first.shape != second.shape:
            raise ValueError(f"Tables of shapes {first.shape} and {second.shape} cannot be added")
        return first + second
    return int(left) + int(right)


def smallest(rows: list[Any], count: int) -> list[Any]:
    """The `count` rows [draw, row number, values] with the smallest draw: a sample that no order of reading changes."""
    return sorted(rows, key=itemgetter(0, 1))[:count]


def least_of(drawn: np.ndarray, count: int, kept: Sequence[Any] = ()) -> np.ndarray:
    """Where the `count` smallest of some draws stand, smallest first, and of equal ones the first.

    `kept` are rows that `smallest` kept so far: a draw above all of them cannot stay and is left out.
    """
    able = np.flatnonzero(drawn <= kept[count - 1][0]) if len(kept) >= count else np.arange(len(drawn))
    if len(able) > count:
        able = able[drawn[able] <= np.partition(drawn[able], count - 1)[count - 1]]
    return able[np.argsort(drawn[able], kind="stable")[:count]]


def dumps(state: State, *, in_order: bool = False) -> str:
    """The state as JSON with sorted names; equal states give equal text. `in_order` leaves names as they stand, as plans need."""
    return json.dumps(state, default=_plain, sort_keys=not in_order, allow_nan=False)


def loads(text: str) -> State:
    """The state from its JSON. Small tables come back as lists, which `add` takes as well."""
    state: State = json.loads(text, object_hook=_unpacked)
    return state


def _packed(table: np.ndarray) -> dict[str, Any]:
    kind = np.min_scalar_type(int(table.max())) if table.min() >= 0 else np.dtype(np.int64)
    kind = kind.newbyteorder("<")
    cells = base64.b64encode(np.ascontiguousarray(table, dtype=kind).tobytes()).decode()
    return {PACKED: cells, "kind": kind.str, "shape": list(table.shape)}


def _unpacked(found: dict[str, Any]) -> Any:
    if PACKED not in found:
        return found
    if found["kind"] not in KINDS or not all(type(size) is int and size >= 0 for size in found["shape"]):
        raise ValueError("A packed table names a type or a shape that no state has")
    cells = np.frombuffer(base64.b64decode(found[PACKED], validate=True), dtype=found["kind"])
    if len(cells) != math.prod(found["shape"]):
        raise ValueError("A packed table does not hold as many cells as its shape says")
    return cells.astype(np.int64).reshape(found["shape"])


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _packed(value) if value.size >= PACKED_FROM and value.dtype.kind in "iu" else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a state")


def draws(seed: int, first_row: int, rows: int) -> np.ndarray:
    """One pseudo-random 53-bit number per row from its number and the seed (splitmix64), so that samples can be merged."""
    with np.errstate(over="ignore"):
        mixed = np.arange(first_row, first_row + rows, dtype=np.uint64) + np.uint64(
            (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
        )
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed >> np.uint64(11)

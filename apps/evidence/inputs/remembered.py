"""Scores that an endpoint gave earlier in the same run of checks, so that no row is sent to it twice.

A score is kept under the digest of three things: the registered artifact, what was asked (address, model, protocol, names and
kinds of the columns), and the row's values. The row itself is not kept. How many are kept is bounded; the oldest leave first.

It may not outlive the run. Behind the same address, and while the registered artifact stays the same, an endpoint can be
replaced, retrained or configured anew; evidence has to say what it answers now, and a score from yesterday would hide exactly
the change that a check is there to find. For the same reason a check that times the endpoint sends every row.
It rests on a score depending on its own row and on nothing else in the request, as the protocol has it for tables.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

MOST_KEPT = 250_000
SLOT = 17
NUMBERS = {"d": "<f8", "q": "<i8"}


class Remembered:
    """Scores by digest, at most `MOST_KEPT`, in two halves of which the older one is dropped when the newer one is full."""

    def __init__(self) -> None:
        self._newer: dict[bytes, float] = {}
        self._older: dict[bytes, float] = {}
        self._changing = Lock()

    def recall(self, key: bytes) -> float | None:
        """The score kept under this digest."""
        return self._newer.get(key, self._older.get(key))

    def keep(self, scores: Mapping[bytes, float]) -> None:
        """Keep scores by digest."""
        with self._changing:
            for key, score in scores.items():
                if len(self._newer) >= MOST_KEPT // 2:
                    self._older, self._newer = self._newer, {}
                if MOST_KEPT > 1:
                    self._newer[key] = score

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)


def digests(asked: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> list[bytes]:
    """One digest per row, of what is asked and of the row's values in their order, whichever rows stand beside it."""
    if not columns:
        return []
    whole = hashlib.sha256(json.dumps([*asked, list(columns)]).encode()).digest()
    side_by_side = np.concatenate([slots(column) for column in columns.values()], axis=1)
    content, width = side_by_side.tobytes(), side_by_side.shape[1]
    return [
        hashlib.blake2b(content[start : start + width], digest_size=16, key=whole).digest()
        for start in range(0, len(content), width)
    ]


def slots(column: Sequence[Any]) -> np.ndarray:
    """The values of a column in equally many bytes: a type, then a number's own bytes or the digest of anything else."""
    values = column.tolist() if isinstance(column, np.ndarray) else column
    kinds = set(map(type, values))
    found = np.zeros((len(values), SLOT), dtype=np.uint8)
    if kinds == {float} or (kinds == {int} and -(2**63) <= min(values) and max(values) < 2**63):
        form = "d" if kinds == {float} else "q"
        found[:, 0] = ord(form)
        found[:, 1:9] = np.array(values, dtype=NUMBERS[form]).view(np.uint8).reshape(-1, 8)
        return found
    known: dict[str, bytes] = {}
    return np.frombuffer(b"".join([slot_of(value, known) for value in values]), dtype=np.uint8).reshape(-1, SLOT)


def slot_of(value: Any, known: dict[str, bytes]) -> bytes:
    """One value's bytes; 1, 1.0, True and "1" are four values. `known` are those of the column's texts so far."""
    if type(value) is float or (type(value) is int and -(2**63) <= value < 2**63):
        form = "d" if type(value) is float else "q"
        return (form.encode() + struct.pack(f"<{form}", value)).ljust(SLOT, b"\x00")
    text = f"{type(value).__name__} {value!r}"
    if text not in known:
        known[text] = b"o" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SLOT - 1).digest()
    return known[text]

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
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

MOST_KEPT = 250_000


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
    """One digest per row, of what is asked and of the row's values in their order; 1, 1.0 and "1" are three values."""
    whole = hashlib.sha256(json.dumps([*asked, list(columns)]).encode()).digest()
    values = [column.tolist() if hasattr(column, "tolist") else column for column in columns.values()]
    return [
        hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16, key=whole).digest()
        for row in zip(*values, strict=True)
    ]

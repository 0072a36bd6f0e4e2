"""Who counts: this process, limited processes beside it, or a Dask cluster. The kernels are the same; only the place differs.

A driver gets tasks as text and gives answers as text, in any order; states are JSON, and nothing is pickled by us.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.evidence.checks.base import Unmeasurable

Beat = Callable[[int], None]
"""Called with the rows counted since the last call, at least every second; it raises to stop the work."""


@dataclass(frozen=True)
class Budget:
    """What one measurement may use: rows read, bytes of memory that counting adds in one process, seconds."""

    rows: int = 200_000_000
    memory: int = 2 * 1024**3
    seconds: float = 4 * 3600

    def allow_rows(self, rows: int, name: str) -> None:
        """Raise Unmeasurable before anything is counted when there are too many rows."""
        if rows > self.rows:
            raise Unmeasurable(
                f"{name} has {rows:,} rows, more than the {self.rows:,} that one measurement may read. "
                "Link a sample, or an administrator raises EVIDENCE_MOST_ROWS."
            )

    def allow_seconds(self, seconds: float) -> None:
        """Raise Unmeasurable when it has taken too long."""
        if seconds > self.seconds:
            raise Unmeasurable(
                f"Counting was stopped after {self.seconds:g} seconds, the most that one measurement may take. "
                "Link a sample, or an administrator raises EVIDENCE_MOST_SECONDS."
            )

    def allow_memory(self, used: int) -> None:
        """Raise Unmeasurable when counting has added too much memory."""
        if used > self.memory:
            raise Unmeasurable(
                f"Counting needs {used // 2**20:,} MiB, more than the {self.memory // 2**20:,} MiB that it may use. Ask for fewer "
                "checks together, or an administrator raises EVIDENCE_MOST_MEMORY_MB."
            )


class Driver(Protocol):
    """A way to do tasks."""

    def run(self, tasks: Sequence[str], budget: Budget, beat: Beat) -> Iterator[tuple[int, str]]:
        """Each task's place with its answer, as they come."""

"""The driver that counts in this process, one part after the other."""

import time
from collections.abc import Iterator, Sequence

from apps.evidence.drivers import Beat, Budget
from apps.evidence.drivers.work import work


class Here:
    """In this process."""

    def run(self, tasks: Sequence[str], budget: Budget, beat: Beat) -> Iterator[tuple[int, str]]:
        """Each task in order."""
        begun = time.monotonic()

        def watched(rows: int) -> None:
            budget.allow_seconds(time.monotonic() - begun)
            beat(rows)

        for place, text in enumerate(tasks):
            yield place, work(text, budget, watched)

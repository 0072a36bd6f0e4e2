"""Requests to an endpoint at a stated rate, timed from the moment each was due, so that a slow endpoint cannot hide its queue.

Source: G. Tene on coordinated omission; open-loop arrivals at equal distances.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from scipy import stats

MOST_AT_ONCE = 16
PATIENCE = 5.0  # seconds after the last request was due, within which answers still count


@dataclass(frozen=True)
class Step:
    """What came of one rate: seconds per answer in ascending order, refusals, and how long it all took."""

    rate: float
    sent: int
    times: list[float]
    refused: int
    took: float

    @property
    def unanswered(self) -> int:
        """Requests without an answer when the time was up."""
        return self.sent - len(self.times) - self.refused

    @property
    def achieved(self) -> float:
        """Answers a second."""
        return len(self.times) / self.took if self.took else 0.0

    @property
    def is_sustained(self) -> bool:
        """Whether every request was answered and the answers kept up with the rate."""
        return bool(self.times) and len(self.times) == self.sent and self.took <= self.sent / self.rate * 1.1 + 0.25


def at_rate(ask: Callable[[int], Any], *, rate: float, seconds: float, refusals: tuple[type[Exception], ...]) -> Step:
    """Ask at equal distances for a while; `ask` gets the number of the request. Never longer than `seconds` and the patience."""
    count = max(1, round(rate * seconds))
    pool = ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, count))
    begun = time.monotonic()
    try:
        waiting: list[Future[float]] = []
        for number in range(count):
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            waiting.append(pool.submit(_timed, ask, number, due))
        done, _ = wait(waiting, timeout=PATIENCE)
        took = time.monotonic() - begun
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    failures = [future.exception() for future in done]
    unexpected = next((failed for failed in failures if failed is not None and not isinstance(failed, refusals)), None)
    if unexpected is not None:
        raise unexpected
    times = sorted(future.result() for future, failed in zip(done, failures, strict=True) if failed is None)
    return Step(rate, count, times, len(done) - len(times), took)


def _timed(ask: Callable[[int], Any], number: int, due: float) -> float:
    ask(number)
    return time.monotonic() - due


def quantile(times: Sequence[float], share: float) -> float | None:
    """The time that this share of answers took at most (nearest rank); None without answers. `times` ascend."""
    return times[min(len(times), math.ceil(share * len(times))) - 1] if times else None


def quantile_interval(times: Sequence[float], share: float) -> tuple[float, float] | None:
    """95 % interval of a quantile from the ranks of the answers, without assuming their shape; None where they are too few."""
    n = len(times)
    low, high = (int(rank) for rank in stats.binom.ppf([0.025, 0.975], n, share)) if n else (0, 0)
    return (times[low - 1], times[high]) if low >= 1 and high < n else None

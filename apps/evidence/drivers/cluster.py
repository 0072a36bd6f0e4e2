"""The driver that counts on a Dask cluster (extra `distributed`). Its workers must see the files under the same paths."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.drivers import Beat, Budget
from apps.evidence.drivers.work import work


def count(task: str, memory: int) -> dict[str, str]:
    """One task on a worker of the cluster; what cannot be measured comes back in words."""
    try:
        return {"answer": work(task, Budget(memory=memory))}
    except Unmeasurable as reason:
        return {"unmeasurable": str(reason), "code": reason.code}


class Cluster:
    """A Dask cluster: the address of its scheduler, or a cluster object."""

    def __init__(self, address: Any) -> None:
        self.address = address

    def run(self, tasks: Sequence[str], budget: Budget, beat: Beat) -> Iterator[tuple[int, str]]:
        """Answers as they come; what is still to do is cancelled when the caller stops."""
        try:
            from distributed import Client, wait
        except ImportError as missing:
            raise Unmeasurable(
                "Counting on a cluster needs the extra `distributed`. An administrator installs it, or unsets EVIDENCE_DASK."
            ) from missing
        begun = time.monotonic()
        try:
            client = Client(self.address, timeout=30)
        except OSError as silent:
            raise Unmeasurable("The Dask scheduler of EVIDENCE_DASK does not answer.") from silent
        with client:
            waiting = {client.submit(count, text, budget.memory, pure=False): place for place, text in enumerate(tasks)}
            try:
                while waiting:
                    yield from _finished(waiting, wait)
                    budget.allow_seconds(time.monotonic() - begun)
                    beat(0)
            finally:
                client.cancel(list(waiting))


def _finished(waiting: dict[Any, int], wait: Any) -> Iterator[tuple[int, str]]:
    try:
        done = wait(list(waiting), timeout=1, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return
    for future in done:
        found = future.result()
        place = waiting.pop(future)
        if "unmeasurable" in found:
            raise Unmeasurable(found["unmeasurable"], code=found["code"])
        yield place, found["answer"]

"""The driver that counts in new, limited processes on this machine. They get no environment of ours and die with us."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.drivers import Beat, Budget

ROOT = Path(__file__).resolve().parents[3]
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class Process:
    """One process that does tasks line by line."""

    def __init__(self, budget: Budget) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        limits = [str(budget.memory), str(int(budget.seconds) + 60)]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "apps.evidence.drivers.worker", *limits], cwd=ROOT, env={**kept, **QUIET}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def do(self, task: str) -> str:
        """The answer to one task. Raises Unmeasurable, also when the process dies of it."""
        asked, answered = self.child.stdin, self.child.stdout
        line = ""
        with contextlib.suppress(BrokenPipeError, ValueError):
            asked.write(task + "\n")  # type: ignore[union-attr]
            asked.flush()  # type: ignore[union-attr]
            line = answered.readline()  # type: ignore[union-attr]
        if not line:
            raise Unmeasurable(
                f"A counting process ended with {self.child.wait()}: most often it needed more memory than EVIDENCE_MOST_MEMORY_MB "
                "allows. An administrator raises it, or the pipeline links a sample."
            )
        found = json.loads(line)
        if "unmeasurable" in found:
            raise Unmeasurable(found["unmeasurable"], code=found["code"])
        return str(found["answer"])

    def end(self) -> None:
        """Stop it, whatever it does."""
        self.child.kill()
        for pipe in (self.child.stdin, self.child.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        self.child.wait()


class Processes:
    """So many new processes; each is given the next task when it is free."""

    def __init__(self, count: int) -> None:
        self.count = count

    def run(self, tasks: Sequence[str], budget: Budget, beat: Beat) -> Iterator[tuple[int, str]]:
        """Answers as they come. Stops every process when the caller stops, when time is over, or when a part cannot be read."""
        begun = time.monotonic()
        started = [Process(budget) for _ in range(min(self.count, len(tasks)))]
        free: SimpleQueue[Process] = SimpleQueue()
        for process in started:
            free.put(process)

        def do(place: int) -> str:
            process = free.get()
            try:
                return process.do(tasks[place])
            finally:
                free.put(process)

        threads = ThreadPoolExecutor(max(1, len(started)))
        try:
            waiting: dict[Future[str], int] = {threads.submit(do, place): place for place in range(len(tasks))}
            while waiting:
                done, _ = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                budget.allow_seconds(time.monotonic() - begun)
                beat(0)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            end(threads, started)


def end(threads: ThreadPoolExecutor, started: Sequence[Any]) -> None:
    """Cancel what has not begun, kill what has."""
    threads.shutdown(wait=False, cancel_futures=True)
    for process in started:
        process.child.kill()
    threads.shutdown(wait=True)
    for process in started:
        process.end()

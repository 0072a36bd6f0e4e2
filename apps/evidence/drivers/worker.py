"""`python -m apps.evidence.drivers.worker MEMORY SECONDS`: a limited process that does one task per line until its input ends.

It answers each line with one line. Its input ends when the process that started it dies, however that happens.
"""

import json
import resource
import sys
from typing import Any

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.drivers import Budget
from apps.evidence.drivers.work import work

SLACK = 3 * 1024**3  # libraries and what allocators reserve without using it


def limit(memory: int, seconds: int) -> None:
    """No core files, no more processor time and private memory than the budget."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory + SLACK, memory + SLACK))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def answers(asked: Any, budget: Budget) -> Any:
    """One JSON line for each line."""
    for line in asked:
        try:
            yield {"answer": work(line, budget)}
        except Unmeasurable as reason:
            yield {"unmeasurable": str(reason), "code": reason.code}


def main(arguments: list[str]) -> None:
    """Read tasks, write answers."""
    memory, seconds = (int(argument) for argument in arguments)
    limit(memory, seconds)
    for found in answers(sys.stdin, Budget(memory=memory)):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What every benchmark shares: taking times in turns, a measurement as JSON, the machine it was taken on."""

import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

Work = Callable[[], Any]


@dataclass(frozen=True)
class Target:
    """A limit on the ratio, or on our own figure."""

    of: str
    limit: float
    at_most: bool = True

    def __str__(self) -> str:
        return f"{self.of} {'<=' if self.at_most else '>='} {self.limit:g}"

    def holds(self, value: float | None) -> bool:
        """Whether a figure keeps the limit."""
        return value is not None and (value <= self.limit if self.at_most else value >= self.limit)


def ratio_at_most(limit: float) -> Target:
    """Ours divided by the other is no more than this."""
    return Target("ratio", limit)


def ratio_at_least(limit: float) -> Target:
    """Ours divided by the other is no less than this."""
    return Target("ratio", limit, at_most=False)


def ours_at_most(limit: float) -> Target:
    """Our own figure is no more than this."""
    return Target("ours", limit)


def ours_at_least(limit: float) -> Target:
    """Our own figure is no less than this."""
    return Target("ours", limit, at_most=False)


@dataclass(frozen=True)
class Measurement:
    """One figure of ours beside the other's, taken in one run on one machine."""

    bench: str
    case: str
    ours: float | None
    other: float | None
    other_name: str
    target: Target
    unit: str
    runs: int
    environment: dict[str, Any] = field(default_factory=lambda: machine())

    @property
    def ratio(self) -> float | None:
        """Ours divided by the other."""
        return self.ours / self.other if self.ours is not None and self.other else None

    @property
    def is_met(self) -> bool:
        """Whether the target holds."""
        return self.target.holds(self.ratio if self.target.of == "ratio" else self.ours)

    def as_json(self) -> str:
        """The object that `manage.py bench` prints."""
        values = asdict(self) | {"ratio": self.ratio, "target": str(self.target), "met": self.is_met}
        for name in ("ours", "other", "ratio"):
            values[name] = None if values[name] is None else float(f"{values[name]:.4g}")
        keys = ("bench", "case", "ours", "other", "other_name", "ratio", "target", "met", "unit", "runs", "environment")
        return json.dumps({key: values[key] for key in keys})


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy that was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    return {
        "cpu": _said("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int((_said("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 1e6),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": version,
        "fsync": fsync,
        "load": round(os.getloadavg()[0], 1),
    }


def _said(path: str, key: str) -> str:
    found = (line.partition(":")[2].strip() for line in Path(path).read_text().splitlines() if line.startswith(key))
    return next(found, "")


def timed(work: Work) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turns(ours: Work, other: Work, runs: int, *, warm: int = 1) -> tuple[list[float], list[float]]:
    """Seconds of each call of both, first one then the other and the next time the other way round."""
    for _ in range(warm):
        ours(), other()
    found: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    for number in range(runs):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            found[which].append(timed((ours, other)[which]))
    return found


@dataclass(frozen=True)
class Cost:
    """What one call took: seconds by the clock, and of the processor, which neighbours do not stretch."""

    clock: float
    processor: float


def cost(work: Work) -> Cost:
    """Of one call, in this process and in the database's for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    begun = time.process_time() + spent(backend)
    clock = timed(work)
    return Cost(clock, time.process_time() + spent(backend) - begun)


def costs_in_turns(ours: Work, other: Work, runs: int) -> tuple[list[Cost], list[Cost]]:
    """The costs of each call of both, in turns."""
    found: tuple[list[Cost], list[Cost]] = ([], [])
    in_turns(lambda: found[0].append(cost(ours)), lambda: found[1].append(cost(other)), runs, warm=0)
    return found


def spent(*processes: int) -> float:
    """Processor time that these processes have used so far."""
    total = 0
    for process in processes:
        columns = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(columns[11]) + int(columns[12])
    return total / os.sysconf("SC_CLK_TCK")


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all is no greater than."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1))]

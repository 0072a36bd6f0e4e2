"""The product's own web server with the floors beside its addresses, and a load on it from another process."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.config import programs
from apps.config.database import ROOT
from tests.benchmarks.measuring import median, percentile, spent

PATIENCE_S = 180


@dataclass(frozen=True)
class Answers:
    """What one round of load saw."""

    seconds: list[float]
    took: float
    cpu: float

    @property
    def per_second(self) -> float:
        """How many were answered."""
        return len(self.seconds) / self.took

    @property
    def each(self) -> float:
        """Processor time of the server for one."""
        return self.cpu / len(self.seconds)

    def share(self, share: float) -> float:
        """A percentile of the latency."""
        return percentile(self.seconds, share)


@dataclass(frozen=True)
class Server:
    """A process that answers on a port of this machine."""

    port: int
    pid: int

    def load(self, requests: Sequence[str], *, callers: int, seconds: float, once: bool = False) -> Answers:
        """Ask that long, or until each was asked once; every answer has to be a good one."""
        order = {"port": self.port, "callers": callers, "seconds": seconds, "requests": list(requests), "once": once}
        before = spent(*family(self.pid))
        command = [sys.executable, "-m", "tests.benchmarks.load"]
        done = subprocess.run(command, input=json.dumps(order), cwd=ROOT, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        if found["refused"]:
            raise SystemExit(f"{len(found['refused'])} of {len(found['seconds'])} answers: {found['refused'][0]}")
        return Answers(found["seconds"], found["took"], spent(*family(self.pid)) - before)


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if place.name.isdigit() and int((place / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(place.name))
    return found


@contextlib.contextmanager
def web() -> Iterator[Server]:
    """The product's web server, as the supervisor starts it, with the addresses of `floors`."""
    listener = programs.listen(18_300)
    program = programs.web(listener)
    environment = {**os.environ, **program.environment, "DJANGO_SETTINGS_MODULE": "tests.benchmarks.floor_settings"}
    process = subprocess.Popen(program.command, env=environment, cwd=program.folder, pass_fds=program.descriptors)
    try:
        wait_until(programs.answers(listener.getsockname()[1]), process)
        yield Server(listener.getsockname()[1], process.pid)
    finally:
        process.terminate()
        process.wait(30)
        listener.close()


def wait_until(is_ready: Any, process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers; SystemExit when it ended or took too long."""
    end = time.monotonic() + PATIENCE_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("A server that was to be measured did not start.")
        time.sleep(0.2)


def request(method: str, path: str, body: bytes | dict[str, Any] = b"", **headers: str) -> str:
    """A whole HTTP/1.1 request."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{content.decode()}"


def middle(rounds: Sequence[Answers], share: float) -> float:
    """The median over the rounds of a percentile, in milliseconds."""
    return median([answers.share(share) for answers in rounds]) * 1e3

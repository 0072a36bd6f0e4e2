"""`manage.py serve` from nothing: the whole product starts, survives kill -9 of its parts, and leaves no process behind."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.config import keeper
from apps.config.database import ROOT

START_S = 90


@dataclass
class Running:
    """A product that runs: its process, its port, its folder."""

    process: "subprocess.Popen[str]"
    port: int
    folder: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for a page without following."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            asking.request("GET", path)
            answer = asking.getresponse()
            return answer.status, answer.read()
        finally:
            asking.close()

    def is_ready(self) -> bool:
        """Whether traffic may come, as the product itself says."""
        return self.get("/readyz")[0] == 200

    def children(self, word: str) -> list[int]:
        """Direct children whose command line holds this word."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in listed if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask until it holds."""
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:  # nobody listens, or the process asked about is gone: ask again
            time.sleep(0)
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The product in a folder of its own."""
    folder = tmp_path_factory.mktemp("serve")
    foreign = {"DATABASE_URL", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"}
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    environment |= {"IMPRIMATUR_VAR": str(folder / "var"), "IMPRIMATUR_BOOTSTRAP": "off", "PYTHONUNBUFFERED": "1"}
    log = folder / "output"
    with log.open("w") as output:
        command = [sys.executable, "manage.py", "serve", "--port", "18080"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )
    try:
        wait_until(lambda: process.poll() is not None or "ready http" in log.read_text(), START_S, log.read_text())
        assert process.poll() is None, log.read_text()
        address = next(line for line in log.read_text().splitlines() if line.startswith("ready http"))
        yield Running(process, int(address.rstrip("/").rsplit(":", 1)[1]), folder)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def runs(pid: int) -> bool:
    """Whether it still works; the keeper of the database may, and what has ended but was not yet buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z" and b"keeper.py" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_says_where_it_is_and_that_it_is_ready(product: Running) -> None:
    assert product.get("/healthz")[0] == 200
    wait_until(product.is_ready, 30, "readyz")
    assert json.loads(product.get("/readyz")[1])


@pytest.mark.parametrize("part", ["gunicorn", "sequencer", "light@", "heavy@"])
def test_a_killed_part_is_back_under_another_number(product: Running, part: str) -> None:
    before = product.children(part)
    assert len(before) == 1
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: bool(product.children(part)) and product.children(part) != before, 20, part)
    wait_until(lambda: product.get("/healthz")[0] == 200, 20, "healthz")


def test_a_killed_database_is_started_again(product: Running) -> None:
    data = product.folder / "var" / "postgres" / "data"
    os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    wait_until(product.is_ready, 60, "readyz")


def test_a_polite_signal_ends_it_well_and_leaves_nothing(product: Running) -> None:
    parts = product.children("")
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(timeout=40) == 0
    assert [pid for pid in parts if runs(pid)] == []
    wait_until(lambda: not keeper._servers_in(product.folder / "var" / "postgres" / "data"), 10, "PostgreSQL has ended")

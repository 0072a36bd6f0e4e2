"""The scorer against serving systems of other projects: KServe, which takes tensors as bytes, and MLServer, which takes JSON.

They are installed only where they are asked for: `PEERS=1` has `uvx` make their environments, `KSERVE_PYTHON` and `MLSERVER_PYTHON` name
Pythons that have them already.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks import peers
from tests.evidence.conftest import credit_rows, score_of
from tests.evidence.test_inputs import columns, scorer

SERVERS = Path(__file__).with_name("servers")
PATIENCE_S = 240
ROWS = 3_000

pytestmark = pytest.mark.peer


def python_with(name: str, packages: list[str]) -> list[str]:
    """A Python that has these packages. Skips by name where there is none."""
    if found := os.environ.get(f"{name.upper()}_PYTHON"):
        return [found]
    if os.environ.get("PEERS") != "1" or peers.uvx() is None:
        pytest.skip(
            f"{name} is not installed: name its Python in {name.upper()}_PYTHON, or set PEERS=1 to have uvx install it"
        )
    others = [word for package in packages[1:] for word in ("--with", package)]
    command = [str(peers.uvx()), "--python", "3.11", "--from", packages[0], *others, "python"]
    if subprocess.run([*command, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"{name} could not be installed with uvx")
    return command


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return found


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[str]:
    """The address of a server while it runs; what it said is shown when it does not start."""
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            until = time.monotonic() + PATIENCE_S
            while not is_ready(port):
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail((folder / "server.log").read_text()[-2000:])
                time.sleep(0.3)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def is_ready(port: int) -> bool:
    """Whether the model answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/credit/ready", timeout=2) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def test_kserve_gives_the_same_scores_for_bytes_and_for_json(tmp_path: Path) -> None:
    python = python_with("kserve", ["kserve"])
    found = {}
    for form in ("json", "bytes"):
        (port,) = free_ports(1)
        with (
            running([*python, str(SERVERS / "on_kserve.py"), str(port), form], port, tmp_path) as url,
            scorer(url) as asked,
        ):
            found[form] = asked.predict(columns(ROWS))
            assert asked._takes_bytes is (form == "bytes")
    assert found["bytes"].tolist() == found["json"].tolist()
    assert found["bytes"] == pytest.approx([score_of(row) for row in credit_rows(ROWS)], abs=1e-12)


def test_mlserver_lists_no_bytes_and_is_asked_with_json(tmp_path: Path) -> None:
    python = python_with("mlserver", ["mlserver"])
    http, grpc, metrics = free_ports(3)
    served = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics, "host": "127.0.0.1", "parallel_workers": 0}
    (tmp_path / "settings.json").write_text(json.dumps(served))
    (tmp_path / "model-settings.json").write_text(
        json.dumps({"name": "credit", "implementation": "on_mlserver.Credit"})
    )
    (tmp_path / "on_mlserver.py").write_text((SERVERS / "on_mlserver.py").read_text())
    start = [*python, "-c", "from mlserver.cli import main; main()", "start", "."]
    with running(start, http, tmp_path) as url, scorer(url) as asked:
        found = asked.predict(columns(ROWS))
        assert asked._takes_bytes is False
    assert found == pytest.approx([score_of(row) for row in credit_rows(ROWS)], abs=1e-12)

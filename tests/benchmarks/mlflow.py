"""MLflow's model registry as a peer: its own server in an environment of its own, which `uvx` makes."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from apps.config import programs
from tests.benchmarks import peers, serving
from tests.benchmarks.serving import Server

VERSION = "3.17.2"
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
CALLS = "/api/2.0/mlflow"


@contextlib.contextmanager
def registry() -> Iterator[tuple[Server | None, str]]:
    """A server with one model, one version and one alias, and the request that looks it up; None when it cannot be had."""
    program = peers.uvx()
    made = program and [program, "--python", "3.11", "--from", f"mlflow=={VERSION}", "mlflow"]
    if not made or subprocess.run([*made, "--version"], capture_output=True, check=False).returncode:
        sys.stderr.write(f"MLflow {VERSION} could not be installed with uvx, so it was not measured.\n")
        yield None, ""
        return
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as running:
        listener = programs.listen(18_400)
        port = listener.getsockname()[1]
        listener.close()
        command = [*made, "server", "--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--workers", "2"]
        command += ["--artifacts-destination", f"{place}/artifacts", "--host", "127.0.0.1", "--port", str(port)]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        process = subprocess.Popen(command, env={**os.environ, **QUIET, "HOME": place}, cwd=place, **silent)
        running.callback(stop, process)
        serving.wait_until(programs.answers(port, "/health"), process)
        fill(port)
        yield Server(port, process.pid), serving.request("GET", f"{CALLS}/registered-models/alias?name=m&alias=prod")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started: it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 15)
    process.wait(60)


def fill(port: int) -> None:
    """A run, a model, a version of it, an alias."""
    run = call(port, "runs/create", {"experiment_id": "0"})["run"]["info"]
    call(port, "registered-models/create", {"name": "m"})
    source = {"name": "m", "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
    call(port, "model-versions/create", source)
    call(port, "registered-models/alias", {"name": "m", "alias": "prod", "version": "1"})


def call(port: int, name: str, body: dict[str, Any]) -> Any:
    """One call of its REST API."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{CALLS}/{name}", json.dumps(body).encode(), method="POST")
    asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"MLflow refuses {name}: {refused.read().decode()[:300]}") from refused

"""A scored credit table on disk, and a real serving endpoint that speaks the Open Inference Protocol v2."""

import csv
import hashlib
import json
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import factories

ROWS = 600
FEATURES = ("income", "duration", "housing")


def score_of(row: dict[str, Any]) -> float:
    """The model behind the endpoint: linear, with one categorical feature."""
    value = 0.2 + float(row["income"]) / 200 - float(row["duration"]) / 300 + (0.15 if row["housing"] == "own" else 0.0)
    return min(max(value, 0.0), 1.0)


def credit_rows(count: int = ROWS, seed: int = 7) -> list[dict[str, Any]]:
    """Applications with sex, age, features, outcome, prediction and score."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        row: dict[str, Any] = {
            "income": chance.randint(20, 120),
            "duration": chance.randint(6, 60),
            "housing": chance.choice(["own", "rent", "free"]),
            "sex": "female" if number % 3 == 0 else "male",
            "age": chance.randint(19, 74),
        }
        score = score_of(row)
        row |= {"good": int(chance.random() < score), "decision": int(score >= 0.5), "score": round(score, 6)}
        rows.append(row)
    return rows


def write_csv(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write rows and answer with the file's SHA-256."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Endpoint(BaseHTTPRequestHandler):
    """One model, served by the protocol: metadata and infer, one tensor per column."""

    asked: list[int] = []

    def do_GET(self) -> None:
        """Metadata."""
        inputs = [
            {"name": "income", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "duration", "datatype": "INT64", "shape": [-1, 1]},
        ]
        inputs.append({"name": "housing", "datatype": "BYTES", "shape": [-1, 1]})
        self._answer(200, {"name": "credit", "inputs": inputs})

    def do_POST(self) -> None:
        """Scores for a batch."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v2/models/credit/infer":
            self._answer(404, {"error": "no such model"})
            return
        columns = {tensor["name"]: tensor["data"] for tensor in body["inputs"]}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        type(self).asked.append(len(rows))
        data = [value for row in rows for value in (1 - score_of(row), score_of(row))]
        outputs = [
            {
                "name": "label",
                "datatype": "INT64",
                "shape": [len(rows)],
                "data": [int(score_of(row) >= 0.5) for row in rows],
            },
            {"name": "probabilities", "datatype": "FP64", "shape": [len(rows), 2], "data": data},
        ]
        self._answer(200, {"model_name": "credit", "model_version": "1", "outputs": outputs})

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *said: Any) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a running endpoint."""
    Endpoint.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def data_root(tmp_path: Path, settings: Any) -> Path:
    """A folder that checks may read."""
    root = tmp_path / "data"
    root.mkdir()
    settings.ALLOWED_DATA_ROOTS = [str(root)]
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "apps.core.files.WholeFiles",
            "OPTIONS": {"location": str(tmp_path / "files")},
        },
    }
    return root


@pytest.fixture
def credit(data_root: Path, endpoint: str, settings: Any) -> Any:
    """A version with training and scored data, a catalog that names protected attributes, and a live endpoint."""
    settings.ALLOWED_SCORING_HOSTS = [endpoint.removeprefix("http://")]
    version = factories.version(
        features=[{"name": name} for name in FEATURES],
        endpoint={"url": endpoint, "protocol": "oip-v2", "model": "credit"},
        output={"kind": "binary_classification", "positive": 1, "threshold": 0.5},
        training={
            "code_commit": "0a1b2c3",
            "seed": 7,
            "environment_lock": "sha256:" + "ab" * 32,
            "parameters": {"depth": 3},
        },
    )
    for role, seed in (("train", 1), ("scored", 7)):
        path = data_root / f"{role}.csv"
        digest = write_csv(path, credit_rows(seed=seed))
        dataset = factories.dataset(
            f"credit_{role}", fields=(*FEATURES, "sex", "age", "good"), provenance="Branch system", terms="Contract"
        )
        dataset.fields.filter(path__in=["sex", "age"]).update(is_protected=True, classification="personal")
        state = factories.dataset_version(dataset, sha256=digest, uri=path.as_uri())
        more = {"prediction": "decision", "score": "score"} if role == "scored" else {}
        factories.link(version, state, role, uri=path.as_uri(), sha256=digest, target="good", **more)
    return version

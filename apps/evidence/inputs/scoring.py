"""Scores from a model's serving endpoint: the Open Inference Protocol v2 (KServe, MLServer, Triton) or MLflow's JSON.

No model file is opened here. Every call goes through the guarded client to hosts the administrator allowed, in batches,
within a budget of rows, and is counted. Tensors go as bytes where the server lists that extension, as JSON elsewhere.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import quote

import numpy as np

from apps.core import fetch
from apps.core.errors import NotAllowed, Unavailable
from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import tensors
from apps.evidence.inputs.exposition import memory_said
from apps.evidence.inputs.pacing import Pace, planned_rows
from apps.evidence.inputs.remembered import Remembered, digests
from apps.evidence.inputs.tensors import Tensor, plain

MOST_ROWS = 2_000_000
LEAST_WHEN_SLOW = 100
MOST_SENT = 32 * 1024 * 1024
SCORE_NAMES = ("probabilities", "probability", "output_probability", "predict_proba", "score", "scores", "proba", "p")
Columns = Mapping[str, Sequence[Any]]


class TooMuchAtOnce(Exception):
    """A request that the endpoint may answer when it holds fewer rows; below `least` rows nobody tries."""

    def __init__(self, why: str, *, code: str = "REQUEST_TOO_LARGE", least: int = 1) -> None:
        super().__init__(why)
        self.code, self.least = code, least


@dataclass
class Scorer:
    """Asks one endpoint for scores. `positive` is the column of the positive class in an answer with one column per class."""

    url: str
    model: str
    protocol: str
    allowed: Sequence[str]
    kinds: Mapping[str, str]
    positive: str = "1"
    artifact: str = ""
    remembered: Remembered | None = None
    most_rows: int = MOST_ROWS
    calls: int = 0
    rows: int = 0
    sent: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    metrics_url: str = ""
    _layout: dict[str, Any] | None = None
    _takes_bytes: bool | None = None
    _client: Any = None
    _counting: Any = field(default_factory=Lock)

    def __enter__(self) -> "Scorer":
        self._client = fetch.new_client()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._client is not None:
            self._client.close()

    def predict(self, columns: Columns) -> np.ndarray:
        """One score per row; a row whose score is known from earlier in the run is not sent again.

        Raises Unmeasurable when the endpoint refuses, answers nonsense, or the budget is used up."""
        if self.remembered is None:
            return self.predict_anew(columns)
        kinds = [self.kinds.get(name) for name in columns]
        keys = digests([self.artifact, self.url, self.model, self.protocol, self.positive, kinds], columns)
        scores = {key: self.remembered.recall(key) for key in keys}
        places = {key: place for place, key in reversed(list(enumerate(keys))) if scores[key] is None}
        unknown = sorted(places.values())
        if unknown:
            found = self._ask_for({name: [values[place] for place in unknown] for name, values in columns.items()})
            fresh = {keys[place]: float(score) for place, score in zip(unknown, found, strict=True)}
            self.remembered.keep(fresh)
            scores |= fresh
        self._count(len(keys), len(unknown), len(columns))
        return np.array([scores[key] for key in keys], dtype=np.float64)

    def predict_anew(self, columns: Columns) -> np.ndarray:
        """One score per row, each asked of the endpoint now."""
        found = self._ask_for(columns)
        self._count(len(found), len(found), len(columns))
        return found

    def memory(self) -> float | None:
        """Bytes of memory that the server says it uses. Raises Unmeasurable when it cannot be asked."""
        found = self._send("GET", self.metrics_url)
        return memory_said(found.body) if found.status == 200 else None

    def used(self) -> dict[str, int]:
        """How many calls and rows were needed so far, how many rows were sent, and how many had their score from earlier."""
        return {"calls": self.calls, "rows": self.rows, "sent": self.sent, "kept": self.rows - self.sent}

    def _ask_for(self, columns: Columns) -> np.ndarray:
        count = len(next(iter(columns.values()), []))
        if self.sent + count > self.most_rows:
            raise Unmeasurable(
                f"Scoring {self.sent + count:,} rows would pass the budget of {self.most_rows:,}. Ask for a smaller sample."
            )
        parts: list[np.ndarray] = []
        done = 0
        while done < count:
            stop = min(count, done + self.pace.rows_now(len(columns)))
            begun = time.monotonic()
            try:
                parts.append(self._score({name: list(values[done:stop]) for name, values in columns.items()}))
            except TooMuchAtOnce as refused:
                if stop - done <= refused.least:
                    raise Unmeasurable(
                        f"{count_of(stop - done)} too much for the serving endpoint. {refused}", code=refused.code
                    ) from refused
                self.pace.refused(stop - done)
                continue
            self.pace.answered(stop - done, time.monotonic() - begun)
            done = stop
        return np.concatenate(parts) if parts else np.empty(0)

    def _count(self, rows: int, sent: int, width: int) -> None:
        """Note what a check needed: calls as if every row had been sent and every request was full, so that its figures
        depend neither on its neighbours nor on how fast the endpoint is today."""
        calls = -(-rows // planned_rows(width))
        with self._counting:
            self.calls, self.rows, self.sent = self.calls + calls, self.rows + rows, self.sent + sent

    def _score(self, columns: Columns) -> np.ndarray:
        count = len(next(iter(columns.values())))
        if self.protocol == "mlflow":
            names = list(columns)
            rows = [[plain(value) for value in row] for row in zip(*columns.values(), strict=True)]
            body = {"dataframe_split": {"columns": names, "data": rows}}
            answer = self._ask("POST", f"{self.url.rstrip('/')}/invocations", body)
            scores = pick_column(np.asarray(answer.get("predictions", answer), dtype=object), count, self.positive)
        else:
            scores = self._infer(columns, count)
        if scores.shape != (count,) or not np.isfinite(scores).all():
            raise Unmeasurable(
                f"The endpoint answered {scores.shape} scores for {count} rows, or scores that are no numbers."
            )
        return scores

    def _model_url(self) -> str:
        return f"{self.url.rstrip('/')}/v2/models/{quote(self.model, safe='')}"

    def _infer(self, columns: Columns, count: int) -> np.ndarray:
        """Scores of one request, in the form that the server takes."""
        url, layout = f"{self._model_url()}/infer", self._find_layout(list(columns))
        inputs = self._tensors(columns, layout)
        parameters = {"parameters": {"content_type": "pd"}} if layout["frame"] else {}
        if self._finds_extension():
            content, headers = tensors.encode(inputs, parameters.get("parameters", {}))
            if len(content) > MOST_SENT:
                raise TooMuchAtOnce(
                    f"Its {len(content)} bytes are more than the {MOST_SENT} that are sent at once: its texts are too long."
                )
            answer = self._ask("POST", url, None, content=content, headers=headers)
        else:
            answer = self._ask("POST", url, {**parameters, "inputs": [tensor.as_json() for tensor in inputs]})
        self._note_model(answer)
        return score_of(answer.get("outputs", []), count, self.positive)

    def _tensors(self, columns: Columns, layout: Mapping[str, Any]) -> list[Tensor]:
        """One tensor per column, or all columns as one."""
        if layout["matrix"]:
            return [Tensor(layout["name"], layout["datatype"], [columns[name] for name in layout["order"]])]
        datatypes = layout["datatypes"]
        return [
            Tensor(name, datatypes.get(name) or datatype_of(self.kinds.get(name, "text")), [columns[name]])
            for name in layout["order"]
        ]

    def _finds_extension(self) -> bool:
        """Whether the server says that it takes and gives tensors as bytes. One that says nothing gets JSON."""
        if self._takes_bytes is None:
            found = self._send("GET", f"{self.url.rstrip('/')}/v2", json=None)
            try:
                said = json.loads(found.body) if found.status == 200 else {}
            except (ValueError, RecursionError):
                said = {}
            listed = said.get("extensions") if isinstance(said, dict) else None
            self._takes_bytes = isinstance(listed, list) and tensors.EXTENSION in listed
        return self._takes_bytes

    def _find_layout(self, names: list[str]) -> dict[str, Any]:
        """One tensor per column, or one matrix: what the endpoint's metadata say. Without metadata, one per column."""
        if self._layout is None:
            declared = self._ask("GET", self._model_url(), None, may_be_missing=True).get("inputs") or []
            known = {row.get("name"): row.get("datatype", "") for row in declared if isinstance(row, dict)}
            only = next(iter(known.items()), ("", ""))
            is_matrix = len(known) == 1 and only[0] not in names
            if is_matrix and any(self.kinds.get(name) == "text" for name in names):
                raise Unmeasurable("The endpoint takes one matrix of numbers, but some features are text.")
            self._layout = {
                "matrix": is_matrix,
                "name": only[0],
                "datatype": only[1] or "FP64",
                "datatypes": known,
                "order": names if is_matrix or not known else [name for name in known if name in names] or names,
                "frame": not known,
            }
        return self._layout

    def _note_model(self, answer: dict[str, Any]) -> None:
        """Keep what the endpoint says it is, and refuse another model's answer."""
        named = answer.get("model_name")
        if named and str(named) != self.model:
            raise Unmeasurable(
                f"The endpoint answered as {str(named)[:80]}, but this version is served as {self.model}."
            )
        self.answered = {key: str(answer[key])[:120] for key in ("model_name", "model_version") if answer.get(key)}

    def _ask(self, method: str, url: str, body: Any, *, may_be_missing: bool = False, **more: Any) -> dict[str, Any]:
        found = self._send(method, url, json=body, **more)
        if may_be_missing and found.status == 404:
            return {}
        try:
            answer = tensors.decode(found.body, found.headers)
        except (ValueError, RecursionError):
            answer = None
        if found.status == 413:
            raise TooMuchAtOnce(f"It answered 413 (content too large) to {method} {url}.")
        if found.status != 200 or not isinstance(answer, dict | list):
            said = str(answer.get("error", ""))[:200] if isinstance(answer, dict) else ""
            raise Unmeasurable(f"The serving endpoint answered {found.status} to {method} {url}. {said}".strip())
        return answer if isinstance(answer, dict) else {"predictions": answer}

    def _send(self, method: str, url: str, **more: Any) -> fetch.Answer:
        try:
            return fetch.request(method, url, allowed=self.allowed, client=self._client, **more)
        except (Unavailable, NotAllowed) as refused:
            if refused.code == "TIMED_OUT" and method == "POST":
                raise TooMuchAtOnce(refused.detail, code="ENDPOINT_TOO_SLOW", least=LEAST_WHEN_SLOW) from refused
            raise Unmeasurable(f"The serving endpoint could not be asked. {refused.detail}") from refused


def count_of(rows: int) -> str:
    """The rows, as the beginning of a sentence."""
    return "One row is" if rows == 1 else f"{rows} rows are"


def score_of(outputs: Any, count: int, positive: str) -> np.ndarray:
    """The score among the outputs of an answer: the one named like a score, else the last with numbers that are no labels."""
    if not isinstance(outputs, list) or not all(isinstance(row, dict) for row in outputs):
        raise Unmeasurable("The endpoint's answer has no outputs.")
    named = [row for name in SCORE_NAMES for row in outputs if str(row.get("name", "")).lower() == name]
    numeric = [row for row in reversed(outputs) if str(row.get("datatype", "")).startswith("FP")]
    chosen = next(iter([*named, *numeric, *outputs]), None)
    if chosen is None:
        raise Unmeasurable("The endpoint's answer has no outputs.")
    found = chosen.get("data", [])
    return pick_column(found if isinstance(found, np.ndarray) else np.asarray(found, dtype=object), count, positive)


def pick_column(found: np.ndarray, count: int, positive: str) -> np.ndarray:
    """One number per row; of one column per class, that of the positive class (its number, or the last)."""
    flat = found.ravel()
    if count == 0 or flat.size % count:
        return np.empty(0)
    width = flat.size // count
    place = int(positive) if positive.isdigit() and int(positive) < width else width - 1
    try:
        return flat.reshape(count, width)[:, place].astype(np.float64)
    except (TypeError, ValueError) as wrong:
        raise Unmeasurable("The endpoint answers with labels, not with scores.") from wrong


def datatype_of(kind: str) -> str:
    """The protocol's datatype for a column of the survey."""
    return {"integer": "INT64", "number": "FP64"}.get(kind, "BYTES")

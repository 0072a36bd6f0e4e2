"""Scores from a model's serving endpoint: the Open Inference Protocol v2 (KServe, MLServer, Triton) or MLflow's JSON.

No model file is opened here. Every call goes through the guarded client to hosts the administrator allowed, in batches,
within a budget of rows, and is counted.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import quote

import numpy as np

from apps.core import fetch
from apps.core.errors import NotAllowed, Unavailable
from apps.evidence.checks.base import Unmeasurable

BATCH_ROWS = 5000
MOST_ROWS = 2_000_000
SCORE_NAMES = ("probabilities", "probability", "output_probability", "predict_proba", "score", "scores", "proba", "p")
Columns = Mapping[str, Sequence[Any]]


@dataclass
class Scorer:
    """Asks one endpoint for scores. `positive` is the column of the positive class in an answer with one column per class."""

    url: str
    model: str
    protocol: str
    allowed: Sequence[str]
    kinds: Mapping[str, str]
    positive: str = "1"
    most_rows: int = MOST_ROWS
    calls: int = 0
    rows: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    _layout: dict[str, Any] | None = None
    _client: Any = None
    _counting: Any = field(default_factory=Lock)

    def __enter__(self) -> "Scorer":
        self._client = fetch.new_client()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._client is not None:
            self._client.close()

    def predict(self, columns: Columns) -> np.ndarray:
        """One score per row. Raises Unmeasurable when the endpoint refuses, answers nonsense, or the budget is used up."""
        count = len(next(iter(columns.values()), []))
        if self.rows + count > self.most_rows:
            raise Unmeasurable(
                f"Scoring {self.rows + count:,} rows would pass the budget of {self.most_rows:,}. Ask for a smaller sample."
            )
        parts = [
            self._score({name: list(values[start : start + BATCH_ROWS]) for name, values in columns.items()})
            for start in range(0, count, BATCH_ROWS)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def used(self) -> dict[str, int]:
        """How much was asked of the endpoint so far."""
        return {"calls": self.calls, "rows": self.rows}

    def _score(self, columns: Columns) -> np.ndarray:
        count = len(next(iter(columns.values())))
        if self.protocol == "mlflow":
            names = list(columns)
            rows = [[plain(value) for value in row] for row in zip(*columns.values(), strict=True)]
            body = {"dataframe_split": {"columns": names, "data": rows}}
            answer = self._ask("POST", f"{self.url.rstrip('/')}/invocations", body)
            scores = pick_column(np.asarray(answer.get("predictions", answer), dtype=object), count, self.positive)
        else:
            answer = self._ask("POST", f"{self._model_url()}/infer", self._request(columns, count))
            self._note_model(answer)
            scores = score_of(answer.get("outputs", []), count, self.positive)
        with self._counting:
            self.calls, self.rows = self.calls + 1, self.rows + count
        if scores.shape != (count,) or not np.isfinite(scores).all():
            raise Unmeasurable(
                f"The endpoint answered {scores.shape} scores for {count} rows, or scores that are no numbers."
            )
        return scores

    def _model_url(self) -> str:
        return f"{self.url.rstrip('/')}/v2/models/{quote(self.model, safe='')}"

    def _request(self, columns: Columns, count: int) -> dict[str, Any]:
        layout = self._find_layout(list(columns))
        if layout["matrix"]:
            flat = [plain(columns[name][row]) for row in range(count) for name in layout["order"]]
            tensor = {
                "name": layout["name"],
                "shape": [count, len(layout["order"])],
                "datatype": layout["datatype"],
                "data": flat,
            }
            return {"inputs": [tensor]}
        inputs = []
        for name in layout["order"]:
            datatype = layout["datatypes"].get(name) or datatype_of(self.kinds.get(name, "text"))
            values = [cast(value, datatype) for value in columns[name]]
            inputs.append({"name": name, "shape": [count, 1], "datatype": datatype, "data": values})
        return {"parameters": {"content_type": "pd"}, "inputs": inputs} if layout["frame"] else {"inputs": inputs}

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

    def _ask(self, method: str, url: str, body: Any, *, may_be_missing: bool = False) -> dict[str, Any]:
        try:
            found = fetch.request(method, url, allowed=self.allowed, json=body, client=self._client)
        except (Unavailable, NotAllowed) as refused:
            raise Unmeasurable(f"The serving endpoint could not be asked. {refused.detail}") from refused
        if may_be_missing and found.status == 404:
            return {}
        try:
            answer = json.loads(found.body)
        except ValueError:
            answer = None
        if found.status != 200 or not isinstance(answer, dict | list):
            said = str(answer.get("error", ""))[:200] if isinstance(answer, dict) else ""
            raise Unmeasurable(f"The serving endpoint answered {found.status} to {method} {url}. {said}".strip())
        return answer if isinstance(answer, dict) else {"predictions": answer}


def score_of(outputs: Any, count: int, positive: str) -> np.ndarray:
    """The score among the outputs of an answer: the one named like a score, else the last with numbers that are no labels."""
    if not isinstance(outputs, list) or not all(isinstance(row, dict) for row in outputs):
        raise Unmeasurable("The endpoint's answer has no outputs.")
    named = [row for name in SCORE_NAMES for row in outputs if str(row.get("name", "")).lower() == name]
    numeric = [row for row in reversed(outputs) if str(row.get("datatype", "")).startswith("FP")]
    chosen = next(iter([*named, *numeric, *outputs]), None)
    if chosen is None:
        raise Unmeasurable("The endpoint's answer has no outputs.")
    return pick_column(np.asarray(chosen.get("data", []), dtype=object), count, positive)


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


def cast(value: Any, datatype: str) -> Any:
    """A value as the datatype has it in JSON; what is missing becomes null."""
    value = plain(value)
    if value is None:
        return None
    try:
        if datatype.startswith(("INT", "UINT")):
            return int(value)
        return float(value) if datatype.startswith("FP") else str(value)
    except (TypeError, ValueError) as wrong:
        raise Unmeasurable(f"The endpoint wants {datatype}, but the data hold another kind of value.") from wrong


def plain(value: Any) -> Any:
    """A numpy or Python value as JSON takes it."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value

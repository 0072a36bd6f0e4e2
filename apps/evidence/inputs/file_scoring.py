"""Scores from a model file, computed in a process of its own (`onnx_child`, `trees_child`, `pmml.child`), never in the worker."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs.artifacts import Refused
from apps.evidence.inputs.scoring import score_of
from apps.evidence.inputs.tensors import plain

TREES = [str(Path(__file__).with_name("trees_child.py"))]
PMML = "import sys; sys.path.insert(0, sys.argv[1]); from apps.evidence.inputs.pmml.child import main; sys.exit(main())"
CHILDREN = {
    "onnx": [str(Path(__file__).with_name("onnx_child.py"))],
    "xgboost": TREES,
    "lightgbm": TREES,
    "pmml": ["-c", PMML, str(Path(__file__).parents[3])],
}
SECONDS = 120


@dataclass(frozen=True)
class FileScorer:
    """A model file that answers like an endpoint does. `positive` is the class whose probability is the score."""

    model: bytes
    name: str
    positive: str = "1"
    format: str = "onnx"

    def predict(self, columns: Mapping[str, Sequence[Any]]) -> np.ndarray:
        """One score per row. Raises Unmeasurable when the graph refuses the rows or takes too long."""
        count = len(next(iter(columns.values()), []))
        values = {name: [plain(value) for value in column] for name, column in columns.items()}
        asked = {
            "bytes": len(self.model), "format": self.format, "columns": values, "order": list(columns), "positive": self.positive,
        }  # fmt: skip
        answer = self._run(json.dumps(asked).encode() + b"\n" + self.model)
        if "install" in answer:
            raise Unmeasurable(
                f"{self.name} is a model of {self.format}, and the library that reads it is not installed. "
                f"An administrator installs the extra `{self.format}` ({answer['install']}) where the heavy worker runs, "
                "or the developer registers an ONNX export.",
                code="LIBRARY_MISSING",
            )
        if "refused" in answer:
            raise Refused(f"{self.name} is not opened: {str(answer['refused'])[:300]}.")
        if "error" in answer:
            raise Unmeasurable(f"{self.name} could not be run on these rows: {str(answer['error'])[:300]}.")
        scores = score_of(answer.get("outputs"), count, self.positive)
        if scores.shape != (count,) or not np.isfinite(scores).all():
            raise Unmeasurable(
                f"{self.name} gives {scores.size} scores for {count} rows, or scores that are no numbers."
            )
        return scores

    def _run(self, request: bytes) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as nowhere:
            try:
                done = subprocess.run(
                    [sys.executable, "-I", *CHILDREN[self.format]], input=request, capture_output=True, timeout=SECONDS, cwd=nowhere,
                    env={"OMP_NUM_THREADS": "1"}, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired as slow:
                raise Unmeasurable(f"{self.name} did not answer within {SECONDS} seconds.") from slow
        try:
            answer = json.loads(done.stdout)
        except ValueError as broken:
            said = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1][:300]
            raise Unmeasurable(
                f"{self.name} ended without an answer (exit {done.returncode}). {said}".strip()
            ) from broken
        return answer if isinstance(answer, dict) else {}

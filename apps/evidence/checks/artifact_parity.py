from collections.abc import Mapping, Sequence
from typing import Any

from apps.evidence.checks.base import (
    Check,
    CheckParams,
    Example,
    Metric,
    Result,
    Subject,
    Tools,
    Unmeasurable,
    table,
    whole,
)

BANDS = (("up to 0.000 001", 1e-6), ("up to 0.000 1", 1e-4), ("up to 0.01", 1e-2), ("more", float("inf")))
COLUMNS = [
    ("band", "Difference", "text"),
    ("n", "Rows", "count"),
    ("share", "Share", "share", 1),
    ("reading", "Reading", "reading"),
]


def _double(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [0.02 * float(value) for value in columns["a"]]


class ArtifactParity(Check):
    """Whether the registered model file and the serving endpoint give the same scores for the same rows.

    Source: SR 26-2 on implementation of models; ONNX specification 1.x; DMG, PMML 4.4.1; model formats of XGBoost and LightGBM.
    The file is run in a process of its own, with limits of time and memory, and never unpickled."""

    key, title, order = "artifact_parity", "File and endpoint agree", 35
    reads = ("test", "scored", "train")
    scores = True
    opens_artifact = True
    metrics = (
        Metric("largest_difference", "Largest difference between a score of the file and of the endpoint", digits=6),
        Metric("differing_rows", "Rows whose score differs by more than the tolerance", "rows", 0),
        Metric("differing_decisions", "Rows that are decided differently", "rows", 0),
        Metric("rows", "Rows compared", "rows", 0),
    )

    class Params(CheckParams):
        """How many rows are scored by both, and how far a score may be off."""

        rows: int = 500
        tolerance: float = 0.0001
        BOUNDS = {"rows": (1, 20000), "tolerance": (0.0, 1.0)}
        WORDS = {
            "rows": ("Rows scored by both", "More rows take longer and find rarer differences."),
            "tolerance": ("Tolerance of a score", "A score that is off by more counts as different."),
        }

    example = Example(
        rows=[{"a": number} for number in range(50)],
        subject={"features": ["a"], "threshold": 0.5},
        expect={"largest_difference": 0.0, "differing_rows": 0, "differing_decisions": 0, "rows": 50},
        predict=_double,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows."""
        from apps.evidence.kernels import sampling

        if not subject.inputs:
            raise Unmeasurable(f"{subject.name} has none of the features that this version declares.")
        more = {"tolerance": params.tolerance, "threshold": subject.threshold}
        return {"plan": {**sampling.plan(subject, params.rows), **more}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Score the rows by both and compare row by row."""
        import numpy as np

        from apps.evidence.kernels import sampling

        plan, columns = state["plan"], sampling.columns_of(state)
        if tools.predict is None:
            raise Unmeasurable(
                "This version names no endpoint that serves it, so its file cannot be compared with one."
            )
        if tools.artifact is None:
            raise Unmeasurable("This version names no model file that this server can read.")
        if not state["sample"]:
            raise Unmeasurable(f"No row of {plan['name']} is without gaps, so none can be scored.")
        tools.progress("Running the model file", 0, 0)
        filed = np.asarray(tools.artifact(columns), dtype=np.float64)
        served = np.asarray(tools.predict(columns), dtype=np.float64)
        gap = np.abs(filed - served)
        differing, line = int((gap > plan["tolerance"]).sum()), plan["threshold"]
        decided = 0 if line is None else int(((filed >= line) != (served >= line)).sum())
        return Result(
            _takeaway(len(gap), differing, decided, float(gap.max())),
            metrics=self.measured(
                largest_difference=float(gap.max()),
                differing_rows=differing,
                differing_decisions=decided,
                rows=len(gap),
            ),
            tables=[table("differences", "How far the scores are apart", COLUMNS, _bands(gap, plan["tolerance"]))],
            limits=[
                "Only rows without gaps were compared; what the two do with other rows may differ.",
                "That the endpoint runs this file is not proved by equal scores, only made likely.",
            ],
            method={
                "Measure": f"Scores of file and endpoint for {whole(len(gap))} rows, equal within {plan['tolerance']:g}",
                "File": "Opened after its digest was compared with the registration, in a process with limits of time and memory",
                "Refused": "All but ONNX, PMML, XGBoost and LightGBM; files that point at other files or outside themselves; every pickle",
            },
        )


def _bands(gap: Any, tolerance: float) -> list[dict[str, Any]]:
    """Rows per band of difference."""
    rows, below = [], 0
    for name, edge in BANDS:
        count = int((gap <= edge).sum()) - below
        below += count
        is_far = count > 0 and edge > tolerance
        rows.append(
            {
                "band": name,
                "n": count,
                "share": count / len(gap),
                "flagged": is_far,
                "reading": "differs" if is_far else "none",
            }
        )
    return rows


def _takeaway(n: int, differing: int, decided: int, largest: float) -> str:
    if not differing:
        return (
            f"The registered file gives the endpoint's scores on all {n} rows. The largest difference is {largest:.2g}."
        )
    return (
        f"{differing} of {n} scores of the registered file differ from the endpoint's. "
        f"The largest difference is {largest:.2g}; {decided} rows are decided differently."
    )

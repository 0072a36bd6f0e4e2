from collections.abc import Mapping, Sequence
from typing import Any

from apps.evidence.checks.base import Check, CheckParams, Example, Metric, Result, Subject, Tools, table

COLUMNS = [("part", "Part", "text"), ("value", "On record", "digest"), ("reading", "Reading", "reading")]


def _double(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [2.0 * float(a) for a in columns["a"]]


class Reproducibility(Check):
    """Whether everything needed to build this version again is recorded, and whether the endpoint gives the scores on record.

    Source: Regulation (EU) 2024/1689 Annex IV 2; SR 26-2 on replication."""

    key, title, order = "reproducibility", "Reproducibility", 34
    reads = ("scored",)
    fills = ("reproducibility",)
    metrics = (
        Metric("recorded", "Parts on record", "of 5", 0),
        Metric(
            "largest_difference", "Largest difference between the scores on record and those of the endpoint", digits=6
        ),
        Metric("differing_rows", "Rows whose score differs by more than the tolerance", "rows", 0),
        Metric("rows", "Rows scored again", "rows", 0),
    )

    class Params(CheckParams):
        """How many rows are scored again, and how far a score may be off."""

        rows: int = 500
        tolerance: float = 0.001
        BOUNDS = {"rows": (1, 20000), "tolerance": (0.0, 1.0)}
        WORDS = {
            "rows": ("Rows scored again", "More rows take longer and find rarer differences."),
            "tolerance": ("Tolerance of a score", "A score that is off by more counts as different."),
        }

    example = Example(
        rows=[{"a": i, "s": 2.0 * i} for i in range(20)],
        subject={
            "features": ["a"],
            "score": "s",
            "facts": {"training": {"code_commit": "0a1b", "seed": 7}, "data_sha256": "ff00"},
        },
        expect={"recorded": 3, "largest_difference": 0.0, "differing_rows": 0, "rows": 20},
        predict=_double,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows with the score on record."""
        from apps.evidence.kernels import sampling

        planned = sampling.plan(subject, params.rows)
        has_score = subject.score in subject.columns
        if has_score:
            planned["features"] = [*planned["features"], subject.score]
        planned |= {
            "score": subject.score if has_score else "",
            "tolerance": params.tolerance,
            "training": dict(subject.facts.get("training", {})),
            "data": str(subject.facts.get("data_sha256", "")),
        }
        return {"plan": planned, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """What is on record, and how far the endpoint is from it."""
        plan = state["plan"]
        parts = on_record(plan)
        rows = [
            {
                "part": part,
                "value": value or "not recorded",
                "reading": "none" if value else "missing",
                "flagged": not value,
            }
            for part, value in parts.items()
        ]
        again = self._again(state, tools)
        recorded = sum(bool(value) for value in parts.values())
        filled = {
            "code_commit": parts["Code commit"],
            "data_hash": plan["data"],
            "environment_lock": bool(parts["Environment lock"]),
            "seed": bool(parts["Seed"]),
        }
        return Result(
            f"{recorded} of {len(parts)} parts that are needed to build this version again are on record. {_compared(again)}",
            types={"reproducibility": filled},
            metrics=self.measured(recorded=recorded, **again),
            tables=[table("parts", "What is needed to build this version again", COLUMNS, rows)],
            limits=[
                "Nobody built the version again here: that is attested by who did it.",
                "That the recorded commit and lock are the true ones is what the pipeline said.",
            ],
            method={
                "Measure": f"Parts on record, and scores asked again of the endpoint, equal within {plan['tolerance']:g}"
            },
        )

    def _again(self, state: dict[str, Any], tools: Tools) -> dict[str, Any]:
        """Scores asked again against those on record; empty where there is no endpoint or no score column."""
        import numpy as np

        from apps.evidence.kernels import sampling

        plan = state["plan"]
        columns = sampling.columns_of(state)
        if tools.predict is None or not plan["score"] or not state["sample"]:
            return {}
        recorded = np.asarray(columns.pop(plan["score"]), dtype=np.float64)
        difference = np.abs(np.asarray(tools.predict(columns), dtype=np.float64) - recorded)
        differing = int((difference > plan["tolerance"]).sum())
        return {
            "largest_difference": float(difference.max()),
            "differing_rows": differing,
            "rows": int(difference.size),
        }


def on_record(plan: dict[str, Any]) -> dict[str, str]:
    """The parts needed to build a version again, as text; empty where the registration left them out."""
    training = plan["training"]
    parameters = training.get("parameters") or {}
    return {
        "Code commit": str(training.get("code_commit") or ""),
        "Training data": plan["data"],
        "Environment lock": str(training.get("environment_lock") or ""),
        "Seed": "" if training.get("seed") is None else str(training["seed"]),
        "Parameters": f"{len(parameters)} recorded" if parameters else "",
    }


def _compared(again: dict[str, Any]) -> str:
    if not again:
        return "The scores on record were not compared with the endpoint."
    if again["differing_rows"]:
        return f"{again['differing_rows']} of {again['rows']} scores of the endpoint differ from those on record."
    return f"The endpoint gives the scores on record within {again['largest_difference']:.2g} on {again['rows']} rows."

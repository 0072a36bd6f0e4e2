from typing import Any

from apps.evidence.checks.base import (
    SMALLEST_GROUP,
    Check,
    CheckParams,
    Example,
    Metric,
    Result,
    Subject,
    Tools,
    Unmeasurable,
    figure,
    table,
)

MOST_FEATURES = 40
COLUMNS = [
    ("group", "Subpopulation", "text"),
    ("n", "n", "count"),
    ("accuracy", "Accuracy", "number"),
    ("interval", "95 % interval", "interval"),
    ("p", "p, corrected", "number"),
    ("reading", "Reading", "reading"),
]


class Subpopulations(Check):
    """Where the model errs more often than elsewhere: accuracy in every band or category of every feature.

    Source: Regulation (EU) 2024/1689 Art. 15(1); SR 26-2 on outcomes analysis."""

    key, title, order = "subpopulations", "Subpopulations", 24
    reads = ("scored", "test")
    metrics = (
        Metric("subpopulations", "Subpopulations compared", "groups", 0),
        Metric("lowest_accuracy", "Accuracy of the weakest subpopulation"),
        Metric("weaker", "Subpopulations with clearly lower accuracy", "groups", 0),
    )

    class Params(CheckParams):
        """Which columns to look at; without any, every feature."""

        by: list[str] = []
        WORDS = {
            "by": ("Columns to look at", "Without any, every feature."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[{"region": "a", "y": 1, "p": 1}] * 40
        + [{"region": "b", "y": 1, "p": 0}] * 20
        + [{"region": "b", "y": 1, "p": 1}] * 20,
        subject={"target": "y", "prediction": "p", "features": ["region"]},
        expect={"subpopulations": 2, "lowest_accuracy": 0.5, "weaker": 1},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Feature by outcome by decision."""
        from apps.evidence.kernels import counts, decisions

        target, decision = decisions.target_axis(subject), decisions.decision_axis(subject)
        if target is None:
            raise Unmeasurable(f"{subject.name} names no target column, so errors cannot be counted.")
        names = (params.by or [name for name in subject.inputs if name not in subject.outcomes])[:MOST_FEATURES]
        subject.needs(*names)
        axes = [counts.axis_for(subject.columns[name], most=12) for name in names if subject.columns[name].present]
        plan = {"axes": axes, "target": target, "decision": decision, "name": subject.name}
        return {"plan": plan, "tables": {axis["column"]: counts.empty(axis, target, decision) for axis in axes}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count outcomes and decisions per cell of each feature."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        found = {axis["column"]: counts.joint(batch, axis, plan["target"], plan["decision"]) for axis in plan["axes"]}
        return states.add(state, {"plan": plan, "tables": found})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Each cell against the rest, with corrected tests."""
        from apps.evidence.kernels import decisions, intervals

        rows = [row for axis in state["plan"]["axes"] for row in self._rows(state, axis)]
        if not rows:
            raise Unmeasurable(
                f"No feature cuts {state['plan']['name']} into two subpopulations of which one holds {SMALLEST_GROUP} rows or more. "
                "It needs more rows, or features with several values."
            )
        for row, p in zip(rows, intervals.holm([row.pop("raw") for row in rows]), strict=True):
            row["p"], row["flagged"] = p, p < 0.05 and row["difference"] < 0
            row["reading"] = "weaker" if row["flagged"] else "none"
        rows.sort(key=lambda row: (row["accuracy"], row["group"]))
        weaker, worst = sum(row["flagged"] for row in rows), rows[0]
        takeaway = (
            f"The lowest accuracy is {worst['accuracy']:.3f} for {worst['group']}. "
            f"Of {len(rows)} subpopulations, {weaker or 'none'} {'is' if weaker < 2 else 'are'} clearly weaker than the rest."
        )
        return Result(
            takeaway,
            metrics=self.measured(subpopulations=len(rows), lowest_accuracy=worst["accuracy"], weaker=weaker),
            tables=[
                table("cells", "Accuracy by subpopulation, lowest first", COLUMNS, rows[:60], decisions.small_note())
            ],
            figures=[_figure(rows[:15], takeaway)],
            limits=[
                "Only one feature at a time defines a subpopulation; combinations are compared for protected attributes."
            ],
            method={
                "Measure": "Share of correct decisions per band or category, against all other rows",
                "Tests": "Two-proportion z, Fisher's where expected counts are under 5, Holm-corrected",
            },
        )

    def _rows(self, state: dict[str, Any], axis: dict[str, Any]) -> list[dict[str, Any]]:
        from apps.evidence.kernels import decisions, intervals

        plan = state["plan"]
        folded = decisions.two_sided(
            decisions.two_sided(state["tables"][axis["column"]], plan["decision"], 2), plan["target"], 1
        )
        sides = folded[: len(axis["labels"])]
        right, sizes = sides[:, 0, 0] + sides[:, 1, 1], sides.sum(axis=(1, 2))
        rows = []
        for label, hits, n, reading in zip(
            axis["labels"], right.tolist(), sizes.tolist(), decisions.readings(sizes.tolist()), strict=True
        ):
            rest = int(sizes.sum()) - n
            if reading != "shown" or not rest:
                continue
            others = int(right.sum()) - hits
            row = {
                "group": f"{axis['column']}: {label}",
                "n": n,
                "accuracy": hits / n,
                "interval": list(intervals.wilson(hits, n) or ()),
            }
            rows.append(
                {**row, "difference": hits / n - others / rest, "raw": intervals.two_rates(hits, n, others, rest)[1]}
            )
        return rows


def _figure(rows: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
    """The weakest with their intervals."""
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(
            row["group"],
            row["accuracy"],
            row["interval"],
            f"{row['accuracy']:.2f} · n = {row['n']}",
            flagged=row["flagged"],
        )
        for row in rows
    ]
    spec = charts.intervals(drawn, takeaway=takeaway, table="cells", title="Accuracy, with 95 % interval")
    return figure("accuracy", "The weakest subpopulations", takeaway, spec, "cells")

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
    figure,
    table,
)

COLUMNS = [
    ("n", "n", "count"),
    ("events", "Positive", "count"),
    ("rate", "Rate", "number"),
    ("interval", "95 % interval", "interval"),
    ("z", "z", "number", 2),
    ("p", "p, corrected", "number"),
    ("reading", "Reading", "reading"),
]
NOTE = "z and p compare a group with all others; p is Holm-corrected for the number of groups."


class ProtectedAttributes(Check):
    """How the true outcome differs between protected groups in the data, before any model.

    Source: Regulation (EU) 2024/1689 Art. 10(2)(f)."""

    key, title, order = "protected_attributes", "Outcomes of protected groups in the data", 18
    fills = ("bias_examination",)
    metrics = (
        Metric("groups_examined", "Groups examined", "groups", 0),
        Metric("largest_gap", "Largest difference of outcome rates"),
        Metric("differing_groups", "Groups whose rate differs from the others", "groups", 0),
    )

    class Params(CheckParams):
        """Which columns to look at; without any, the declared protected attributes."""

        by: list[str] = []
        WORDS = {
            "by": ("Columns to look at", "Without any, the declared protected attributes."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[{"sex": "f", "y": 1}] * 20 + [{"sex": "f", "y": 0}] * 20 + [{"sex": "m", "y": 1}] * 30 + [{"sex": "m", "y": 0}] * 10,
        params={"by": ["sex"]},
        subject={"target": "y"},
        expect={"groups_examined": 2, "largest_gap": 0.25},
    )  # fmt: skip

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Groups by outcome, per attribute."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        target = decisions.target_axis(subject)
        if target is None:
            raise Unmeasurable(
                f"{subject.name} names no target column, so outcomes cannot be compared. Link it with its target."
            )
        plan = {
            "axes": axes,
            "target": target,
            "rows": subject.rows,
            "positive": subject.positive,
            "name": subject.name,
            "notes": [
                note for note in (decisions.other_outcomes(subject), decisions.ungrouped(subject, params.by)) if note
            ],
        }
        return {"plan": plan, "tables": {axis["column"]: counts.empty(axis, target) for axis in axes}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count outcomes per group."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        found = {axis["column"]: counts.joint(batch, axis, plan["target"]) for axis in plan["axes"]}
        return states.add(state, {"plan": plan, "tables": found})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Each group against all others, with a corrected test."""
        plan, tables, gaps, everyone = state["plan"], [], [], []
        for axis in plan["axes"]:
            rows, span = self._rows(state, axis)
            everyone += [{**row, "group": f"{axis['column']}: {row['group']}"} for row in rows]
            gaps += [(*span, axis["column"])] if span else []
            columns = [("group", axis["column"], "text"), *COLUMNS]
            tables.append(table(f"by-{axis['column']}", f"Outcome by {axis['column']}", columns, rows, NOTE))
        widest = max(gaps, default=None)
        takeaway = "No two groups are large enough for their outcomes to be compared."
        if widest:
            gap, highest, lowest, name = widest
            takeaway = (
                f"By {name}, the outcome is positive most often for {highest} and least for {lowest}. "
                f"The rates differ by {gap:.2f}."
            )
        return Result(
            takeaway,
            types={"bias_examination": {"groups_examined": len(everyone), "findings_recorded": bool(gaps)}},
            metrics=self.measured(
                groups_examined=len(everyone),
                largest_gap=widest[0] if widest else None,
                differing_groups=sum(row["flagged"] for row in everyone),
            ),
            tables=tables,
            figures=_figure(everyone, takeaway, tables[0]["key"]),
            limits=[
                *plan["notes"],
                "A difference in the data may be real, may come from how they were collected, or both; counts cannot tell.",
                "Whether decisions of the past shaped these outcomes is attested by a person, not measured.",
            ],
            method={
                "Measure": f"Share of rows with the positive outcome ({plan['positive']}) per group",
                "Intervals": "Wilson, 95 %",
                "Tests": "Each group against all others: two-proportion z, Fisher's where expected counts are under 5",
            },
        )

    def _rows(
        self, state: dict[str, Any], axis: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], tuple[float, str, str] | None]:
        """The rows of one attribute, and its largest gap as (difference, highest group, lowest group)."""
        from apps.evidence.kernels import decisions, intervals

        sides = decisions.two_sided(state["tables"][axis["column"]], state["plan"]["target"], 1)[: len(axis["labels"])]
        sizes = [int(n) for n in sides.sum(axis=1)]
        total, positives = sum(sizes), int(sides[:, 1].sum())
        rows = []
        for label, (no, yes), n, reading in zip(
            axis["labels"], sides.tolist(), sizes, decisions.readings(sizes), strict=True
        ):
            row = {"group": label, "n": decisions.shown_count(n, reading), "flagged": False, "reading": "insufficient"}
            if reading == "shown":
                z, p = intervals.two_rates(yes, n, positives - yes, total - n)
                row |= {
                    "events": yes,
                    "rate": yes / (yes + no),
                    "interval": intervals.wilson(yes, n),
                    "z": z,
                    "raw": p,
                    "reading": "none",
                }
            rows.append(row)
        tested = [row for row in rows if row.get("raw") is not None]
        for row, p in zip(tested, intervals.holm([row.pop("raw") for row in tested]), strict=True):
            row["p"], row["flagged"] = p, p < 0.05
            row["reading"] = "differs" if row["flagged"] else "none"
        rated = sorted((row for row in rows if row.get("rate") is not None), key=lambda row: row["rate"])
        gap = (rated[-1]["rate"] - rated[0]["rate"], rated[-1]["group"], rated[0]["group"]) if len(rated) > 1 else None
        return [{key: value for key, value in row.items() if key != "raw"} for row in rows], gap


def _figure(rows: list[dict[str, Any]], takeaway: str, key: str) -> list[dict[str, Any]]:
    """Rates with intervals of the groups that are large enough."""
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(
            row["group"], row["rate"], row["interval"], f"{row['rate']:.2f} · n = {row['n']}", flagged=row["flagged"]
        )
        for row in rows
        if row.get("rate") is not None
    ]
    if not drawn:
        return []
    spec = charts.intervals(
        drawn[:24], takeaway=takeaway, table=key, title="Share of positive outcomes, with 95 % interval"
    )
    return [figure("rates", "Rate of positive outcomes by group", takeaway, spec, key)]

import math
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
    figure,
    table,
    whole,
)

BINS = 200
COLUMNS = [
    ("column", "Column", "text"),
    ("kind", "Kind", "text"),
    ("missing", "Missing", "share", 1),
    ("distinct", "Distinct values", "count"),
    ("common", "Commonest", "text"),
]
NUMBERS = [
    ("column", "Column", "text"),
    ("low", "Lowest", "number"),
    ("median", "Median", "number"),
    ("high", "Highest", "number"),
    ("mean", "Mean", "number"),
    ("deviation", "Deviation", "number"),
]
NOTE = f"Extremes and categories are shown where {SMALLEST_GROUP} rows or more share them."


class DataProfile(Check):
    """Size of the data and the distribution of every column. Source: Regulation (EU) 2024/1689 Art. 10(2); Annex IV 2(d)."""

    key, title, order, version = "data_profile", "Data profile", 10, "1.1.0"
    reads = ("train", "test", "scored", "reference", "validate")
    fills = ("datasheet",)
    metrics = (
        Metric("rows", "Rows", "rows", 0),
        Metric("columns", "Columns", "columns", 0),
        Metric("empty_cells", "Cells without a value", "share"),
    )

    class Params(CheckParams):
        """No parameters."""

    example = Example(
        rows=[{"income": 10, "housing": "own"}, {"income": 30, "housing": None}, {"income": 20, "housing": "rent"}],
        expect={"rows": 3, "columns": 2, "empty_cells": 1 / 6},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A histogram and moments per number; categories are known from the survey."""
        numbers = {
            name: [column.low, column.high]
            for name, column in subject.columns.items()
            if column.is_numeric and column.low is not None and math.isfinite(column.high - column.low)
        }
        columns = {
            name: {
                "kind": column.kind,
                "nulls": column.nulls,
                "distinct": len(column.categories) if column.categories is not None else None,
                "median": _median(column),
                "common": _common(column, subject),
            }
            for name, column in subject.columns.items()
        }
        plan = {
            "rows": subject.rows,
            "numbers": numbers,
            "columns": columns,
            "name": subject.name,
            "facts": dict(subject.facts.get("data", {})),
            "too_wide": [
                name for name, column in subject.columns.items() if column.low is not None and name not in numbers
            ],
        }
        return {"plan": plan, "histograms": {name: [0] * (BINS + 2) for name in numbers}, "moments": {}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Add the batch to every histogram."""
        from apps.evidence.kernels import counts, states

        histograms, moments = {}, {}
        for name, (low, high) in state["plan"]["numbers"].items():
            values = batch.numbers(name)
            histograms[name] = counts.histogram(values, low, high, BINS)
            moments[name] = counts.moments(values, low, high)
        return states.add(state, {"plan": state["plan"], "histograms": histograms, "moments": moments})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A table of all columns, one of the numbers among them, and a figure of what is missing."""
        plan = state["plan"]
        rows = [self._row(name, column, state) for name, column in plan["columns"].items()]
        cells = plan["rows"] * len(rows)
        empty = sum(column["nulls"] for column in plan["columns"].values()) / cells
        gaps = sorted((row for row in rows if row["missing"]), key=lambda row: (-row["missing"], row["column"]))
        takeaway = f"{plan['name'] or 'The data'} has {whole(plan['rows'])} rows and {len(rows)} columns. " + (
            f"{gaps[0]['column'] or 'The column without a name'} has the most gaps: {gaps[0]['missing']:.1%}."
            if gaps
            else "No cell is empty."
        )
        numbers = [row for row in rows if "median" in row]
        facts = {name: bool(value) for name, value in plan["facts"].items()}
        return Result(
            takeaway,
            types={"datasheet": facts} if facts else {},
            metrics=self.measured(rows=plan["rows"], columns=len(rows), empty_cells=empty),
            tables=[
                table("columns", "Columns of the data", COLUMNS, rows, NOTE),
                *([table("numbers", "Columns that hold numbers", NUMBERS, numbers, NOTE)] if numbers else []),
            ],
            figures=_missing_figure(gaps, len(rows)),
            limits=[
                *_left_out(state),
                "What the values mean and how they were collected is declared by people, not measured.",
                "Dependence between columns is not part of this profile.",
            ],
            method={
                "Measure": f"Counts; medians exact up to a thousand different values, else from {BINS} bins of equal width between extremes"
            },
        )

    def _row(self, name: str, column: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        from apps.evidence.kernels import counts

        plan = state["plan"]
        row: dict[str, Any] = {
            "column": name,
            "kind": {"integer": "whole number"}.get(column["kind"], column["kind"]),
            "distinct": "over 1000" if column["distinct"] is None else column["distinct"],
            "missing": column["nulls"] / plan["rows"],
            "common": column["common"],
        }
        if name in plan["numbers"]:
            low, high = plan["numbers"][name]
            bins = np.asarray(state["histograms"][name])
            mean, deviation = counts.mean_and_deviation(state["moments"][name], low, high)
            median = counts.quantile(bins, low, high, 0.5) if column["median"] is None else column["median"]
            row |= {"median": median, "mean": mean, "deviation": deviation}
            if bins[1] >= SMALLEST_GROUP:
                row["low"] = low
            if bins[-2] >= SMALLEST_GROUP:
                row["high"] = high
        return row


def _median(column: Any) -> float | None:
    """The exact median of a number from the counts of its values; None where they were too many, or where there is none."""
    if not column.is_numeric or not column.categories:
        return None
    values = sorted((float(value), count) for value, count in column.categories.items() if math.isfinite(float(value)))
    total, passed, middle = sum(count for _, count in values), 0, []
    for value, count in values:
        middle += [value for place in ((total - 1) // 2, total // 2) if passed <= place < passed + count]
        passed += count
    return middle[0] / 2 + middle[-1] / 2 if middle else None


def _left_out(state: dict[str, Any]) -> list[str]:
    """Sentences on values that are in no figure."""
    plan = state["plan"]
    counted = {name: state["moments"].get(name, {"n": 0})["n"] for name in plan["numbers"]}
    infinite = {name: plan["rows"] - plan["columns"][name]["nulls"] - n for name, n in counted.items()}
    found = [
        f"{name} holds {whole(count)} infinite values, which are in none of its figures."
        for name, count in infinite.items()
        if count
    ]
    wide = [f"The values of {name} lie too far apart for its figures to be computed." for name in plan["too_wide"]]
    return [*found[:10], *wide[:10]]


def _missing_figure(gaps: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Columns with gaps, the emptiest first."""
    from apps.evidence.kernels import charts

    if not gaps:
        return []
    drawn = [{"group": row["column"], "value": row["missing"], "text": f"{row['missing']:.1%}"} for row in gaps[:20]]
    said = f"Missing values: {drawn[0]['group']} lacks {drawn[0]['text']} of its values, the most of {count} columns."
    spec = charts.bars(drawn, takeaway=said, table="columns", title="Share of rows without a value")
    return [figure("missing", "Share of missing values by column", said, spec, "columns")]


def _common(column: Any, subject: Subject) -> str:
    """The commonest category with its share, unless it could single somebody out."""
    from apps.evidence.kernels.survey import clean_label

    if not column.categories or not column.present or len(column.categories) > 100:
        return ""
    if subject.declared.get(column.name, {}).get("classification") == "identifier":
        return ""
    value, count = next(iter(column.categories.items()))
    return f"{clean_label(value)} ({count / column.present:.0%})" if count >= SMALLEST_GROUP else ""

import math
import re
from collections.abc import Mapping
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
    whole,
)

PLACEHOLDERS = frozenset(
    "? - -- n/a na none null unknown undefined missing tbd xxx 9999 -1 -999 999999 not_known".split() + ["not known"]
)
COLUMNS = [
    ("column", "Column", "text"),
    ("complete", "Filled", "share", 1),
    ("placeholders", "Placeholders", "count"),
    ("notes", "Found", "text"),
]
MOST_COMPARED = 1_000_000
FIGURE = re.compile(r"[-+]?\d+([.,]\d+)*\s?%?$")


class DataQuality(Check):
    """Completeness, placeholders, constant columns and repeated rows.

    Source: ISO/IEC 25012; Regulation (EU) 2024/1689 Art. 10(3)."""

    key, title, order = "data_quality", "Data quality", 12
    fills = ("data_quality",)
    metrics = (
        Metric("complete_rows", "Rows without a gap", "share"),
        Metric("lowest_completeness", "Completeness of the worst column", "share"),
        Metric("repeated_rows", "Rows that repeat another", "share"),
        Metric("placeholders", "Cells with a placeholder", "share"),
        Metric("suspect_columns", "Columns to look at", "columns", 0),
    )

    class Params(CheckParams):
        """No parameters."""

    example = Example(
        rows=[{"a": 1, "b": "x"}, {"a": 1, "b": "x"}, {"a": None, "b": "?"}, {"a": 2, "b": "y"}],
        expect={"complete_rows": 0.75, "lowest_completeness": 0.75, "repeated_rows": 0.25, "placeholders": 0.125},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Placeholders and constants come from the survey; whole rows are compared by a hash."""
        if not subject.columns:
            raise Unmeasurable("The data have no columns.")
        columns = {}
        for name, column in subject.columns.items():
            known = column.categories or {}
            stand_ins = {value: count for value, count in known.items() if value.strip().lower() in PLACEHOLDERS}
            if column.is_numeric:
                stand_ins = {
                    value: count
                    for value, count in stand_ins.items()
                    if value not in {"-1", "9999"} or column.low == float(value)
                }
            columns[name] = {
                "nulls": column.nulls,
                "placeholders": sum(stand_ins.values()),
                "words": sorted(stand_ins),
                "constant": column.present > 1 and column.categories is not None and len(column.categories) == 1,
                "padded": sum(count for value, count in known.items() if value != value.strip()),
                "cases": len(known) - len({value.strip().lower() for value in known}),
                "figures": column.kind == "text" and _are_figures(known),
                "infinite": sum(
                    count for value, count in known.items() if column.is_numeric and not math.isfinite(float(value))
                ),
                "unnamed": not name.strip(),
            }
        return {"plan": {"columns": columns, "rows": subject.rows, "name": subject.name}, "complete": 0, "pairs": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count complete rows; keep one hash per row so that repeats can be found in any split."""
        import numpy as np

        from apps.evidence.kernels import states

        whole = np.ones(batch.rows, dtype=bool)
        for name in state["plan"]["columns"]:
            whole &= batch.present(name)
        kept = row_hashes(batch, list(state["plan"]["columns"])) if state["plan"]["rows"] <= MOST_COMPARED else []
        return states.add(state, {"plan": state["plan"], "complete": int(whole.sum()), "pairs": kept})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A row per column with what is wrong with it."""
        plan = state["plan"]
        total = plan["rows"]
        rows = [
            {
                "column": name,
                "complete": 1 - column["nulls"] / total,
                "placeholders": column["placeholders"],
                "notes": _notes(column),
            }
            for name, column in plan["columns"].items()
        ]
        suspect = sum(bool(row["notes"]) or row["complete"] < 0.95 for row in rows)
        worst = min(row["complete"] for row in rows)
        repeated = (len(state["pairs"]) - len(set(state["pairs"]))) / total if state["pairs"] else None
        stand_ins = sum(row["placeholders"] for row in rows) / (total * len(rows))
        limits = [
            "Whether a value is true is not measured: no second source was compared.",
            "Repeated rows may be different people with equal values.",
        ]
        if not state["pairs"]:
            limits[1] = f"Repeated rows were not counted: the data have more than {whole(MOST_COMPARED)} rows."
        return Result(
            f"{state['complete'] / total:.1%} of {whole(total)} rows have no gap. {suspect} of {len(rows)} columns need a look.",
            types={"data_quality": {"completeness_checked": True, "errors_checked": True}},
            metrics=self.measured(
                complete_rows=state["complete"] / total,
                lowest_completeness=worst,
                repeated_rows=repeated,
                placeholders=stand_ins,
                suspect_columns=suspect,
            ),
            tables=[table("columns", "What was found by column", COLUMNS, rows)],
            figures=[_figure(rows)],
            limits=limits,
            method={
                "Measure": "Empty cells, stand-ins, constant columns, padding, spellings that differ by case, equal rows"
            },
        )


def _are_figures(known: Mapping[str, int]) -> bool:
    """Whether all texts of a column are numbers in a form that is not read as one: 1,5 or 12 %."""
    return (
        bool(known) and all(FIGURE.match(text) for text in known) and any("," in text or "%" in text for text in known)
    )


def _figure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Completeness by column, lowest first."""
    from apps.evidence.kernels import charts

    ordered = sorted(rows, key=lambda row: (row["complete"], row["column"]))[:20]
    drawn = [{"group": row["column"], "value": row["complete"], "text": f"{row['complete']:.1%}"} for row in ordered]
    said = (
        f"Completeness: {drawn[0]['group']} is filled in {drawn[0]['text']} of rows, the lowest of {len(rows)} columns."
    )
    spec = charts.bars(drawn, takeaway=said, table="columns", title="Share of rows with a value", domain=[0.0, 1.0])
    return figure("completeness", "Completeness by column, lowest first", said, spec, "columns")


def row_hashes(batch: Any, names: list[str]) -> list[int]:
    """One 53-bit number per row, equal for equal rows."""
    import hashlib

    columns = [batch.texts(name).to_pylist() for name in names]
    joined = ("\x1f".join("\x00" if value is None else value for value in row) for row in zip(*columns, strict=True))
    return [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 11 for text in joined]


def _notes(column: dict[str, Any]) -> str:
    found = []
    if column["words"]:
        found.append("stands for missing: " + ", ".join(column["words"][:3]))
    if column["constant"]:
        found.append("one value only")
    if column["padded"]:
        found.append(f"{column['padded']} padded with spaces")
    if column["cases"]:
        found.append(f"{column['cases']} spellings differ by case or space")
    if column["figures"]:
        found.append("numbers written with commas or per cent signs, so read as text")
    if column["infinite"]:
        found.append(f"{column['infinite']} infinite values")
    if column["unnamed"]:
        found.append("no name")
    return "; ".join(found)

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


class Representation(Check):
    """Size of each protected group and of their intersections. Source: Regulation (EU) 2024/1689 Art. 10(3) and (4)."""

    key, title, order = "representation", "Representation of groups", 16
    fills = ("data_quality",)
    metrics = (
        Metric("smallest_group", "Rows in the smallest group", "rows", 0),
        Metric("smallest_share", "Share of the smallest group", "share"),
        Metric("groups", "Groups", "groups", 0),
        Metric("small_intersections", f"Intersections with fewer than {SMALLEST_GROUP} rows", "cells", 0),
    )

    class Params(CheckParams):
        """Which columns to look at; without any, the declared protected attributes."""

        by: list[str] = []

    example = Example(
        rows=[{"sex": "f"}] * 31 + [{"sex": "m"}] * 62,
        params={"by": ["sex"]},
        expect={"smallest_group": 31, "groups": 2},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """One axis per attribute, one joint table over the first two or three."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        if not axes:
            raise Unmeasurable(
                "No column is declared as a protected attribute. The data steward declares them in the catalog."
            )
        crossed = axes[:3] if len(axes) > 1 else []
        return {
            "plan": {"axes": axes, "crossed": crossed, "rows": subject.rows, "name": subject.name},
            "single": {axis["column"]: counts.empty(axis) for axis in axes},
            "joint": counts.empty(*crossed) if crossed else [0],
        }

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count rows per group and per intersection."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        single = {axis["column"]: counts.joint(batch, axis) for axis in plan["axes"]}
        joint = counts.joint(batch, *plan["crossed"]) if plan["crossed"] else [0]
        return states.add(state, {"plan": plan, "single": single, "joint": joint})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A table per attribute with shares, one of the intersections, and a figure."""
        from apps.evidence.kernels import charts, decisions

        plan, tables, drawn, sizes = state["plan"], [], [], []
        for axis in plan["axes"]:
            found = [int(count) for count in state["single"][axis["column"]]]
            groups = list(zip(axis["labels"], found, strict=False))
            total = sum(found)
            rows = []
            for (label, count), reading in zip(groups, decisions.readings([count for _, count in groups]), strict=True):
                sizes.append((count, total, axis["column"], label, reading))
                share = count / total if total and reading in {"shown", "rate_hidden"} else None
                rows.append({"group": label, "n": decisions.shown_count(count, reading), "share": share, "flagged": count < SMALLEST_GROUP,
                             "reading": "small" if count < SMALLEST_GROUP else "none"})  # fmt: skip
                if share is not None:
                    text = f"{share:.1%} · n = {count}"
                    drawn.append(
                        {
                            "group": f"{axis['column']}: {label}",
                            "value": share,
                            "text": text,
                            "flagged": count < SMALLEST_GROUP,
                        }
                    )
            if found[-2]:
                rows.append(
                    {
                        "group": "other",
                        "n": decisions.shown_count(found[-2], "shown"),
                        "share": found[-2] / total,
                        "reading": "none",
                    }
                )
            if found[-1]:
                rows.append({"group": "not stated", "n": found[-1], "share": found[-1] / total, "reading": "none"})
            columns = [
                ("group", axis["column"], "text"),
                ("n", "n", "count"),
                ("share", "Share", "share", 1),
                ("reading", "Reading", "reading"),
            ]
            tables.append(
                table(f"by-{axis['column']}", f"Rows by {axis['column']}", columns, rows, decisions.small_note())
            )
        small = None
        if plan["crossed"]:
            crossing, small = self._crossing(state)
            tables.append(crossing)
        smallest = min(sizes, default=None)
        if smallest is None or not plan["rows"]:
            raise Unmeasurable("There are no rows to count.")
        count, total, column, label, reading = smallest
        said = f"{decisions.shown_count(count, reading)} rows"
        takeaway = f"The smallest group is {column} {label} with {said} of {total:,}" + (
            f"; {small} intersections hold fewer than {SMALLEST_GROUP}." if small else "."
        )
        figures = []
        if drawn:
            spec = charts.bars(drawn[:24], takeaway=takeaway, table=tables[0]["key"], title="Share of all rows")
            figures = [figure("shares", "Share of each group", takeaway, spec, tables[0]["key"])]
        return Result(
            takeaway,
            types={"data_quality": {"representativeness_checked": True, "groups_covered": count >= SMALLEST_GROUP}},
            metrics=self.measured(
                smallest_group=count if reading in {"shown", "rate_hidden"} else None,
                smallest_share=count / total if reading in {"shown", "rate_hidden"} else None,
                groups=len(sizes), small_intersections=small,
            ),
            tables=tables,
            figures=figures,
            limits=[
                "Shares are not compared with the population on which the model will be used: no such figures were given.",
                f"Covered means that every group has {SMALLEST_GROUP} rows or more; it does not mean that this is enough for every measure.",
            ],
            method={"Measure": "Rows per group of each protected attribute and per intersection of the first three"},
        )  # fmt: skip

    def _crossing(self, state: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The table of intersections, and how many of them are small."""
        from itertools import product

        import numpy as np

        from apps.evidence.kernels import decisions

        axes = state["plan"]["crossed"]
        joint = np.asarray(state["joint"])[tuple(slice(len(axis["labels"])) for axis in axes)]
        named = list(product(*(axis["labels"] for axis in axes)))
        flat = [int(count) for count in joint.ravel()]
        rows = [
            {**{axis["column"]: name for axis, name in zip(axes, names, strict=True)}, "n": decisions.shown_count(count, reading),
             "flagged": count < SMALLEST_GROUP, "reading": "small" if count < SMALLEST_GROUP else "none"}
            for names, count, reading in zip(named, flat, decisions.readings(flat), strict=True)
        ]  # fmt: skip
        columns = [
            *((axis["column"], axis["column"], "text") for axis in axes),
            ("n", "n", "count"),
            ("reading", "Reading", "reading"),
        ]
        small = sum(count < SMALLEST_GROUP for count in flat)
        return table("intersections", "Rows by intersection", columns, rows, decisions.small_note()), small

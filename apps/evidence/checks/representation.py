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

COLUMNS = [("n", "n", "count"), ("share", "Share", "share", 1), ("reading", "Reading", "reading")]
SHOWN = ("group", "n", "share", "flagged", "reading")


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
        WORDS = {
            "by": ("Columns to look at", "Without any, the declared protected attributes."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[{"sex": "f"}] * 31 + [{"sex": "m"}] * 62,
        params={"by": ["sex"]},
        expect={"smallest_group": 31, "groups": 2},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """One axis per attribute, one joint table over the first two or three."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        crossed = axes[:3] if len(axes) > 1 else []
        return {
            "plan": {
                "axes": axes,
                "crossed": crossed,
                "rows": subject.rows,
                "name": subject.name,
                "note": decisions.ungrouped(subject, params.by),
            },
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
        from apps.evidence.kernels import decisions

        plan = state["plan"]
        groups = [row for axis in plan["axes"] for row in self._groups(state, axis)]
        tables = [self._table(state, axis, groups) for axis in plan["axes"]]
        small = None
        if plan["crossed"]:
            crossing, small = self._crossing(state)
            tables.append(crossing)
        smallest = min(groups, key=lambda row: (row["size"], row["attribute"], row["group"]))
        may_tell = smallest["share"] is not None
        takeaway = (
            f"The smallest group is {smallest['attribute']} {smallest['group']} with "
            f"{decisions.shown_count(smallest['size'], smallest['shown'])} of {whole(plan['rows'])} rows."
        )
        if small:
            takeaway += f" Intersections that hold fewer than {SMALLEST_GROUP}: {small}."
        covered = {"representativeness_checked": True, "groups_covered": smallest["size"] >= SMALLEST_GROUP}
        return Result(
            takeaway,
            types={"data_quality": covered},
            metrics=self.measured(
                smallest_group=smallest["size"] if may_tell else None,
                smallest_share=smallest["share"],
                groups=len(groups),
                small_intersections=small,
            ),
            tables=tables,
            figures=_figure(groups, takeaway, tables[0]["key"]),
            limits=[
                *([plan["note"]] if plan["note"] else []),
                "Shares are not compared with the population on which the model will be used: no such figures were given.",
                f"Covered means that every group has {SMALLEST_GROUP} rows or more, not that this is enough for every measure.",
            ],
            method={"Measure": "Rows per group of each protected attribute and per intersection of the first three"},
        )

    def _groups(self, state: dict[str, Any], axis: dict[str, Any]) -> list[dict[str, Any]]:
        """The groups of one attribute with what may be shown of them."""
        from apps.evidence.kernels import decisions

        found = [int(count) for count in state["single"][axis["column"]]]
        total, sizes = sum(found), found[: len(axis["labels"])]
        return [
            {
                "attribute": axis["column"],
                "group": label,
                "size": size,
                "shown": shown,
                "n": decisions.shown_count(size, shown),
                "share": size / total if shown in {"shown", "rate_hidden"} else None,
                "flagged": size < SMALLEST_GROUP,
                "reading": "small" if size < SMALLEST_GROUP else "none",
            }
            for label, size, shown in zip(axis["labels"], sizes, decisions.readings(sizes), strict=True)
        ]

    def _table(self, state: dict[str, Any], axis: dict[str, Any], groups: list[dict[str, Any]]) -> dict[str, Any]:
        """One attribute's groups, with the rows that belong to none."""
        from apps.evidence.kernels import decisions

        found = [int(count) for count in state["single"][axis["column"]]]
        rows = [{key: row[key] for key in SHOWN} for row in groups if row["attribute"] == axis["column"]]
        for label, count in zip(("other", "not stated"), found[-2:], strict=True):
            if count:
                rows.append(
                    {"group": label, "n": count, "share": count / sum(found), "flagged": False, "reading": "none"}
                )
        columns = [("group", axis["column"], "text"), *COLUMNS]
        return table(f"by-{axis['column']}", f"Rows by {axis['column']}", columns, rows, decisions.small_note())

    def _crossing(self, state: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The table of intersections, and how many of them are small."""
        from itertools import product

        import numpy as np

        from apps.evidence.kernels import decisions

        axes = state["plan"]["crossed"]
        joint = np.asarray(state["joint"])[tuple(slice(len(axis["labels"])) for axis in axes)]
        sizes = [int(count) for count in joint.ravel()]
        rows = []
        for names, size, shown in zip(
            product(*(axis["labels"] for axis in axes)), sizes, decisions.readings(sizes), strict=True
        ):
            row = {axis["column"]: name for axis, name in zip(axes, names, strict=True)}
            is_small = size < SMALLEST_GROUP
            reading = "small" if is_small else "none"
            rows.append({**row, "n": decisions.shown_count(size, shown), "flagged": is_small, "reading": reading})
        columns = [*((axis["column"], axis["column"], "text") for axis in axes), COLUMNS[0], COLUMNS[2]]
        note = decisions.small_note()
        return table("intersections", "Rows by intersection", columns, rows, note), sum(row["flagged"] for row in rows)


def _figure(groups: list[dict[str, Any]], takeaway: str, key: str) -> list[dict[str, Any]]:
    """Shares of the groups that may be shown."""
    from apps.evidence.kernels import charts

    drawn = [
        {
            "group": f"{row['attribute']}: {row['group']}",
            "value": row["share"],
            "text": f"{row['share']:.1%} · n = {row['size']}",
            "flagged": row["flagged"],
        }
        for row in groups
        if row["share"] is not None
    ]
    if not drawn:
        return []
    spec = charts.bars(drawn[:24], takeaway=takeaway, table=key, title="Share of all rows")
    return [figure("shares", "Share of each group", takeaway, spec, key)]

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

DRAWS = 200
COLUMNS = [
    ("feature", "Feature", "text"),
    ("attribute", "Protected attribute", "text"),
    ("area", "Area", "number"),
    ("chance", "Chance up to", "number"),
    ("association", "Cramér's V", "number"),
    ("reading", "Reading", "reading"),
]


class Proxies(Check):
    """How well each feature alone tells a protected group, against what chance would give.

    Source: Regulation (EU) 2024/1689 Art. 10(2)(f); 12 CFR 1002 on proxies of prohibited bases."""

    key, title, order = "proxies", "Proxies of protected attributes", 26
    reads = ("train", "test", "scored")
    metrics = (
        Metric("strongest", "Best area under the curve of a single feature"),
        Metric("pairs", "Pairs of feature and attribute compared", "pairs", 0),
        Metric("beyond_chance", "Pairs beyond what chance gives", "pairs", 0),
    )

    class Params(CheckParams):
        """Which attributes to look for; without any, the declared protected ones."""

        by: list[str] = []
        WORDS = {
            "by": ("Attributes to look for", "Without any, the declared protected attributes."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[
            {"sex": "f" if i % 2 else "m", "school": "girls" if i % 2 else "boys", "size": i % 5} for i in range(200)
        ],
        params={"by": ["sex"]},
        subject={"features": ["school", "size"]},
        expect={"strongest": 1.0, "pairs": 2, "beyond_chance": 1},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Feature by group, in two halves of the rows, so that what one half teaches is tried on the other."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        names = [name for name in subject.inputs if name not in subject.outcomes and subject.columns[name].present][:60]
        features = [counts.axis_for(subject.columns[name], most=30, bands=10) for name in names]
        pairs = [[feature, axis] for axis in axes for feature in features if feature["column"] != axis["column"]]
        if not pairs:
            raise Unmeasurable(f"{subject.name} has no feature beside the protected attributes.")
        note = decisions.ungrouped(subject, params.by)
        plan = {"pairs": pairs, "seed": subject.seed, "rows": subject.rows, "name": subject.name, "note": note}
        return {"plan": plan, "tables": {_name(pair): [counts.empty(*pair), counts.empty(*pair)] for pair in pairs}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count each pair, by half."""
        import numpy as np

        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        half = (batch.draws(plan["seed"]) & np.uint64(1)).astype(np.int64)
        found = {}
        for feature, axis in plan["pairs"]:
            shape = (2, counts.size(feature), counts.size(axis))
            flat = (half * shape[1] + batch.codes(feature)) * shape[2] + batch.codes(axis)
            found[_name([feature, axis])] = np.bincount(flat, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)
        return states.add(state, {"plan": plan, "tables": found})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Each pair with its area, the area chance gives, and the strength of association."""
        plan, rows = state["plan"], []
        for place, (feature, axis) in enumerate(plan["pairs"]):
            tools.progress(f"Looking for {axis['column']} in {feature['column']}", place, len(plan["pairs"]))
            row = self._row(state, feature, axis)
            rows += [row] if row else []
        if not rows:
            raise Unmeasurable(
                f"No protected attribute has two groups of {SMALLEST_GROUP} rows or more, so none can be told from a feature. It "
                "needs more rows, or coarser groups that the data steward declares."
            )
        rows.sort(key=lambda row: (-row["area"], row["feature"], row["attribute"]))
        beyond, best = sum(row["flagged"] for row in rows), rows[0]
        takeaway = (
            f"{best['feature']} tells {best['attribute']} best, with an area of {best['area']:.2f}. "
            f"Chance gives up to {best['chance']:.2f}; pairs beyond chance: {beyond} of {len(rows)}."
        )
        return Result(
            takeaway,
            metrics=self.measured(strongest=best["area"], pairs=len(rows), beyond_chance=beyond),
            tables=[table("pairs", "Features as proxies of protected attributes", COLUMNS, rows)],
            figures=[_figure(rows[:18], takeaway)],
            limits=[
                *([plan["note"]] if plan["note"] else []),
                "Several weak features together may tell a group well; only single features were tried.",
                "A proxy is not by itself a reason against a feature: whether it is needed is for people to say.",
            ],
            method={
                "Measure": "Group frequencies per band or category, learnt on one half of the rows and tried on the other, both ways",
                "Area": "Averaged over groups by their size; 0.5 is a coin",
                "Chance": f"95 % point of {DRAWS} tables drawn with feature and group independent",
                "Association": "Cramér's V with bias correction (Bergsma 2013)",
            },
        )

    def _row(self, state: dict[str, Any], feature: Any, axis: Any) -> dict[str, Any] | None:
        """One pair; None where there are no two groups large enough."""
        import numpy as np

        from apps.evidence.kernels import association

        halves = np.asarray(state["tables"][_name([feature, axis])])[:, :, : len(axis["labels"])]
        halves = halves[:, :, halves.sum(axis=(0, 1)) >= SMALLEST_GROUP]
        if halves.shape[2] < 2:
            return None
        area = float(association.area(halves[None])[0])
        chance = association.chance_area(halves, draws=DRAWS, seed=state["plan"]["seed"])
        is_beyond = area > chance and area >= 0.55
        return {
            "feature": feature["column"],
            "attribute": axis["column"],
            "area": area,
            "chance": chance,
            "association": association.cramers_v(halves.sum(axis=0)),
            "n": int(halves.sum()),
            "flagged": is_beyond,
            "reading": "beyond_chance" if is_beyond else "none",
        }


def _figure(rows: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
    """The strongest pairs against chance."""
    from apps.evidence.kernels import charts

    drawn = [
        {
            "group": f"{row['feature']} tells {row['attribute']}",
            "value": row["area"],
            "text": f"{row['area']:.2f} · chance to {row['chance']:.2f}",
            "flagged": row["flagged"],
        }
        for row in rows
    ]
    title = "Area under the curve of telling the group from this feature alone"
    spec = charts.intervals(
        drawn, takeaway=takeaway, table="pairs", title=title, reference=(0.5, "chance"), domain=[0.4, 1.02], width=280
    )
    return figure("proxies", "How well a feature tells a protected group", takeaway, spec, "pairs")


def _name(pair: list[Any]) -> str:
    return f"{pair[0]['column']}\x1f{pair[1]['column']}"

from collections.abc import Mapping, Sequence
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

OVERVIEW = [
    ("feature", "Feature", "text"),
    ("low", "Lowest mean", "number"),
    ("at_low", "at", "text"),
    ("high", "Highest mean", "number"),
    ("at_high", "at", "text"),
    ("range", "Range", "number"),
]


def _linear(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [0.1 * float(a) for a in columns["a"]]


class PartialDependence(Check):
    """How the mean score changes when one feature is set to each of its usual values for every row. Source: Friedman (2001)."""

    key, title, order = "partial_dependence", "Partial dependence", 32
    reads = ("test", "scored", "train")
    scores = True
    metrics = (
        Metric("largest_range", "Largest change of the mean score"),
        Metric("features", "Features looked at", "features", 0),
        Metric("scored_rows", "Rows scored for it", "rows", 0),
    )

    class Params(CheckParams):
        """How many rows are averaged, over how many points per feature."""

        rows: int = 200
        points: int = 9
        features: list[str] = []
        BOUNDS = {"rows": (10, 5000), "points": (3, 40)}
        WORDS = {
            "rows": ("Rows averaged", "More rows take longer and give smoother curves."),
            "points": ("Points of each curve", "Values of a feature at which the model is asked."),
            "features": ("Features to draw", "Without any, every feature that the data have."),
        }
        NAMES = {"features": "columns"}

    example = Example(
        rows=[{"a": i % 20, "b": "x" if i % 3 else "y"} for i in range(90)],
        params={"rows": 30},
        subject={"features": ["a", "b"]},
        expect={"features": 2},
        predict=_linear,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows and a grid per feature, of values that many rows share."""
        from apps.evidence.kernels import sampling

        names = params.features or subject.inputs
        subject.needs(*names)
        if not names:
            raise Unmeasurable(f"{subject.name} has none of the features that this version declares.")
        grids = {name: grid(subject.columns[name], params.points) for name in names[:30]}
        return {"plan": {**sampling.plan(subject, params.rows), "grids": grids}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A table of all features, and a figure with its table for those that matter most."""
        plan = state["plan"]
        found = self._asked(state, tools)
        _, name, _, means = found[0]
        overview = [
            {
                "feature": name,
                "range": size,
                "low": min(means),
                "at_low": str(values[means.index(min(means))]),
                "high": max(means),
                "at_high": str(values[means.index(max(means))]),
            }
            for size, name, values, means in found
        ]
        drawn = _drawn(plan, found[:6])
        return Result(
            f"The mean score moves most with {name}: from {min(means):.3f} to {max(means):.3f} over its usual values.",
            metrics=self.measured(
                largest_range=found[0][0], features=len(found), scored_rows=tools.calls().get("rows")
            ),
            tables=[
                *(numbers for _, numbers in drawn),
                table("overview", "Change of the mean score by feature", OVERVIEW, overview),
            ],
            figures=[picture for picture, _ in drawn],
            limits=[
                "Rows in which one feature is changed alone may be unlikely ones when features depend on each other."
            ],
            method={
                "Measure": f"Mean score over {len(state['sample'])} sampled rows with the feature set to each grid value",
                "Grid": f"Quantiles of numbers; categories of {SMALLEST_GROUP} rows or more",
            },
        )

    def _asked(self, state: dict[str, Any], tools: Tools) -> list[tuple[float, str, list[Any], list[float]]]:
        """Per feature its range, name, grid and mean scores, largest range first."""
        from apps.evidence.kernels import explain, sampling

        plan, sample = state["plan"], sampling.columns_of(state)
        if tools.predict is None:
            raise Unmeasurable("This version names no endpoint that serves it, so its scores cannot be asked for.")
        if explain.length(sample) < 2:
            raise Unmeasurable(f"{plan['name']} has no two rows without gaps.")
        found = []
        for done, (name, values) in enumerate(plan["grids"].items()):
            tools.progress(f"Partial dependence on {name}", done, len(plan["grids"]))
            if len(values) > 1:
                means, _ = explain.dependence(tools.predict, sample, name, values)
                found.append((float(means.max() - means.min()), name, values, [float(mean) for mean in means]))
        if not found:
            raise Unmeasurable("No feature has two values that enough rows share.")
        return sorted(found, key=lambda row: (-row[0], row[1]))


def _drawn(plan: dict[str, Any], found: list[Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Figure and table per feature, all on one scale."""
    means = [mean for row in found for mean in row[3]]
    air = (max(means) - min(means)) * 0.08 or 0.05
    domain = [round(min(means) - air, 4), round(max(means) + air, 4)]
    return [_curve(plan, row, domain, f"feature-{place}") for place, row in enumerate(found)]


def _curve(plan: dict[str, Any], found: Any, domain: list[float], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line over a number, points over categories."""
    from apps.evidence.kernels import charts

    _, name, values, means = found
    said = f"{name}: the mean score is {means[0]:.3f} at {values[0]} and {means[-1]:.3f} at {values[-1]}."
    if plan["kinds"].get(name) == "text":
        pairs = zip(values, means, strict=True)
        drawn = [{"group": str(value), "value": mean, "text": f"{mean:.3f}"} for value, mean in pairs]
        spec = charts.intervals(drawn, takeaway=said, table=key, title="Mean score", domain=domain, width=300)
    else:
        points = [(float(value), mean) for value, mean in zip(values, means, strict=True)]
        axes: dict[str, Any] = {
            "x": name,
            "y": "Mean score",
            "x_domain": [points[0][0], points[-1][0]],
            "y_domain": domain,
        }
        spec = charts.lines({name: points}, takeaway=said, table=key, height=160, **axes)
    rows = [{"value": str(value), "score": mean} for value, mean in zip(values, means, strict=True)]
    columns = [("value", name, "text"), ("score", "Mean score", "number")]
    return figure(key, f"Mean score by {name}", said, spec, key), table(key, f"Mean score by {name}", columns, rows)


def grid(column: Any, points: int) -> list[Any]:
    """Values to set a feature to: common categories, or quantiles between the 5 % and 95 % points of a number."""
    if column.is_numeric and (column.categories is None or len(column.categories) > points):
        values = column.sample
        if not values:
            return []
        picked = [
            values[min(len(values) - 1, round((0.05 + 0.9 * part / (points - 1)) * (len(values) - 1)))]
            for part in range(points)
        ]
        return sorted({int(value) if column.kind == "integer" else value for value in picked})
    common = [value for value, count in (column.categories or {}).items() if count >= SMALLEST_GROUP][: max(points, 12)]
    if column.is_numeric:
        return sorted(int(value) if column.kind == "integer" else float(value) for value in common)
    return common

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
        """A table per feature, and a figure for those that matter most."""
        from apps.evidence.kernels import explain, sampling

        plan = state["plan"]
        if tools.predict is None:
            raise Unmeasurable("This version names no endpoint that serves it, so its scores cannot be asked for.")
        sample = sampling.columns_of(state)
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
        found.sort(key=lambda row: (-row[0], row[1]))
        size, name, values, means = found[0]
        takeaway = (
            f"The mean score moves most with {name}: from {min(means):.3f} to {max(means):.3f} over its usual values."
        )
        columns = [
            ("feature", "Feature", "text"),
            ("low", "Lowest mean score", "number"),
            ("at_low", "at", "text"),
            ("high", "Highest mean score", "number"),
            ("at_high", "at", "text"),
            ("range", "Range", "number"),
        ]
        overview = [
            {"feature": name, "range": size, "low": min(means), "at_low": f"{values[means.index(min(means))]}", "high": max(means), "at_high": f"{values[means.index(max(means))]}"}
            for size, name, values, means in found
        ]  # fmt: skip
        figures, tables = self._drawn(plan, found)
        return Result(
            takeaway,
            metrics=self.measured(largest_range=size, features=len(found), scored_rows=tools.calls().get("rows")),
            tables=[table("overview", "Change of the mean score by feature", columns, overview), *tables],
            figures=figures,
            limits=[
                "Rows in which one feature is changed alone may be unlikely ones when features depend on each other."
            ],
            method={
                "Measure": f"Mean score over {explain.length(sample)} sampled rows with the feature set to each grid value",
                "Grid": "Quantiles of numbers; categories of 30 rows or more",
            },
        )

    def _drawn(self, plan: dict[str, Any], found: list[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Figures and tables of the six features with the largest range."""
        from apps.evidence.kernels import charts

        low = min(min(means) for *_, means in found[:6])
        high = max(max(means) for *_, means in found[:6])
        air = (high - low) * 0.08 or 0.05
        domain = [round(low - air, 4), round(high + air, 4)]
        figures, tables = [], []
        for _, name, values, means in found[:6]:
            key = f"feature-{plan['features'].index(name)}" if name in plan["features"] else "feature-0"
            said = f"{name}: the mean score goes from {means[0]:.3f} at {values[0]} to {means[-1]:.3f} at {values[-1]}."
            if plan["kinds"].get(name) != "text":
                points = list(zip([float(value) for value in values], means, strict=True))
                spec = charts.lines(
                    {name: points},
                    takeaway=said,
                    table=key,
                    x=name,
                    y="Mean score",
                    x_domain=[points[0][0], points[-1][0]],
                    y_domain=domain,
                    height=160,
                )
            else:
                drawn = [
                    {"group": str(value), "value": mean, "text": f"{mean:.3f}"}
                    for value, mean in zip(values, means, strict=True)
                ]
                spec = charts.intervals(drawn, takeaway=said, table=key, title="Mean score", domain=domain, width=300)
            figures.append(figure(key, f"Mean score by {name}", said, spec, key))
            rows = [{"value": str(value), "score": mean} for value, mean in zip(values, means, strict=True)]
            tables.append(
                table(key, f"Mean score by {name}", [("value", name, "text"), ("score", "Mean score", "number")], rows)
            )
        return figures, tables


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

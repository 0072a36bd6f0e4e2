from collections.abc import Mapping, Sequence
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

MOST_FEATURES = 20
COLUMNS = [
    ("feature", "Feature", "text"),
    ("share", "Rows it turns alone", "share", 1),
    ("interval", "95 % interval", "interval"),
    ("size", "Median change", "number", 2),
    ("unit", "Counted in", "text"),
    ("reading", "Reading", "reading"),
]
CASES = [
    ("case", "Case", "text"),
    ("feature", "Feature", "text"),
    ("before", "Is", "text"),
    ("after", "Would have to be", "text"),
]


def _two_features(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [0.1 * float(a) + (0.3 if b == "own" else 0.0) for a, b in zip(columns["a"], columns["b"], strict=True)]


class Counterfactuals(Check):
    """The smallest changes that would have turned a negative decision: which feature alone, and how far.

    Source: Wachter, Mittelstadt and Russell (2018); 12 CFR 1002.9 on specific reasons; Regulation (EU) 2016/679 Art. 22(3)."""

    key, title, order = "counterfactuals", "Smallest changes that turn a decision", 33
    reads = ("test", "scored", "train")
    scores = True
    is_on_request = True
    metrics = (
        Metric("one_change", "Negative decisions that one feature turns", "share"),
        Metric("two_changes", "Negative decisions that only two features together turn", "share"),
        Metric("unreached", "Negative decisions that neither turns", "share"),
        Metric("protected_alone", "Negative decisions that a protected attribute alone turns", "share"),
        Metric("rows", "Negative decisions searched", "rows", 0),
        Metric("scored_rows", "Rows scored for it", "rows", 0),
    )

    class Params(CheckParams):
        """How many rows are drawn, values tried of each feature, and features that nobody can change."""

        rows: int = 150
        points: int = 8
        fixed: list[str] = []
        BOUNDS = {"rows": (10, 2000), "points": (2, 20)}
        WORDS = {
            "rows": ("Rows drawn", "Refused cases are looked for among them."),
            "points": ("Values tried of each feature", "More values take longer and find smaller changes."),
            "fixed": ("Features that nobody can change", "They stay as they are in every case."),
        }
        NAMES = {"fixed": "columns"}

    example = Example(
        rows=[{"a": number % 8, "b": "rent" if number % 2 else "own"} for number in range(480)],
        subject={"features": ["a", "b"], "threshold": 0.6},
        expect={"one_change": 1.0, "unreached": 0.0, "protected_alone": 0.0},
        predict=_two_features,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows, and a grid of values that many rows share for each feature that may change."""
        from apps.evidence.checks.partial_dependence import grid
        from apps.evidence.kernels import perturb, sampling

        if subject.threshold is None:
            raise Unmeasurable("This version declares no threshold, so there is no decision to turn.")
        names = [name for name in subject.inputs if name not in params.fixed][:MOST_FEATURES]
        grids = {name: grid(subject.columns[name], params.points) for name in names}
        more = {
            "grids": {name: values for name, values in grids.items() if len(values) > 1}, "threshold": subject.threshold,
            "spreads": {name: perturb.described(subject.columns[name])["spread"] for name in names},
            "protected": [name for name in subject.protected if name in names], "fixed": params.fixed,
        }  # fmt: skip
        if not more["grids"]:
            raise Unmeasurable(f"{subject.name} has no feature that may change.")
        return {"plan": {**sampling.plan(subject, params.rows), **more}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Score the sample, search the negative ones, and count."""
        import numpy as np

        from apps.evidence.kernels import flipping, sampling

        plan = state["plan"]
        if tools.predict is None:
            raise Unmeasurable("This version names no endpoint that serves it, so no change can be tried.")
        if not state["sample"]:
            raise Unmeasurable(f"No row of {plan['name']} is without gaps, so none can be changed.")
        columns = sampling.columns_of(state)
        scores = np.asarray(tools.predict(columns), dtype=np.float64)
        negative = np.flatnonzero(scores < plan["threshold"])
        if not negative.size:
            raise Unmeasurable(f"None of {len(scores)} sampled rows is decided negatively, so nothing can be turned.")
        kept = {name: [values[row] for row in negative] for name, values in columns.items()}
        tools.progress("Trying changes", 0, 0)
        alone, both = flipping.search(tools.predict, kept, plan["grids"], plan["spreads"], plan["threshold"])
        return self._result(plan, kept, scores[negative], alone, both, tools)

    def _result(self, plan: dict[str, Any], columns: Any, scores: Any, alone: Any, both: Any, tools: Tools) -> Result:
        from apps.evidence.kernels import intervals

        n, one = len(scores), sum(bool(found) for found in alone.values())
        protected = sum(any(name in found for name in plan["protected"]) for found in alone.values())
        rows = _features(plan, alone, n)
        takeaway = f"One feature alone turns {one} of {n} negative decisions; {len(both)} more need two. "
        takeaway += f"{rows[0]['feature']} turns most, {rows[0]['share']:.1%}."
        return Result(
            takeaway,
            metrics=self.measured(
                one_change=(one / n, *(intervals.wilson(one, n) or (None, None))), two_changes=len(both) / n,
                unreached=(n - one - len(both)) / n, protected_alone=protected / n, rows=n, scored_rows=tools.calls().get("rows"),
            ),
            tables=[
                table("features", "What turns a negative decision alone", COLUMNS, rows),
                table("cases", "Three cases in words", CASES, _cases(plan, columns, scores, alone, both)),
            ],
            figures=[_figure(rows[:16], takeaway)],
            limits=[
                "What would turn the model is not what somebody could or should change; a feature may be fixed for a person.",
                "Only values that many rows share were tried, so a smaller change may exist between them.",
                "Single cases are described in words, so that no person's own values are shown.",
            ],
            method={
                "Measure": f"Rows with a score under {plan['threshold']:g}, scored again with one feature changed, then with two",
                "Size": "Standard deviations for numbers, one for a category; the smallest that turns the decision is kept",
                "Kept fixed": ", ".join(plan["fixed"]) or "no feature",
                "Intervals": "Wilson, 95 %",
            },
        )  # fmt: skip


def _features(plan: dict[str, Any], alone: Any, n: int) -> list[dict[str, Any]]:
    """Per feature how many decisions it turns alone, and the median of the smallest changes."""
    from statistics import median

    from apps.evidence.kernels import intervals

    rows = []
    for name in plan["grids"]:
        sizes = [found[name].size for found in alone.values() if name in found]
        is_flagged = bool(sizes) and name in plan["protected"]
        rows.append({
            "feature": name, "share": len(sizes) / n, "interval": list(intervals.wilson(len(sizes), n) or ()),
            "size": median(sizes) if sizes else None, "unit": "deviations" if plan["spreads"][name] else "categories",
            "flagged": is_flagged, "reading": "protected" if is_flagged else "none",
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-row["share"], row["feature"]))


def _cases(plan: dict[str, Any], columns: Any, scores: Any, alone: Any, both: Any) -> list[dict[str, Any]]:
    """The cases nearest to, halfway from and furthest from the threshold, with the smallest change of each."""
    import numpy as np

    from apps.evidence.kernels import sampling

    order, rows = np.argsort(-scores, kind="stable"), []
    for word, place in (
        ("nearest to the line", order[0]),
        ("in the middle", order[len(order) // 2]),
        ("furthest from it", order[-1]),
    ):
        found = min(alone[int(place)].values(), key=lambda change: change.size, default=both.get(int(place)))
        for name, value in (found.to if found else {}).items():
            words = plan["words"][name]
            before, after = (sampling.in_words(each, words) for each in (columns[name][place], value))
            after = f"{after}, further on" if after == before else after
            rows.append({"case": word, "feature": name, "before": before, "after": after, "flagged": False})
        if not found:
            rows.append(
                {"case": word, "feature": "no change of two features", "before": "", "after": "", "flagged": False}
            )
    return rows


def _figure(rows: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(row["feature"], row["share"], row["interval"], f"{row['share']:.1%}", flagged=row["flagged"])
        for row in rows
    ]
    title = "Share of negative decisions that this feature turns alone, with 95 % interval"
    spec = charts.bars(drawn, takeaway=takeaway, table="features", title=title)
    return figure("features", "What turns a negative decision alone", takeaway, spec, "features")

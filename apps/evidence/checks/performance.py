from typing import Any

from apps.evidence.checks import predicted_numbers
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

GROUPS = [
    ("group", "Group", "text"),
    ("n", "n", "count"),
    ("accuracy", "Accuracy", "number"),
    ("accuracy_interval", "95 % interval", "interval"),
    ("auc", "Area", "number"),
    ("auc_interval", "95 % interval", "interval"),
]
ERRORS = [
    ("group", "Group", "text"),
    ("base", "Positive outcomes", "share", 1),
    ("recall", "Recall", "number"),
    ("false_positive_rate", "False positives", "number"),
    ("precision", "Precision", "number"),
]
CURVE = [("fpr", "False positive rate", "number"), ("tpr", "True positive rate", "number")]
CALIBRATION = [
    ("predicted", "Predicted", "number"),
    ("observed", "Observed", "number"),
    ("interval", "95 % interval", "interval"),
    ("n", "n", "count"),
]


class Performance(Check):
    """How well the model separates and how well its scores are calibrated, with intervals, overall and by group.

    Source: Regulation (EU) 2024/1689 Art. 15; SR 26-2 on outcomes analysis."""

    key, title, order, version = "performance", "Performance", 20, "1.3.0"
    reads = ("scored", "test")
    fills = ("performance_report",)
    metrics = (
        Metric("auc", "Area under the ROC curve"),
        Metric("accuracy", "Accuracy"),
        Metric("recall", "Recall (true positive rate)"),
        Metric("false_positive_rate", "False positive rate"),
        Metric("precision", "Precision"),
        Metric("brier", "Brier score"),
        Metric("calibration_error", "Mean calibration gap"),
        Metric("lowest_group_auc", "Area under the curve of the weakest group"),
        Metric("mae", "Mean size of an error (MAE)"),
        Metric("rmse", "Root of the mean squared error (RMSE)"),
        Metric("bias", "Mean error, predicted minus true"),
        Metric("r2", "Share of variance explained (R²)"),
        Metric("median_error", "Size of error that half of the predictions keep under"),
        Metric("rows", "Rows measured", "rows", 0),
    )

    class Params(CheckParams):
        """Columns to compare groups by; without any, the declared protected attributes."""

        by: list[str] = []
        WORDS = {
            "by": ("Columns to compare groups by", "Without any, the declared protected attributes."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[
            {"y": 1, "p": 1, "s": 0.9},
            {"y": 1, "p": 0, "s": 0.4},
            {"y": 0, "p": 0, "s": 0.2},
            {"y": 0, "p": 0, "s": 0.3},
        ],
        subject={"target": "y", "prediction": "p", "score": "s"},
        expect={"auc": 1.0, "accuracy": 0.75, "recall": 0.5, "precision": 1.0, "false_positive_rate": 0.0},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Outcome by decision, and outcome by score cell, per group and overall."""
        from apps.evidence.kernels import counts, decisions

        if subject.facts.get("output_kind") == "regression":
            return predicted_numbers.plan(subject, params.by)
        target, decision = decisions.target_axis(subject), decisions.decision_axis(subject)
        if target is None:
            raise Unmeasurable(
                f"{subject.name} names no target column, so predictions cannot be compared with outcomes."
            )
        score, unscored = decisions.measured_score(subject)
        plan = {
            "axes": decisions.group_axes(subject, params.by) if decisions.has_groups(subject, params.by) else [],
            "target": target,
            "decision": decision,
            "score": score,
            "rows": subject.rows,
            "name": subject.name,
            "words": decisions.decision_words(subject),
            "notes": [
                note
                for note in (unscored, decisions.other_outcomes(subject), decisions.ungrouped(subject, params.by))
                if note
            ],
            "is_holdout": subject.facts.get("is_holdout"),
        }
        return {
            "plan": plan,
            "tables": {_name(by): counts.empty(*by, target, decision) for by in _every(plan)},
            "scores": {_name(by): counts.empty(*by, score, target) for by in _every(plan)} if score else {},
        }

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count, per group and overall."""
        from apps.evidence.kernels import counts, states

        if "numbers" in state["plan"]:
            return predicted_numbers.update(state, batch)
        plan, target = state["plan"], state["plan"]["target"]
        tables = {_name(by): counts.joint(batch, *by, target, plan["decision"]) for by in _every(plan)}
        scores = {}
        if plan["score"]:
            scores = {_name(by): counts.joint(batch, *by, plan["score"], target) for by in _every(plan)}
        return states.add(state, {"plan": plan, "tables": tables, "scores": scores})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Metrics with intervals, tables by group, the ROC curve and the calibration."""
        from apps.evidence.kernels import decisions

        if "numbers" in state["plan"]:
            return self._of_numbers(state)
        plan, sides = state["plan"], self._sides(state, "")
        n = int(sides.sum())
        if not n:
            raise Unmeasurable(f"{plan['name']} holds no row with both an outcome and a prediction.")
        found = self._rates(sides) | self._scored(state, "")
        rows, weakest = self._groups(state)
        figures, more = self._figures(state, found) if plan["score"] else ([], [])
        by_group = [table("groups", "Performance by group", GROUPS, rows, decisions.small_note())] if rows else []
        errors = [table("errors", "Errors by group", ERRORS, rows, decisions.small_note())] if rows else []
        filled = {"by_group": any(row.get("accuracy") is not None for row in rows), "uncertainty": True}
        if plan["is_holdout"] is not None:
            filled["holdout"] = bool(plan["is_holdout"])
        return Result(
            _takeaway(found, n, weakest),
            types={"performance_report": filled},
            metrics=self.measured(**found, lowest_group_auc=weakest[1] if weakest else None, rows=n),
            tables=[*(by_group or [_matrix(sides)]), *errors, *more, *([_matrix(sides)] if by_group else [])],
            figures=figures,
            limits=_limits(plan, n),
            method={
                "Measure": "Outcomes against decisions, and ranking and calibration of scores, overall and by group",
                "Decision": plan["words"],
                "Intervals": "Wilson for rates, DeLong on the log-odds scale for areas, Student's t for the Brier score, 95 %",
                "Score cells": _cells(state),
            },
        )

    def _of_numbers(self, state: dict[str, Any]) -> Result:
        """The result for a version that predicts a number."""
        plan, found = state["plan"], predicted_numbers.measured(state)
        filled = {"by_group": bool(plan["axes"]), "uncertainty": True}
        if plan["is_holdout"] is not None:
            filled["holdout"] = bool(plan["is_holdout"])
        takeaway = predicted_numbers.takeaway(found, state)
        return Result(
            takeaway,
            types={"performance_report": filled},
            metrics=self.measured(**found),
            tables=predicted_numbers.tables(state),
            figures=predicted_numbers.figures(state, takeaway),
            limits=_limits(plan, found["rows"]),
            method={
                "Measure": f"{plan['numbers'][1]} minus {plan['numbers'][0]} in every row that has both as numbers",
                "Intervals": "For large samples: means by their variance, RMSE on the log scale, R² by its influence function, 95 %",
                "Sizes": f"Ranks among {whole(len(state['sample']))} rows drawn at random, at most {whole(predicted_numbers.SAMPLE)}",
            },
        )

    def _sides(self, state: dict[str, Any], name: str) -> Any:
        from apps.evidence.kernels import decisions

        plan = state["plan"]
        folded = decisions.two_sided(state["tables"][name], plan["decision"], -1)
        return decisions.two_sided(folded, plan["target"], folded.ndim - 2)

    def _rates(self, sides: Any) -> dict[str, Any]:
        """Accuracy, recall, false positive rate and precision with intervals, from a 2 x 2 table [outcome, decision]."""
        from apps.evidence.kernels import intervals

        (tn, fp), (fn, tp) = [[int(cell) for cell in row] for row in sides]
        parts = {
            "accuracy": (tp + tn, tp + tn + fp + fn),
            "recall": (tp, tp + fn),
            "false_positive_rate": (fp, fp + tn),
            "precision": (tp, tp + fp),
        }
        return {name: (events / n, *intervals.wilson(events, n)) for name, (events, n) in parts.items() if n}  # type: ignore[misc]

    def _scored(self, state: dict[str, Any], name: str, row: int | None = None) -> dict[str, Any]:
        """Area, Brier score and calibration gap of all rows or of one group."""
        import numpy as np

        from apps.evidence.kernels import decisions, intervals

        plan = state["plan"]
        if not plan["score"]:
            return {}
        table = np.asarray(state["scores"][name])
        sides = decisions.two_sided(table if row is None else table[row], plan["target"], 1)[
            : len(plan["score"]["middles"])
        ]
        found: dict[str, Any] = {"auc": intervals.area(sides[:, 1], sides[:, 0])}
        middles = np.asarray(plan["score"]["middles"])
        if middles.size and middles.min() >= 0 and middles.max() <= 1 and sides.sum():
            found["brier"] = intervals.mean(np.stack([middles, 1 - middles], axis=1) ** 2, sides)
            bins = calibration(middles, sides)
            found["calibration_error"] = (
                sum(abs(bin["observed"] - bin["predicted"]) * bin["n"] for bin in bins) / sides.sum()
            )
        return found

    def _groups(self, state: dict[str, Any]) -> tuple[list[dict[str, Any]], tuple[str, float] | None]:
        """A row per group, and the group with the smallest area among those large enough."""
        from apps.evidence.kernels import decisions

        rows, areas = [], []
        for axis in state["plan"]["axes"]:
            sides = self._sides(state, axis["column"])[: len(axis["labels"])]
            sizes = [int(side.sum()) for side in sides]
            for place, (label, n, reading) in enumerate(
                zip(axis["labels"], sizes, decisions.readings(sizes), strict=True)
            ):
                row: dict[str, Any] = {"group": f"{axis['column']}: {label}", "n": decisions.shown_count(n, reading)}
                if reading == "shown":
                    rates = self._rates(sides[place])
                    row |= {name: value[0] for name, value in rates.items()}
                    row |= {"base": float(sides[place][1].sum() / n), "accuracy_interval": list(rates["accuracy"][1:])}
                    auc = self._scored(state, axis["column"], place).get("auc")
                    if auc:
                        row |= {"auc": auc[0], "auc_interval": list(auc[1:])}
                        areas.append((auc[0], row["group"]))
                rows.append(row)
        weakest = min(areas, default=None)
        return rows, (weakest[1], weakest[0]) if weakest else None

    def _figures(
        self, state: dict[str, Any], found: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The ROC curve and the calibration, each with its table."""
        from apps.evidence.kernels import decisions

        score = state["plan"]["score"]
        sides = decisions.two_sided(state["scores"][""], state["plan"]["target"], 1)[: len(score["middles"])]
        pairs = [_roc(sides, found["auc"])] if found.get("auc") else []
        if found.get("calibration_error") is not None:
            pairs.append(_calibrated(score["middles"], sides, found["calibration_error"]))
        return [drawn for drawn, _ in pairs], [numbers for _, numbers in pairs]


def _takeaway(found: dict[str, Any], n: int, weakest: tuple[str, float] | None) -> str:
    auc = found.get("auc")
    if not auc:
        return f"Accuracy is {found['accuracy'][0]:.3f} on {whole(n)} rows."
    text = f"The area under the ROC curve is {auc[0]:.3f} on {whole(n)} rows. The 95 % interval is {auc[1]:.3f} to {auc[2]:.3f}."
    return text + (f" The weakest group is {weakest[0]} with {weakest[1]:.3f}." if weakest else "")


def _limits(plan: dict[str, Any], n: int) -> list[str]:
    found = [
        *plan["notes"],
        "Performance on rows of a later time than the training data is attested, not measured here.",
    ]
    if plan["is_holdout"] is None:
        found.append(
            "Whether these rows were kept out of training is not known: no training data with a digest is linked."
        )
    if plan["rows"] > n:
        found.append(f"{whole(plan['rows'] - n)} rows without outcome or prediction were left out.")
    return found


def _matrix(sides: Any) -> dict[str, Any]:
    """Decisions against outcomes."""
    columns = [
        ("outcome", "True outcome", "text"),
        ("no", "Decided negative", "count"),
        ("yes", "Decided positive", "count"),
    ]
    rows = [
        {"outcome": word, "no": int(side[0]), "yes": int(side[1])}
        for word, side in zip(("negative", "positive"), sides, strict=True)
    ]
    return table("matrix", "Decisions against outcomes", columns, rows)


def _roc(sides: Any, auc: tuple[float, float, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    from apps.evidence.kernels import charts, intervals

    said = f"ROC curve: the area is {auc[0]:.3f}, with a 95 % interval from {auc[1]:.3f} to {auc[2]:.3f}."
    curve = intervals.curve(sides[:, 1], sides[:, 0])
    axes: dict[str, Any] = {
        "x": "False positive rate",
        "y": "True positive rate",
        "x_domain": [0, 1],
        "y_domain": [0, 1],
    }
    spec = charts.lines({"model": curve}, takeaway=said, table="roc", diagonal="chance", **axes)
    some = [{"fpr": x, "tpr": y} for x, y in curve[:: max(1, len(curve) // 10)]]
    title = "ROC curve; the dotted line is chance"
    return figure("roc", title, said, spec, "roc"), table("roc", "Points of the ROC curve", CURVE, some)


def _calibrated(middles: Any, sides: Any, gap: float) -> tuple[dict[str, Any], dict[str, Any]]:
    import numpy as np

    from apps.evidence.kernels import charts

    bins = calibration(np.asarray(middles), sides)
    said = f"Calibration: in {len(bins)} groups of equal size, observed and predicted shares differ by {gap:.3f} on average."
    drawn = [
        {"x": bin["predicted"], "y": bin["observed"], "low": bin["interval"][0], "high": bin["interval"][1]}
        for bin in bins
    ]
    axes: dict[str, Any] = {
        "x": "Predicted share",
        "y": "Observed share, with 95 % interval",
        "x_domain": [0, 1],
        "y_domain": [0, 1],
    }
    spec = charts.points(drawn, takeaway=said, table="calibration", diagonal="equal", **axes)
    title = "Predicted and observed shares; the dotted line is where they are equal"
    return figure("calibration", title, said, spec, "calibration"), table(
        "calibration", "Calibration", CALIBRATION, bins
    )


def calibration(middles: Any, sides: Any, bins: int = 10) -> list[dict[str, Any]]:
    """Groups of about equal size in order of score: mean score, observed share with interval, and size."""
    import numpy as np

    from apps.evidence.kernels import intervals

    sizes = sides.sum(axis=1)
    total = int(sizes.sum())
    place = np.minimum((np.cumsum(sizes) - sizes / 2) * bins // max(total, 1), bins - 1).astype(int)
    found = []
    for number in range(bins):
        inside = place == number
        n = int(sizes[inside].sum())
        if n:
            events = int(sides[inside, 1].sum())
            mean = float((middles[inside] * sizes[inside]).sum() / n)
            found.append(
                {"predicted": mean, "observed": events / n, "interval": list(intervals.wilson(events, n) or ()), "n": n}
            )
    return found


def _every(plan: dict[str, Any]) -> list[Any]:
    return [(), *((axis,) for axis in plan["axes"])]


def _name(by: Any) -> str:
    return by[0]["column"] if by else ""


def _cells(state: dict[str, Any]) -> str:
    from apps.evidence.kernels import decisions

    plan = state["plan"]
    if not plan["score"]:
        return "no score column"
    count = len(plan["score"]["middles"])
    if count < decisions.SCORE_CELLS:
        return f"{count:,} distinct values, exact"
    negatives, positives = decisions.two_sided(state["scores"][""], plan["target"], 1)[:count].T.astype(float)
    pairs = negatives.sum() * positives.sum()
    most = (
        float((negatives * positives).sum() / pairs / 2) if pairs else 0.0
    )  # as if every pair of a cell stood one way
    return f"{count:,}, at values drawn at random and at equal distances; the area is exact to {most:.1g}"

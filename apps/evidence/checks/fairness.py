from itertools import combinations, product
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
    whole,
)

DECISIONS = [
    ("n", "n", "count"),
    ("selected", "Positive", "count"),
    ("rate", "Rate", "number"),
    ("rate_interval", "95 % interval", "interval"),
    ("ratio", "Ratio", "number", 2),
    ("ratio_interval", "95 % interval", "interval", 2),
    ("reading", "Reading", "reading"),
]
ERRORS = [
    ("z", "z", "number", 2),
    ("p", "p, corrected", "number"),
    ("true_positive_rate", "True positives", "number"),
    ("false_positive_rate", "False positives", "number"),
    ("precision", "Precision", "number"),
]
MEANS = [("mean_difference", "Mean score, in deviations", "number", 2)]
ERRORS_NOTE = (
    "Rates among those with a positive, or a negative, outcome. z and p compare decisions with the reference group, "
    "so does the standardised mean difference: mean score of the group less that of the reference, in standard deviations of all."
)


class Fairness(Check):
    """How decisions and errors differ between protected groups and their intersections, with intervals.

    Source: fairlearn's definitions; 29 CFR 1607.4(D) for the four-fifths flag; 6 RCNY 5-301 for impact ratios."""

    key, title, order, version = "fairness", "Fairness", 22, "1.4.0"
    reads = ("scored", "test")
    fills = ("fairness_report", "adverse_impact")
    metrics = (
        Metric("min_impact_ratio", "Lowest impact ratio of a group"),
        Metric("min_intersection_ratio", "Lowest impact ratio of an intersection"),
        Metric("selection_rate_difference", "Largest difference of selection rates"),
        Metric("equalised_odds_difference", "Equalised odds difference"),
        Metric("groups", "Groups compared", "groups", 0),
        Metric("four_fifths_flags", "Groups under the four-fifths line with an interval below 1", "groups", 0),
        Metric("rows", "Rows measured", "rows", 0),
    )

    class Params(CheckParams):
        """Columns to compare groups by (without any, the declared protected attributes), and the line for flags."""

        by: list[str] = []
        limit: float = 0.8
        BOUNDS = {"limit": (0.0, 1.0)}
        WORDS = {
            "by": ("Columns to compare groups by", "Without any, the declared protected attributes."),
            "limit": ("Line for flags", "A group with a lower impact ratio is flagged; the four-fifths line is 0.8."),
        }
        NAMES = {"by": "columns"}

    example = Example(
        rows=[
            *({"sex": "f", "y": number % 2, "p": int(number < 20)} for number in range(40)),
            *({"sex": "m", "y": number % 2, "p": int(number < 40)} for number in range(50)),
        ],
        params={"by": ["sex"]},
        subject={"target": "y", "prediction": "p"},
        expect={"min_impact_ratio": 0.625, "selection_rate_difference": 0.3, "groups": 2, "four_fifths_flags": 1},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Group by outcome by decision, per attribute and per pair of attributes."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        decision, target = decisions.decision_axis(subject), decisions.target_axis(subject)
        score, _unscored = decisions.measured_score(subject)
        plan = {
            "axes": axes,
            "crossings": [list(pair) for pair in combinations(axes[:4], 2)],
            "decision": decision,
            "outcome": target or decision,
            "has_target": target is not None,
            "limit": params.limit,
            "rows": subject.rows,
            "seed": subject.seed,
            "words": decisions.decision_words(subject),
            "score": score,
            "notes": [
                note for note in (decisions.other_outcomes(subject), decisions.ungrouped(subject, params.by)) if note
            ],
        }
        return {
            "plan": plan,
            "tables": {_name(by): counts.empty(*by, plan["outcome"], decision) for by in _every(plan)},
            "scores": {axis["column"]: counts.empty(axis, plan["score"]) for axis in axes if plan["score"]},
        }

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count outcomes and decisions per group and per intersection."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        found = {_name(by): counts.joint(batch, *by, plan["outcome"], plan["decision"]) for by in _every(plan)}
        scored = [axis for axis in plan["axes"] if plan["score"]]
        scores = {axis["column"]: counts.joint(batch, axis, plan["score"]) for axis in scored}
        return states.add(state, {"plan": plan, "tables": found, "scores": scores})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Tables per attribute and of intersections, flags, intervals and the figure of ratios."""
        plan = state["plan"]
        rows = [row for axis in plan["axes"] for row in self._compare(state, [axis])]
        crossed = [row for pair in plan["crossings"] for row in self._compare(state, pair) if row["size"]]
        compared = [row for row in rows if row.get("ratio") is not None]
        if not compared:
            raise Unmeasurable(
                f"No attribute has a group of {SMALLEST_GROUP} rows or more, so nothing can be compared. It needs more rows, or "
                "coarser groups that the data steward declares."
            )
        others = [row for row in compared if row["reading"] != "reference"]
        if not others and any(row.get("rate") is not None and row["reading"] != "reference" for row in rows):
            raise Unmeasurable(
                f"No row of a group that is large enough is decided positively ({plan['words']}), so rates cannot be compared. "
                "The developer registers the version with the positive label of its data, or links data that hold such decisions.",
                code="NOBODY_CHOSEN",
            )
        lowest = min(others, key=lambda row: row["ratio"], default=compared[0])
        lowest = lowest | {"interval": self._interval(state, lowest, compared)}
        tables = _tables(plan, rows, crossed)
        takeaway = _takeaway(lowest, rows, plan)
        return Result(
            takeaway,
            types=_types(plan, rows, crossed, lowest),
            metrics=self._metrics(state, rows, crossed, lowest),
            tables=tables,
            figures=[_figure(compared, takeaway, tables[0]["key"], plan["limit"])],
            limits=_limits(plan, rows, crossed),
            method={
                "Measure": "Share of positive decisions per group, divided by the highest share of a group of 30 rows or more",
                "Decision": plan["words"],
                "Error rates": self._confirmed(state),
                "Intervals": "Wilson for rates, log ratio for ratios, 95 %; of a lowest or largest one all pairs of groups together",
                "Flag": f"Ratio under {plan['limit']:g} and interval below 1; watch when only one of both holds",
                "Tests": "Two-proportion z, Fisher's where an expected count is under 5, Holm-corrected per attribute",
            },
        )

    def _sides(self, state: dict[str, Any], by: list[Any]) -> Any:
        """Counts [group, outcome, decision] of the named groups, those of several attributes in one row."""
        from apps.evidence.kernels import decisions

        plan = state["plan"]
        folded = decisions.two_sided(state["tables"][_name(by)], plan["decision"], len(by) + 1)
        folded = decisions.two_sided(folded, plan["outcome"], len(by))
        return folded[tuple(slice(len(axis["labels"])) for axis in by)].reshape(-1, 2, 2)

    def _interval(self, state: dict[str, Any], lowest: dict[str, Any], compared: list[dict[str, Any]]) -> Any:
        """The interval of the lowest ratio of an attribute: of two groups their own, of more one that holds all pairs together."""
        from apps.evidence.kernels import gaps

        plan = state["plan"]
        if sum(row["attribute"] == lowest["attribute"] for row in compared) < 3:
            return lowest.get("ratio_interval")
        (axis,) = (axis for axis in plan["axes"] if axis["column"] == lowest["attribute"])
        sides = self._sides(state, [axis])
        large = sides[sides.sum(axis=(1, 2)) >= SMALLEST_GROUP]
        return gaps.lowest_ratio(large[..., 1].sum(axis=1), large.sum(axis=(1, 2)), seed=plan["seed"])

    def _confirmed(self, state: dict[str, Any]) -> str:
        """In words that fairlearn gives the same rates. Raises Unmeasurable when it does not."""
        import numpy as np

        from apps.evidence.kernels import fairness

        sides = np.concatenate([self._sides(state, [axis]) for axis in state["plan"]["axes"]])
        gap = fairness.gap_to_fairlearn(sides)
        if gap > fairness.EXACT:
            raise Unmeasurable(
                f"The rates by group differ from fairlearn's by {gap:.1g}. Report this as a defect; no rate is stated."
            )
        return f"From counts; fairlearn's MetricFrame gives the same from these counts, to {fairness.EXACT:g}"

    def _compare(self, state: dict[str, Any], by: list[Any]) -> list[dict[str, Any]]:
        from apps.evidence.kernels import comparing

        plan = state["plan"]
        names = [" · ".join(parts) for parts in product(*(axis["labels"] for axis in by))]
        found = comparing.compare(self._sides(state, by), names, limit=plan["limit"], has_target=plan["has_target"])
        if plan["score"] and len(by) == 1:
            comparing.add_mean_differences(found, state["scores"][_name(by)], plan["score"]["middles"])
        return [{"attribute": _name(by), **row} for row in found]

    def _metrics(
        self, state: dict[str, Any], rows: list[Any], crossed: list[Any], lowest: dict[str, Any]
    ) -> list[dict[str, Any]]:
        from apps.evidence.kernels import comparing

        plan = state["plan"]
        found = [
            comparing.differences(self._sides(state, [axis]), has_target=plan["has_target"], seed=plan["seed"])
            for axis in plan["axes"]
        ]
        largest = {
            name: max((gaps[name] for gaps in found if name in gaps), key=lambda gap: gap[0], default=None)
            for name in ("selection", "odds")
        }
        return self.measured(
            min_impact_ratio=None
            if lowest["reading"] == "reference"
            else (lowest["ratio"], *(lowest["interval"] or (None, None))),
            min_intersection_ratio=min((row["ratio"] for row in crossed if row.get("ratio") is not None), default=None),
            selection_rate_difference=largest["selection"],
            equalised_odds_difference=largest["odds"],
            groups=_compared(rows),
            four_fifths_flags=sum(row["flagged"] for row in rows),
            rows=_measured(plan, rows),
        )


def _every(plan: dict[str, Any]) -> list[list[Any]]:
    return [*([axis] for axis in plan["axes"]), *plan["crossings"]]


def _name(by: list[Any]) -> str:
    return " x ".join(axis["column"] for axis in by)


def _compared(rows: list[Any]) -> int:
    return sum(row["reading"] != "insufficient" for row in rows)


def _measured(plan: dict[str, Any], rows: list[Any]) -> int:
    """Rows of the first attribute that had a group, an outcome and a decision."""
    return sum(row["size"] for row in rows if row["attribute"] == plan["axes"][0]["column"])


def _types(
    plan: dict[str, Any], rows: list[Any], crossed: list[Any], lowest: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    report = {
        "metrics": 7 if plan["has_target"] else 3,
        "groups": _compared(rows),
        "ci_reported": True,
        "small_cells_handled": True,
        "intersectional": bool(crossed),
    }
    if lowest["reading"] != "reference":  # one group alone is compared with nobody
        report["min_impact_ratio"] = lowest["ratio"]
    impact = {"impact_ratio_by_group": True, "significance_tested": True, "small_n_flagged": True, "stages": 1}
    return {"fairness_report": report, "adverse_impact": impact}


def _takeaway(lowest: dict[str, Any], rows: list[Any], plan: dict[str, Any]) -> str:
    if lowest["reading"] == "reference":
        return f"Only one group of {lowest['attribute']} is large enough to be measured, so there is nothing to compare it with."
    text = f"By {lowest['attribute']}, {lowest['group']} is decided positively at {lowest['ratio']:.2f} of the highest rate. "
    if lowest["interval"]:
        low, high = lowest["interval"]
        text += f"The 95 % interval of this ratio is {low:.2f} to {high:.2f}, on {whole(lowest['size'])} rows. "
    side = "under" if lowest["ratio"] < plan["limit"] else "not under"
    text += f"That is {side} the four-fifths line of {plan['limit']:.2f}."
    flags = sum(row["flagged"] for row in rows)
    return text + (f" {flags} groups are flagged." if flags > 1 else "")


def _tables(plan: dict[str, Any], rows: list[Any], crossed: list[Any]) -> list[dict[str, Any]]:
    """Decisions per attribute and of intersections, then tests and errors."""
    from apps.evidence.kernels import decisions

    note, found = decisions.small_note(), []
    errors = [*(MEANS if plan["score"] else []), *(ERRORS if plan["has_target"] else ERRORS[:2])]
    for axis in plan["axes"]:
        name = axis["column"]
        own = [_shown(row) for row in rows if row["attribute"] == name]
        found.append(table(f"by-{name}", f"Decisions by {name}", [("group", name, "text"), *DECISIONS], own, note))
    if crossed:
        own = [_shown({**row, "group": f"{row['attribute']}: {row['group']}"}) for row in crossed]
        columns = [("group", "Intersection", "text"), *(column for column in DECISIONS if column[0] != "selected")]
        found.append(table("intersections", "Decisions by intersection of two attributes", columns, own, note))
    tested = [_shown({**row, "group": f"{row['attribute']}: {row['group']}", "flagged": False}) for row in rows]
    title = "Errors and tests by group" if plan["has_target"] else "Tests by group"
    return [*found, table("errors", title, [("group", "Group", "text"), *errors], tested, ERRORS_NOTE)]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what only computing needs: true sizes and uncorrected tests."""
    return {key: value for key, value in row.items() if key not in {"size", "raw", "attribute"} and value is not None}


def _figure(rows: list[Any], takeaway: str, key: str, limit: float) -> dict[str, Any]:
    """Ratios with intervals against the line."""
    from apps.evidence.kernels import charts

    drawn = []
    for row in rows[:24]:
        low, high = row.get("ratio_interval") or (None, None)
        text = f"{row['ratio']:.2f}" + (f" ({low:.2f}–{high:.2f})" if low is not None else "")
        text = "reference" if row["reading"] == "reference" else text + (" · flag" if row["flagged"] else "")
        group = f"{row['attribute']}: {row['group']}"
        drawn.append(
            {"group": group, "value": row["ratio"], "low": low, "high": high, "text": text, "flagged": row["flagged"]}
        )
    spec = charts.intervals(
        drawn,
        takeaway=takeaway,
        table=key,
        title="Rate of positive decisions divided by that of the reference group, with 95 % interval",
        limit=(limit, f"line {limit:.2f}"),
        reference=(1.0, "equal rates"),
    )
    return figure("ratios", "Impact ratio by group, point and 95 % interval", takeaway, spec, key)


def _limits(plan: dict[str, Any], rows: list[Any], crossed: list[Any]) -> list[str]:
    found = [*plan["notes"], "Why the rates differ is not shown; partial dependence and proxies look at that."]
    small = len(crossed) - _compared(crossed)
    if small:
        found.append(
            f"{small} of {len(crossed)} intersections hold fewer than {SMALLEST_GROUP} rows and are not compared."
        )
    if not plan["has_target"]:
        found.append("Error rates by group are not shown: no true outcome is linked.")
    left_out = plan["rows"] - _measured(plan, rows)
    if left_out:
        found.append(f"{whole(left_out)} rows without group, outcome or decision were left out.")
    return found

from itertools import combinations
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

DRAWS = 1000
FEWEST_EVENTS = 5


class Fairness(Check):
    """How decisions and errors differ between protected groups and their intersections, with intervals. Source: fairlearn's definitions; 29 CFR 1607.4(D) for the four-fifths flag; NYC 6 RCNY 5-301 for impact ratios."""

    key, title, order = "fairness", "Fairness", 22
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

    example = Example(
        rows=[{"sex": "f", "y": i % 2, "p": int(i < 20)} for i in range(40)] + [{"sex": "m", "y": i % 2, "p": int(i < 40)} for i in range(50)],
        params={"by": ["sex"]},
        subject={"target": "y", "prediction": "p"},
        expect={"min_impact_ratio": 0.625, "selection_rate_difference": 0.3, "groups": 2, "four_fifths_flags": 1},
    )  # fmt: skip

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Group by outcome by decision, per attribute and per pair of attributes."""
        from apps.evidence.kernels import counts, decisions

        axes = decisions.group_axes(subject, params.by)
        if not axes:
            raise Unmeasurable(
                "No column is declared as a protected attribute. The data steward declares them in the catalog."
            )
        decision, target = decisions.decision_axis(subject), decisions.target_axis(subject)
        crossings = [list(pair) for pair in combinations(axes[:4], 2)]
        outcome = target or decision
        plan = {
            "axes": axes, "crossings": crossings, "decision": decision, "outcome": outcome, "has_target": target is not None,
            "limit": params.limit, "rows": subject.rows, "name": subject.name, "seed": subject.seed, "words": decisions.decision_words(subject),
        }  # fmt: skip
        return {"plan": plan, "tables": {_name(by): counts.empty(*by, outcome, decision) for by in _every(plan)}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count outcomes and decisions per group and per intersection."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        found = {_name(by): counts.joint(batch, *by, plan["outcome"], plan["decision"]) for by in _every(plan)}
        return states.add(state, {"plan": plan, "tables": found})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Tables per attribute and of intersections, flags, intervals and the figure of ratios."""
        plan, tables, everyone, differences = state["plan"], [], [], []
        for axis in plan["axes"]:
            rows, difference = self._compare(state, [axis])
            everyone += rows
            differences.append(difference)
            tables.append(self._table(axis["column"], f"Decisions by {axis['column']}", rows, plan["has_target"]))
        measured = int(sum(row["size"] for row in everyone if row["attribute"] == plan["axes"][0]["column"]))
        crossed = [row for pair in plan["crossings"] for row in self._compare(state, pair)[0]]
        if crossed:
            tables.append(
                self._table("intersections", "Decisions by intersection of two attributes", crossed, plan["has_target"])
            )
        compared = [row for row in everyone if row.get("ratio") is not None]
        if not compared:
            raise Unmeasurable(
                f"No attribute has two groups of {SMALLEST_GROUP} rows or more, so nothing can be compared."
            )
        lowest = min(
            (row for row in compared if row["reading"] != "reference"),
            key=lambda row: row["ratio"],
            default=compared[0],
        )
        flags = [row for row in compared if row["reading"] == "flag"]
        crossing = min((row["ratio"] for row in crossed if row.get("ratio") is not None), default=None)
        takeaway = self._takeaway(lowest, flags, plan)
        return Result(
            takeaway,
            types=self._types(plan, everyone, crossed, lowest),
            metrics=self.measured(
                min_impact_ratio=(lowest["ratio"], *lowest.get("ratio_interval", (None, None))),
                min_intersection_ratio=crossing,
                selection_rate_difference=_largest(differences, "selection"),
                equalised_odds_difference=_largest(differences, "odds"),
                groups=len([row for row in everyone if row["reading"] != "insufficient"]),
                four_fifths_flags=len(flags),
                rows=measured,
            ),
            tables=[{**found, "rows": [_shown(row) for row in found["rows"]]} for found in tables],
            figures=self._figures(compared, takeaway, tables[0]["key"], plan["limit"]),
            limits=self._limits(plan, crossed, measured),
            method={
                "Measure": "Share of positive decisions per group, divided by that of the group with the highest share (groups of 30 rows or more)",
                "Decision": plan["words"],
                "Error rates": "fairlearn MetricFrame on count rows, weighted by their counts",
                "Intervals": f"Wilson for rates, log ratio for ratios, {DRAWS} multinomial replicates for differences, 95 %",
                "Flag": f"Ratio under {plan['limit']:g} and interval below 1; watch when only one of both holds",
                "Tests": "Two-proportion z, Fisher's exact test where an expected count is under 5, Holm-corrected",
            },
        )  # fmt: skip

    def _sides(self, state: dict[str, Any], by: list[Any]) -> Any:
        """Counts [group..., outcome, decision] of the named groups only."""
        from apps.evidence.kernels import decisions

        plan = state["plan"]
        folded = decisions.two_sided(state["tables"][_name(by)], plan["decision"], len(by) + 1)
        folded = decisions.two_sided(folded, plan["outcome"], len(by))
        return folded[tuple(slice(len(axis["labels"])) for axis in by)]

    def _compare(self, state: dict[str, Any], by: list[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Rows per group against the group with the highest rate, and the largest differences with intervals."""
        from itertools import product

        from apps.evidence.kernels import decisions, fairness, intervals

        plan = state["plan"]
        sides = self._sides(state, by)
        flat = sides.reshape(-1, 2, 2)
        names = [" · ".join(parts) for parts in product(*(axis["labels"] for axis in by))]
        sizes = [int(side.sum()) for side in flat]
        large = [place for place, n in enumerate(sizes) if n >= SMALLEST_GROUP]
        frame = fairness.frame(flat, [names]) if plan["has_target"] and any(sizes) else {"groups": {}}
        best = max(large, key=lambda place: (flat[place][:, 1].sum() / sizes[place], sizes[place]), default=None)
        rows = []
        for place, reading in enumerate(decisions.readings(sizes)):
            if not sizes[place] and len(by) > 1:
                continue
            row = {
                "attribute": _name(by),
                "group": names[place],
                "size": sizes[place],
                "n": decisions.shown_count(sizes[place], reading),
            }
            row |= {"reading": "insufficient", "flagged": False}
            if reading == "shown" and best is not None:
                row |= self._row(flat, place, best, frame["groups"].get((names[place],), {}), plan["limit"])
            rows.append(row)
        tested = [row for row in rows if row.get("raw") is not None]
        for row, p in zip(tested, intervals.holm([row["raw"] for row in tested]), strict=True):
            row["p"] = p
        return rows, self._differences(flat[large], plan) if len(large) > 1 else {}

    def _row(self, flat: Any, place: int, best: int, errors: dict[str, Any], limit: float) -> dict[str, Any]:
        """Rate, ratio, tests and reading of one group."""
        from apps.evidence.kernels import intervals

        selected, n = int(flat[place][:, 1].sum()), int(flat[place].sum())
        top, of = int(flat[best][:, 1].sum()), int(flat[best].sum())
        row: dict[str, Any] = {
            "selected": selected,
            "rate": selected / n,
            "rate_interval": list(intervals.wilson(selected, n) or ()),
        }
        row |= {
            name: errors.get(name)
            for name in ("true_positive_rate", "false_positive_rate", "false_negative_rate", "precision", "accuracy")
        }
        if place == best:
            return row | {"ratio": 1.0, "reading": "reference"}
        found = intervals.ratio(selected, n, top, of)
        z, p = intervals.two_rates(selected, n, top, of)
        row |= {"z": z, "raw": p, "ratio": found[0] if found else (selected / n) / (top / of) if top else None}
        below, clear = row["ratio"] is not None and row["ratio"] < limit, False
        if found:
            row["ratio_interval"], clear = list(found[1:]), found[2] < 1
        if row["ratio"] is None or selected < FEWEST_EVENTS:
            row["reading"] = "few_events"
        else:
            row["reading"] = "flag" if below and clear else "watch" if below or clear else "none"
        return row | {"flagged": row["reading"] == "flag"}

    def _differences(self, groups: Any, plan: dict[str, Any]) -> dict[str, Any]:
        """The largest differences between groups, with intervals from replicates of the whole table."""
        from apps.evidence.kernels import fairness, intervals

        selection = groups.sum(axis=1)
        found = {"selection": (float(fairness.rate_difference(selection)), *(intervals.percentile_interval(
            selection, fairness.rate_difference, draws=DRAWS, seed=plan["seed"]) or (None, None)))}  # fmt: skip
        if plan["has_target"] and groups.sum(axis=-1).min() > 0:
            value = float(fairness.odds_difference(groups))
            found["odds"] = (
                value,
                *(
                    intervals.percentile_interval(groups, fairness.odds_difference, draws=DRAWS, seed=plan["seed"])
                    or (None, None)
                ),
            )
        return found

    def _types(
        self, plan: dict[str, Any], rows: list[Any], crossed: list[Any], lowest: dict[str, Any]
    ) -> dict[str, dict[str, Any]]:
        report = {
            "metrics": 7 if plan["has_target"] else 3,
            "groups": len([row for row in rows if row["reading"] != "insufficient"]),
            "ci_reported": True,
            "small_cells_handled": True,
            "intersectional": bool(crossed),
            "min_impact_ratio": lowest["ratio"],
        }
        impact = {"impact_ratio_by_group": True, "significance_tested": True, "small_n_flagged": True, "stages": 1}
        return {"fairness_report": report, "adverse_impact": impact}

    def _takeaway(self, lowest: dict[str, Any], flags: list[Any], plan: dict[str, Any]) -> str:
        if lowest["reading"] == "reference":
            return f"Only one group of {lowest['attribute']} is large enough to be measured."
        text = f"By {lowest['attribute']}, {lowest['group']} is decided positively at {lowest['ratio']:.2f} of the rate of the highest group"
        if lowest.get("ratio_interval"):
            text += f" (95 % interval {lowest['ratio_interval'][0]:.2f} to {lowest['ratio_interval'][1]:.2f}, n = {lowest['size']})"
        side = "under" if lowest["ratio"] < plan["limit"] else "not under"
        return f"{text}: {side} the four-fifths line of {plan['limit']:.2f}." + (
            f" {len(flags)} groups are flagged." if len(flags) > 1 else ""
        )

    def _table(self, key: str, title: str, rows: list[Any], has_target: bool) -> dict[str, Any]:
        from apps.evidence.kernels import decisions

        errors = [
            ("true_positive_rate", "True positive rate", "number"),
            ("false_positive_rate", "False positive rate", "number"),
            ("precision", "Precision", "number"),
        ]
        columns = [
            *([("attribute", "Attributes", "text")] if key == "intersections" else []),
            ("group", "Group", "text"), ("n", "n", "count"), ("selected", "Positive", "count"), ("rate", "Rate", "number"), ("rate_interval", "95 % interval", "interval"),
            ("ratio", "Ratio", "number", 2), ("ratio_interval", "95 % interval", "interval", 2), ("z", "z", "number", 2), ("p", "p, corrected", "number"),
            *(errors if has_target else []), ("reading", "Reading", "reading"),
        ]  # fmt: skip
        return table(f"by-{key}" if key != "intersections" else key, title, columns, rows, decisions.small_note())

    def _figures(self, rows: list[Any], takeaway: str, key: str, limit: float) -> list[dict[str, Any]]:
        from apps.evidence.kernels import charts

        drawn = []
        for row in rows[:24]:
            low, high = row.get("ratio_interval") or (None, None)
            text = (
                "reference"
                if row["reading"] == "reference"
                else f"{row['ratio']:.2f}" + (f" ({low:.2f}–{high:.2f})" if low is not None else "")
            )
            drawn.append(
                {"group": f"{row['attribute']}: {row['group']}", "value": row["ratio"], "low": low, "high": high, "flagged": row["flagged"],
                 "text": text + (" · flag" if row["flagged"] else "")}
            )  # fmt: skip
        spec = charts.intervals(
            drawn, takeaway=takeaway, table=key, title="Rate of positive decisions divided by that of the reference group, with 95 % interval",
            limit=limit, limit_label=f"line {limit:.2f}", reference=1.0, reference_label="equal rates",
        )  # fmt: skip
        return [figure("ratios", "Impact ratio by group, point and 95 % interval", takeaway, spec, key)]

    def _limits(self, plan: dict[str, Any], crossed: list[Any], measured: int) -> list[str]:
        small = sum(row["reading"] == "insufficient" for row in crossed)
        found = ["Why the rates differ is not shown; partial dependence and proxies look at that."]
        if small:
            found.append(
                f"{small} of {len(crossed)} intersections hold fewer than {SMALLEST_GROUP} rows and are not compared."
            )
        if not plan["has_target"]:
            found.append("Error rates by group are not shown: no true outcome is linked.")
        if plan["rows"] > measured:
            found.append(f"{plan['rows'] - measured:,} rows without group, outcome or decision were left out.")
        return found


def _every(plan: dict[str, Any]) -> list[list[Any]]:
    return [*([axis] for axis in plan["axes"]), *plan["crossings"]]


def _name(by: list[Any]) -> str:
    return " x ".join(axis["column"] for axis in by)


def _largest(differences: list[dict[str, Any]], name: str) -> Any:
    return max((found[name] for found in differences if name in found), key=lambda found: found[0], default=None)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"size", "raw"} and value is not None}

from collections.abc import Mapping
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

OTHER = "prediction of the other version"
MOST_PAIRS = 100_000
# measure -> label, the band's parameter, whether more is better
MEASURES: dict[str, tuple[str, str, int]] = {
    "auc": ("Area under the curve", "quality", 1),
    "accuracy": ("Accuracy", "quality", 1),
    "recall": ("Recall", "quality", 1),
    "false_positive_rate": ("False positive rate", "quality", -1),
    "precision": ("Precision", "quality", 1),
    "brier": ("Brier score", "quality", -1),
    "selection_rate": ("Positive decisions", "decisions", 0),
}
STOPPING = {"worse", "moved", "open"}
COLUMNS = [
    ("measure", "Measure", "text"),
    ("new", "This version", "number"),
    ("old", "Other version", "number"),
    ("value", "Difference", "number"),
    ("interval", "95 % interval", "interval"),
    ("p", "p, corrected", "number"),
    ("band", "Band", "number"),
    ("reading", "Reading", "reading"),
]
CHANGED = [
    ("outcome", "True outcome", "text"),
    ("both_no", "Both negative", "count"),
    ("to_yes", "Now positive", "count"),
    ("to_no", "Now negative", "count"),
    ("both_yes", "Both positive", "count"),
]
NOTE = (
    "Better: the interval lies on the better side. No worse: it ends inside the band. Worse: it lies on the worse side. "
    "Not settled: these rows are too few to say. A step that runs by itself stops at worse, moved and not settled."
)


class Comparison(Check):
    """This version against another one on the same rows: what got better, what got worse, and whether a band was left.

    Source: DeLong et al. (1988) for areas; McNemar (1947) for errors; paired bootstrap for the rest; SR 26-2 on model change."""

    key, title, order = "comparison", "Against another version", 26
    reads = ("scored", "test")
    compares_versions = True
    metrics = (
        Metric("auc_difference", "Area under the curve, difference to the other version"),
        Metric("accuracy_difference", "Accuracy, difference to the other version"),
        Metric("selection_rate_difference", "Positive decisions, difference to the other version"),
        Metric("impact_ratio_difference", "Lowest impact ratio, difference to the other version"),
        Metric("changed_decisions", "Decisions that changed", "share"),
        Metric("worse", "Measures that got worse", "measures", 0),
        Metric("stops", "Measures at which an automatic step stops", "measures", 0),
        Metric("rows", "Rows compared", "rows", 0),
    )

    class Params(CheckParams):
        """The other version (without one that in production, else the one before), and how wide each band is."""

        against: str = ""
        quality: float = 0.02
        decisions: float = 0.05
        fairness: float = 0.05
        BOUNDS = {"quality": (0.0, 1.0), "decisions": (0.0, 1.0), "fairness": (0.0, 1.0)}
        WORDS = {
            "against": (
                "Version compared with",
                "Without one, the version in production, else the one registered before.",
            ),
            "quality": ("Band of quality", "A measure of quality that differs by less counts as the same."),
            "decisions": ("Band of decisions", "The share of changed decisions that counts as the same."),
            "fairness": ("Band of fairness", "A ratio between groups that differs by less counts as the same."),
        }
        NAMES = {"against": "versions"}

    example = Example(
        rows=[
            {"y": number % 2, "p": int(number % 2 or number % 10 == 0), OTHER: int(number % 2 or number % 5 == 0)}
            for number in range(400)
        ],
        subject={"target": "y", "prediction": "p", "reference": Subject(name="before", prediction=OTHER)},
        expect={"accuracy_difference": 0.0, "changed_decisions": 0.0, "rows": 400, "worse": 0},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Outcome by both decisions, by group; and the rows with both scores. Raises Unmeasurable without decisions of both."""
        from dataclasses import replace

        from apps.evidence.kernels import counts, decisions

        if subject.reference is None:
            raise Unmeasurable("There is no other version to compare with.")
        other = replace(subject.reference, columns=subject.columns, rows=subject.rows)
        new, old, target = (
            decisions.decision_axis(subject),
            decisions.decision_axis(other),
            decisions.target_axis(subject),
        )
        scores = [side.score if side.score in subject.columns else "" for side in (subject, other)]
        groups = decisions.group_axes(subject, []) if decisions.has_groups(subject, []) else []
        plan: dict[str, Any] = {
            "new": new, "old": old, "target": target or new, "has_target": target is not None, "groups": groups,
            "scores": scores if all(scores) and target else [], "sample": MOST_PAIRS, "seed": subject.seed, "rows": subject.rows,
            "other": other.name, "bands": {name: getattr(params, name) for name in ("quality", "decisions", "fairness")},
        }  # fmt: skip
        tables = {"": counts.empty(plan["target"], new, old)}
        tables |= {axis["column"]: counts.empty(axis, new, old) for axis in groups}
        return {"plan": plan, "tables": tables, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count who decided what, and keep rows with both scores."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        both = (plan["new"], plan["old"])
        tables = {"": counts.joint(batch, plan["target"], *both)}
        tables |= {axis["column"]: counts.joint(batch, axis, *both) for axis in plan["groups"]}
        return states.add(
            state, {"plan": plan, "tables": tables, "sample": _pairs(batch, plan) if plan["scores"] else []}
        )

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Every measure with its difference, interval, band and reading."""
        plan, joint = state["plan"], _decided(state)
        if not joint.sum():
            raise Unmeasurable("No row has a decision of both versions.")
        found = _differences(state, joint)
        rows = _rows(found, plan)
        stops, worse = (sum(row["reading"] in kinds for row in rows) for kinds in (STOPPING, {"worse"}))
        changed = float((joint[:, 0, 1] + joint[:, 1, 0]).sum() / joint.sum())
        takeaway = _takeaway(plan, rows, changed, stops)
        tables = [table("differences", "Differences on the same rows", COLUMNS, rows, NOTE), _changes(joint, plan)]
        return Result(
            takeaway,
            metrics=self.measured(
                auc_difference=_value(found, "auc"), accuracy_difference=_value(found, "accuracy"),
                selection_rate_difference=_value(found, "selection_rate"), impact_ratio_difference=_fairest(rows),
                changed_decisions=changed, worse=worse, stops=stops, rows=int(joint.sum()),
            ),
            tables=tables,
            figures=[_figure(rows, takeaway)],
            limits=_limits(plan, int(joint.sum())),
            method=_method(plan),
        )  # fmt: skip


def _pairs(batch: Any, plan: dict[str, Any]) -> list[Any]:
    """Rows that could be in the sample: outcome and both scores."""
    import numpy as np

    from apps.evidence.kernels import states

    outcome = batch.codes(plan["target"])
    labels = len(plan["target"]["labels"])
    new, old = (batch.numbers(name) for name in plan["scores"])
    able = np.flatnonzero((outcome <= labels) & np.isfinite(new) & np.isfinite(old))
    drawn = batch.draws(plan["seed"])
    least = able[states.least_of(drawn[able], plan["sample"])]
    values = zip(least, outcome[least] < labels, new[least], old[least], strict=True)
    return [[int(drawn[row]), batch.first_row + int(row), [int(y), float(a), float(b)]] for row, y, a, b in values]


def _decided(state: dict[str, Any]) -> Any:
    """Counts [outcome, new decision, old decision]; without an outcome the first dimension is the new decision."""
    from apps.evidence.kernels import decisions

    plan = state["plan"]
    found = decisions.two_sided(state["tables"][""], plan["old"], 2)
    found = decisions.two_sided(found, plan["new"], 1)
    return decisions.two_sided(found, plan["target"], 0)


def _differences(state: dict[str, Any], joint: Any) -> dict[str, Any]:
    """Every measure that these rows allow, and the lowest impact ratio of each attribute."""
    import numpy as np

    from apps.evidence.kernels import decisions, paired

    plan = state["plan"]
    found: dict[str, Any] = {}
    if state["sample"]:
        values = np.asarray([row[2] for row in state["sample"]])
        outcome, new, old = values[:, 0], values[:, 1], values[:, 2]
        found["auc"] = paired.areas(new, old, outcome)
        if min(new.min(), old.min()) >= 0 and max(new.max(), old.max()) <= 1:
            found["brier"] = paired.squared_errors(new, old, outcome)
    rates = paired.decided(joint, plan["seed"])
    found |= rates if plan["has_target"] else {"selection_rate": rates["selection_rate"]}
    for axis in plan["groups"]:
        groups = decisions.two_sided(state["tables"][axis["column"]], plan["old"], 2)
        groups = decisions.two_sided(groups, plan["new"], 1)[: len(axis["labels"])]
        large = groups[groups.sum(axis=(1, 2)) >= SMALLEST_GROUP]
        if len(large) > 1:
            found[f"ratio:{axis['column']}"] = paired.lowest_ratio(large, plan["seed"])
    return {name: difference for name, difference in found.items() if difference is not None}


def _rows(found: Mapping[str, Any], plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The table: measures in their order, then impact ratios."""
    from apps.evidence.kernels import intervals, paired

    rows = []
    for name in [*(name for name in MEASURES if name in found), *(name for name in found if name.startswith("ratio:"))]:
        attribute = name.removeprefix("ratio:")
        label, band, more_is = MEASURES.get(name, (f"Lowest impact ratio by {attribute}", "fairness", 1))
        difference = found[name]
        reading = paired.against_band(difference, plan["bands"][band], more_is=more_is)
        interval = None if difference.low is None else [difference.low, difference.high]
        rows.append({
            "measure": label, "new": difference.new, "old": difference.old, "value": difference.value, "interval": interval,
            "p": difference.p, "band": plan["bands"][band], "reading": reading, "flagged": reading in STOPPING,
        })  # fmt: skip
    tested = [row for row in rows if row["p"] is not None]
    for row, p in zip(tested, intervals.holm([row["p"] for row in tested]), strict=True):
        row["p"] = p
    return rows


def _changes(joint: Any, plan: dict[str, Any]) -> dict[str, Any]:
    """How many decisions changed, by true outcome; small counts are banded."""
    from apps.evidence.kernels import decisions

    words = ("negative", "positive") if plan["has_target"] else ("not linked",)
    sides = joint if plan["has_target"] else [joint.sum(axis=0)]
    rows = []
    for word, side in zip(words, sides, strict=True):
        cells = [int(side[0, 0]), int(side[1, 0]), int(side[0, 1]), int(side[1, 1])]
        shown = [decisions.shown_count(n, kind) for n, kind in zip(cells, decisions.readings(cells), strict=True)]
        rows.append({"outcome": word, **dict(zip(("both_no", "to_yes", "to_no", "both_yes"), shown, strict=True))})
    return table("changes", "Decisions that changed", CHANGED, rows, decisions.small_note())


def _value(found: Mapping[str, Any], name: str) -> tuple[Any, ...] | None:
    difference = found.get(name)
    return (difference.value, difference.low, difference.high) if difference and difference.value is not None else None


def _fairest(rows: list[dict[str, Any]]) -> tuple[Any, ...] | None:
    """The impact ratio that fell most."""
    ratios = [row for row in rows if row["measure"].startswith("Lowest impact") and row["value"] is not None]
    lowest = min(ratios, key=lambda row: row["value"], default=None)
    return (lowest["value"], *lowest["interval"]) if lowest else None


def _takeaway(plan: dict[str, Any], rows: list[dict[str, Any]], changed: float, stops: int) -> str:
    words = {"worse": "worse", "moved": "moved", "open": "not settled", "better": "better"}
    said = []
    for kind, word in words.items():
        names = [row["measure"].lower() for row in rows if row["reading"] == kind]
        said += [f"{word}: {', '.join(names[:4])}"] if names else []
    text = f"{changed:.1%} of decisions differ from {plan['other']}'s on the same rows. "
    text += f"{'; '.join(said).capitalize()}. " if said else "Every measure stays within its band. "
    return text + ("A step that runs by itself stops here." if stops else "A step that runs by itself may go on.")


def _figure(rows: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(
            row["measure"],
            row["value"],
            row["interval"],
            f"{row['value']:+.3f} · band {row['band']:g}",
            flagged=row["flagged"],
        )
        for row in rows
        if row["value"] is not None
    ]
    title = "Difference to the other version, with 95 % interval"
    spec = charts.intervals(
        drawn, takeaway=takeaway, table="differences", title=title, reference=(0.0, "no difference"), width=300
    )
    return figure("differences", "What changed on the same rows", takeaway, spec, "differences")


def _limits(plan: dict[str, Any], n: int) -> list[str]:
    found = [
        "Whether these rows were used to train the other version is known only where its training data are linked with digests.",
        "Bands are set with the parameters of this check; a policy may read the differences and set its own.",
    ]
    if not plan["has_target"]:
        found.append("Without a true outcome only decisions and impact ratios can be compared.")
    if plan["rows"] > n:
        found.append(f"{whole(plan['rows'] - n)} rows without outcome or a decision of both versions were left out.")
    if plan["scores"] and plan["rows"] > MOST_PAIRS:
        found.append(f"Areas and Brier scores are of {whole(MOST_PAIRS)} rows drawn at random.")
    return found


def _method(plan: dict[str, Any]) -> dict[str, str]:
    return {
        "Measure": f"Both versions on the same rows, against {plan['other']}",
        "Same rows": "One file whose rows both endpoints scored, or two files whose shared columns have one digest",
        "Area": "DeLong's test for two areas on the same rows",
        "Accuracy": "McNemar's test, exact up to 1000 rows on which one version errs",
        "Intervals": "1000 paired replicates of the table of both decisions; the paired mean for Brier scores",
        "p": "Holm-corrected over the measures that have a test",
    }

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

MOST_FEATURES = 40
LEVELS = (0.05, 0.1, 0.2, 0.5)
COLUMNS = [
    ("feature", "Feature", "text"),
    ("kind", "What was done", "text"),
    ("changed", "Decisions changed", "share", 1),
    ("interval", "95 % interval", "interval"),
    ("mean", "Mean change of score", "number", 4),
    ("largest", "Largest change", "number"),
    ("reading", "Reading", "reading"),
]
NOISE = [
    ("level", "Noise, in standard deviations", "text"),
    ("changed", "Decisions changed", "share", 1),
    ("interval", "95 % interval", "interval"),
    ("mean", "Mean change of score", "number", 4),
]
NOTE = "Refused: the endpoint answered with an error instead of a score, which a caller can handle."


def _steep(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    """A score that moves with one feature only, and that refuses gaps in it."""
    if any(value is None for value in columns["a"]):
        raise Unmeasurable("The endpoint wants a number.")
    return [min(max(float(value) / 40, 0.0), 1.0) for value in columns["a"]]


class Robustness(Check):
    """What happens to scores and decisions when inputs are noisy, missing, out of range or of a category never seen.

    Source: Regulation (EU) 2024/1689 Art. 15(4); ISO/IEC TR 24029-1 on robustness of models."""

    key, title, order = "robustness", "Robustness", 36
    reads = ("test", "scored", "train")
    scores = True
    fills = ("robustness_report",)
    metrics = (
        Metric("noise_changed", "Decisions that change when every number is a little noisy", "share"),
        Metric("largest_changed", "Decisions that change under the strongest change of one feature", "share"),
        Metric("refused", "Changes of one feature that the endpoint refuses", "changes", 0),
        Metric("tried", "Changes tried", "changes", 0),
        Metric("rows", "Rows moved", "rows", 0),
        Metric("scored_rows", "Rows scored for it", "rows", 0),
    )

    class Params(CheckParams):
        """How many rows are moved, how strong the noise is in standard deviations, and the share from which a row is marked."""

        rows: int = 150
        noise: float = 0.1
        limit: float = 0.1
        BOUNDS = {"rows": (10, 5000), "noise": (0.0, 5.0), "limit": (0.0, 1.0)}
        WORDS = {
            "rows": ("Rows moved", "More rows take longer and give narrower intervals."),
            "noise": ("Strength of the noise", "In standard deviations of each column."),
            "limit": ("Line for a mark", "A change that alters a larger share of decisions is marked."),
        }

    example = Example(
        rows=[{"a": number % 40, "b": "x" if number % 3 else "y"} for number in range(120)],
        params={"rows": 100, "noise": 0.0},
        subject={"features": ["a", "b"], "threshold": 0.5},
        expect={"noise_changed": 0.0, "refused": 1, "tried": 5, "rows": 100},
        predict=_steep,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows, and per feature what its values look like."""
        from apps.evidence.kernels import perturb, sampling

        if not subject.inputs:
            raise Unmeasurable(f"{subject.name} has none of the features that this version declares.")
        known = {name: perturb.described(subject.columns[name]) for name in subject.inputs}
        more = {"known": known, "noise": params.noise, "limit": params.limit, "threshold": subject.threshold}
        return {"plan": {**sampling.plan(subject, params.rows), **more}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Score the rows as they are, then moved in every way."""
        import numpy as np

        from apps.evidence.kernels import sampling

        plan = state["plan"]
        if tools.predict is None:
            raise Unmeasurable(
                "This version names no endpoint that serves it, so its answers to moved rows are not known."
            )
        if not state["sample"]:
            raise Unmeasurable(f"No row of {plan['name']} is without gaps, so none can be moved.")
        columns = sampling.columns_of(state)
        scores = np.asarray(tools.predict(columns), dtype=np.float64)
        levels = _levels(plan, columns, scores, tools)
        rows = _each(plan, columns, scores, tools)
        wide = _plain(levels, plan["noise"])
        takeaway = _takeaway(plan, rows, wide, len(scores))
        outside = any(row["way"] in {"outside", "unseen"} for row in rows)
        shares = [row["changed"] for row in rows if row["changed"] is not None]
        return Result(
            takeaway,
            types={"robustness_report": {"perturbation": True, "ood": outside}},
            metrics=self.measured(
                noise_changed=(wide["changed"], *wide["interval"]) if wide else None, largest_changed=max(shares, default=None),
                refused=sum(row["reading"] == "refused" for row in rows), tried=len(rows), rows=len(scores),
                scored_rows=tools.calls().get("rows"),
            ),
            tables=[table("changes", "One feature moved at a time", COLUMNS, rows, NOTE)]
            + ([table("noise", "All numbers noisy together", NOISE, levels)] if levels else []),
            figures=_figure(rows, plan["limit"], takeaway),
            limits=[
                "Inputs were moved at random and not by somebody who looks for the weakest place; attacks need their own test.",
                "What the endpoint does when it is not reachable is not shown; fall-back is stated by the people who run it.",
            ],
            method=_method(plan),
        )  # fmt: skip


def _levels(plan: dict[str, Any], columns: Any, scores: Any, tools: Tools) -> list[dict[str, Any]]:
    """All numeric features noisy together, at several strengths."""
    from apps.evidence.kernels import perturb

    names = [name for name in columns if "noise" in perturb.kinds_for(plan["known"][name])]
    found = []
    for level in sorted({*LEVELS, plan["noise"]}) if names else []:
        tools.progress(f"Scoring rows with noise of {level:g}", 0, 0)
        moved = perturb.moved(columns, names, "noise", plan["known"], noise=level, seed=plan["seed"])
        found.append({"level": f"{level:g}", **_against(scores, moved, plan, tools), "flagged": False})
    return found


def _each(plan: dict[str, Any], columns: Any, scores: Any, tools: Tools) -> list[dict[str, Any]]:
    """Each feature moved alone, in each way, strongest first; what the endpoint refuses last."""
    from apps.evidence.kernels import perturb

    rows = []
    for place, name in enumerate(list(columns)[:MOST_FEATURES]):
        tools.progress(f"Moving {name}", place, len(columns))
        for kind in perturb.kinds_for(plan["known"][name]):
            moved = perturb.moved(columns, [name], kind, plan["known"], noise=plan["noise"], seed=plan["seed"])
            found = _against(scores, moved, plan, tools)
            is_strong = found["changed"] is not None and found["changed"] > plan["limit"]
            reading = "refused" if found["mean"] is None else "moves" if is_strong else "none"
            row = {"feature": name, "way": kind, "kind": perturb.KINDS[kind], **found}
            rows.append({**row, "flagged": is_strong, "reading": reading})
    return sorted(
        rows, key=lambda row: (row["mean"] is None, -(row["changed"] or 0), -(row["mean"] or 0), row["feature"])
    )


def _against(scores: Any, moved: Any, plan: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """How far the scores of the moved rows are from those of the rows as they are; nothing where the endpoint refuses."""
    import numpy as np

    from apps.evidence.kernels import intervals

    try:
        again = np.asarray(tools.predict(moved), dtype=np.float64)  # type: ignore[misc]
    except Unmeasurable:
        return {"changed": None, "interval": None, "mean": None, "largest": None}
    gap = np.abs(again - scores)
    found: dict[str, Any] = {"changed": None, "interval": None, "mean": float(gap.mean()), "largest": float(gap.max())}
    if plan["threshold"] is not None:
        changed = int(((again >= plan["threshold"]) != (scores >= plan["threshold"])).sum())
        found["changed"] = changed / len(scores)
        found["interval"] = list(intervals.wilson(changed, len(scores)) or ())
    return found


def _plain(levels: list[dict[str, Any]], noise: float) -> dict[str, Any] | None:
    """The row of the noise asked for, where decisions could be compared."""
    return next((row for row in levels if row["level"] == f"{noise:g}" and row["changed"] is not None), None)


def _takeaway(plan: dict[str, Any], rows: list[dict[str, Any]], wide: dict[str, Any] | None, n: int) -> str:
    text = ""
    if wide:
        low, high = wide["interval"]
        text = f"{wide['changed']:.1%} of decisions change when every number is off by {plan['noise']:g} standard deviations. "
        text += f"The 95 % interval is {low:.1%} to {high:.1%}, on {n} rows. "
    strong = next((row for row in rows if row["changed"]), None)
    if strong:
        text += f"The strongest single change: {strong['feature']}, {strong['kind'].lower()}, with {strong['changed']:.1%}. "
    refused = sorted({row["feature"] for row in rows if row["reading"] == "refused"})
    if refused:
        text += (
            f"The endpoint refuses some values of {', '.join(refused[:3])}{' and others' if len(refused) > 3 else ''}. "
        )
    return text.strip() or "No change of one feature changes a decision."


def _figure(rows: list[dict[str, Any]], limit: float, takeaway: str) -> list[dict[str, Any]]:
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(
            f"{row['feature']}: {row['kind'].lower()}",
            row["changed"],
            row["interval"],
            f"{row['changed']:.1%}",
            flagged=row["flagged"],
        )
        for row in rows[:16]
        if row["changed"] is not None
    ]
    if not drawn:
        return []
    title = "Share of decisions that change, with 95 % interval"
    spec = charts.intervals(
        drawn, takeaway=takeaway, table="changes", title=title, limit=(limit, f"line {limit:g}"), width=300
    )
    return [figure("changes", "Decisions that change when one feature is moved", takeaway, spec, "changes")]


def _method(plan: dict[str, Any]) -> dict[str, str]:
    return {
        "Measure": "Scores of the serving endpoint for rows as they are and for the same rows moved",
        "Noise": f"Normal, {plan['noise']:g} standard deviations of the feature; whole numbers stay whole",
        "Out of range": "One range below the lowest or above the highest value seen",
        "Decision": "" if plan["threshold"] is None else f"score is {plan['threshold']:g} or more",
        "Intervals": "Wilson, 95 %",
    }

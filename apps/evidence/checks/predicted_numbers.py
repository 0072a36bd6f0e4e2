"""The part of the check of performance for versions that predict a number: errors, overall, by group and by size of the prediction."""

from typing import Any

from apps.evidence.checks.base import SMALLEST_GROUP, Subject, Unmeasurable, figure, table, whole

SAMPLE = 20_000
BANDS = 10
OVERALL = ""
GROUPS = [
    ("group", "Group", "text"),
    ("n", "n", "count"),
    ("mae", "Mean size of an error", "number"),
    ("mae_interval", "95 % interval", "interval"),
    ("bias", "Mean error", "number"),
    ("bias_interval", "95 % interval", "interval"),
    ("p", "p, corrected", "number"),
    ("reading", "Reading", "reading"),
]
CALIBRATION = [
    ("predicted", "Predicted, mean", "number"),
    ("observed", "Observed, mean", "number"),
    ("interval", "95 % interval", "interval"),
    ("n", "n", "count"),
]
SIZES = [
    ("share", "Of 100 predictions", "count"),
    ("within", "Off by at most", "number"),
    ("interval", "95 % interval", "interval"),
]


def plan(subject: Subject, by: list[str]) -> dict[str, Any]:
    """Sums of errors overall, per group, and per band of the prediction; a sample for what sums do not tell. Raises Unmeasurable."""
    from apps.evidence.kernels import counts, decisions, deviations

    predicted = next((name for name in (subject.prediction, subject.score) if name in subject.columns), "")
    if not subject.target or subject.target not in subject.columns:
        raise Unmeasurable(f"{subject.name} names no target column, so predictions cannot be compared with outcomes.")
    if not predicted:
        raise Unmeasurable(
            f"{subject.name} names no column of predictions, and no endpoint was asked for them. The developer links data with a "
            "prediction column, or registers the version with the endpoint that serves it.",
            code="NO_PREDICTION",
        )
    for name in (subject.target, predicted):
        if not subject.columns[name].is_numeric:
            raise Unmeasurable(
                f"This version predicts a number, but {name} of {subject.name} holds texts. The developer links data with numbers in it.",
                code="NOT_A_NUMBER",
            )
    axes = decisions.group_axes(subject, by) if decisions.has_groups(subject, by) else []
    truth, prediction = subject.columns[subject.target], subject.columns[predicted]
    settled = {
        "numbers": [subject.target, predicted], "scale": deviations.scale_of(truth, prediction), "axes": axes,
        "bands": counts.band_axis(prediction, bands=BANDS), "rows": subject.rows, "name": subject.name, "seed": subject.seed,
        "sample": SAMPLE, "is_holdout": subject.facts.get("is_holdout"),
        "notes": [note for note in (decisions.ungrouped(subject, by),) if note],
    }  # fmt: skip
    return {"plan": settled, "sums": {}, "sample": []}


def update(state: dict[str, Any], batch: Any) -> dict[str, Any]:
    """Add the sums of a batch, and keep the errors of the rows with the smallest draws."""
    import numpy as np

    from apps.evidence.kernels import deviations, states

    plan = state["plan"]
    true, predicted = (batch.numbers(name) for name in plan["numbers"])
    known = np.isfinite(true) & np.isfinite(predicted)
    found = {OVERALL: {"0": deviations.sums(true[known], predicted[known], plan["scale"])}}
    for axis in (*plan["axes"], plan["bands"]):
        codes = batch.codes(axis)
        held = {cell: known & (codes == cell) for cell in range(len(axis["labels"]))}
        found[_name(axis, plan)] = {
            str(cell): deviations.sums(true[rows], predicted[rows], plan["scale"])
            for cell, rows in held.items()
            if rows.any()
        }
    rows = np.flatnonzero(known)
    drawn = batch.draws(plan["seed"])[rows]
    least = states.least_of(drawn, plan["sample"], state.get("sample", ()))
    sizes = np.abs(predicted[rows[least]] - true[rows[least]])
    sample = list(zip(drawn[least].tolist(), (rows[least] + batch.first_row).tolist(), sizes.tolist(), strict=True))
    return states.add(state, {"plan": plan, "sums": found, "sample": sample})


def measured(state: dict[str, Any]) -> dict[str, Any]:
    """The figures with their intervals by the names of the check's metrics. Raises Unmeasurable without a row."""
    from apps.evidence.kernels import deviations

    plan, sums = state["plan"], state["sums"].get(OVERALL, {}).get("0")
    if not sums or not sums["n"]:
        raise Unmeasurable(
            f"No row of {plan['name']} has both {plan['numbers'][0]} and {plan['numbers'][1]} as numbers."
        )
    scale, half = plan["scale"], next(iter(_sizes(state)))
    return {
        "mae": deviations.absolute_error(sums, scale), "rmse": deviations.root_error(sums, scale),
        "bias": deviations.mean_error(sums, scale),
        "r2": deviations.explained(sums, scale), "median_error": (half["within"], *(half["interval"] or (None, None))), "rows": sums["n"],
    }  # fmt: skip


def tables(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Groups, how large errors are, predictions against outcomes."""
    plan, rows = state["plan"], groups(state)
    found = [table("sizes", "How large errors are", SIZES, _sizes(state))]
    if rows:
        note = f"Figures are shown for groups of {SMALLEST_GROUP} or more. p compares a group's mean error with all other rows (Holm)."
        found.insert(0, table("groups", "Errors by group", GROUPS, rows, note))
    bands = calibration(state)
    return (
        [*found, table("calibration", f"Predictions against {plan['numbers'][0]}", CALIBRATION, bands)]
        if bands
        else found
    )


def groups(state: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each group; figures only where it is large enough."""
    from apps.evidence.kernels import decisions, deviations, intervals

    plan, found = state["plan"], []
    for axis in plan["axes"]:
        held = state["sums"].get(_name(axis, plan), {})
        cells = [
            (label, held[str(cell)]) for cell, label in enumerate(axis["labels"]) if held.get(str(cell), {"n": 0})["n"]
        ]
        total = {name: sum(sums[name] for _, sums in cells) for name in (cells[0][1] if cells else ())}
        readings = decisions.readings([sums["n"] for _, sums in cells])
        for (label, sums), reading in zip(cells, readings, strict=True):
            row: dict[str, Any] = {
                "group": f"{axis['column']}: {label}",
                "n": sums["n"],
                "reading": "insufficient",
                "flagged": False,
            }
            if reading != "shown":
                found.append({**row, "n": sums["n"] if reading == "rate_hidden" else None})
                continue
            mae, bias = deviations.absolute_error(sums, plan["scale"]), deviations.mean_error(sums, plan["scale"])
            rest = deviations.less(total, sums)
            more = {"mae": mae[0], "mae_interval": list(mae[1:]), "bias": bias[0], "bias_interval": list(bias[1:])}
            found.append({**row, **more, "raw": deviations.apart(sums, rest) if rest["n"] > 1 else 1.0})
    shown = [row for row in found if "raw" in row]
    for row, p in zip(shown, intervals.holm([row.pop("raw") for row in shown]), strict=True):
        row["p"], row["flagged"] = p, p < 0.05
        row["reading"] = "differs" if row["flagged"] else "none"
    return found


def calibration(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Mean prediction and mean outcome per band of the prediction."""
    from apps.evidence.kernels import deviations

    plan, found = state["plan"], []
    for _, sums in sorted(state["sums"].get(_name(plan["bands"], plan), {}).items(), key=lambda pair: int(pair[0])):
        if sums["n"] >= SMALLEST_GROUP:
            value, low, high = deviations.true_mean(sums, plan["scale"])
            predicted = value + deviations.mean_error(sums, plan["scale"])[0]
            found.append({"predicted": predicted, "observed": value, "interval": [low, high], "n": sums["n"]})
    return found


def figures(state: dict[str, Any], takeaway: str) -> list[dict[str, Any]]:
    """Errors by group, and predictions against outcomes."""
    from apps.evidence.kernels import charts

    found = []
    shown = [row for row in groups(state) if "mae" in row]
    if shown:
        drawn = [
            charts.mark(
                row["group"],
                row["mae"],
                row["mae_interval"],
                f"{row['mae']:.4g} · n = {whole(row['n'])}",
                flagged=row["flagged"],
            )
            for row in shown[:24]
        ]
        spec = charts.intervals(
            drawn, takeaway=takeaway, table="groups", title="Mean size of an error, with 95 % interval"
        )
        found.append(figure("groups", "Errors by group", takeaway, spec, "groups"))
    return [*found, *_against(calibration(state))]


def _against(bands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Predictions against outcomes, where there are two bands or more."""
    from apps.evidence.kernels import charts

    if len(bands) < 2:
        return []
    rows = [
        {"x": row["predicted"], "y": row["observed"], "low": row["interval"][0], "high": row["interval"][1]}
        for row in bands
    ]
    ends = [min(min(row["x"], row["low"]) for row in rows), max(max(row["x"], row["high"]) for row in rows)]
    said = f"Mean outcome in {len(bands)} bands of the prediction; on the dotted line they are equal."
    spec = charts.points(
        rows,
        takeaway=said,
        table="calibration",
        x="Predicted",
        y="Observed",
        x_domain=ends,
        y_domain=ends,
        diagonal="equal",
    )
    return [figure("calibration", "Predicted and observed", said, spec, "calibration")]


def takeaway(found: dict[str, Any], state: dict[str, Any]) -> str:
    """The sentence that is read first."""
    mae, bias, r2 = found["mae"], found["bias"], found["r2"]
    flagged = [row["group"] for row in groups(state) if row["flagged"]]
    tail = f" The mean error of {flagged[0]} differs most clearly from the rest." if flagged else ""
    direction = "too high" if bias[0] > 0 else "too low"
    leans = f"they are {direction} by {abs(bias[0]):.4g} on average" if bias[1] is not None and bias[1] * bias[2] > 0 else (
        "no lean to one side is seen"
    )  # fmt: skip
    share = (
        f" They explain {r2[0]:.0%} of the variance."
        if r2 and r2[0] > 0
        else " They are no better than the mean outcome."
        if r2
        else ""
    )
    return f"Predictions are off by {mae[0]:.4g} on average over {whole(found['rows'])} rows; {leans}.{share}{tail}"


def _sizes(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Within what half, 90 and 99 of 100 errors stay, from the sample."""
    from apps.evidence.kernels import loading

    errors = sorted(row[2] for row in state["sample"])
    return [
        {
            "share": share,
            "within": loading.quantile(errors, share / 100),
            "interval": _pair(loading.quantile_interval(errors, share / 100)),
        }
        for share in (50, 90, 99)
    ]


def _pair(found: tuple[float, float] | None) -> list[float] | None:
    return list(found) if found else None


def _name(axis: dict[str, Any], plan: dict[str, Any]) -> str:
    """The place of an axis among the sums; the bands of the prediction have one of their own."""
    return f"\x1f{axis['column']}" if axis == plan["bands"] else str(axis["column"])

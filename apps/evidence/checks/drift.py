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
    whole,
)

SAMPLE = 4000  # rows of each side that the classifier sees
MOST_COLUMNS = 200
SMALL = 0.1  # index under which practice calls a column stable
COLUMNS = [
    ("column", "Column", "text"),
    ("psi", "Stability index", "number"),
    ("psi_interval", "95 % interval", "interval"),
    ("chance", "Chance up to", "number"),
    ("distance", "Distance", "number"),
    ("p", "p, corrected", "number"),
    ("js", "Jensen-Shannon", "number"),
    ("reading", "Reading", "reading"),
]
DETAILS = [
    ("column", "Column", "text"),
    ("measure", "Distance is", "text"),
    ("w1_scaled", "Wasserstein, in deviations", "number"),
    ("chi2", "Chi-square", "number", 1),
    ("outside", "Outside the reference", "share", 2),
    ("gaps_before", "Gaps, reference", "share", 2),
    ("gaps_now", "Gaps, now", "share", 2),
]
NOTE = (
    "Distance is the largest between the two distributions for numbers, half the sum of differences of shares for categories. "
    "p is corrected for how many columns were compared (Holm)."
)


class Drift(Check):
    """How far the data that the model decides on are from those it was trained on: every column, and all columns together.

    Source: Kolmogorov-Smirnov, Wasserstein, stability index (Siddiqi 2006), Jensen-Shannon (Lin 1991), chi-square; classifier
    two-sample test (Lopez-Paz and Oquab 2017)."""

    key, title, order, version = "drift", "Drift between two datasets", 19, "1.3.0"
    reads = ("scored", "test", "validate")
    compares_with = ("train", "reference")
    metrics = (
        Metric("largest_psi", "Largest stability index of a column"),
        Metric("largest_distance", "Largest distance between distributions of a column"),
        Metric("domain_auc", "Area of a classifier that tells the datasets apart"),
        Metric("shifted", "Columns that shifted beyond chance", "columns", 0),
        Metric("columns", "Columns compared", "columns", 0),
        Metric("largest_outside", "Largest share outside the range or categories of the reference", "share"),
        Metric("rows", "Rows compared", "rows", 0),
        Metric("reference_rows", "Rows of the reference", "rows", 0),
    )

    class Params(CheckParams):
        """Columns to compare (without any, all that both have), with which dataset, and the index from which one counts as shifted."""

        columns: list[str] = []
        reference: str = ""
        limit: float = 0.2
        BOUNDS = {"limit": (0.0, 10.0)}
        WORDS = {
            "columns": ("Columns to compare", "Without any, all that both datasets have."),
            "reference": ("Dataset compared with", "Without one, the training data, else the linked reference."),
            "limit": ("Line for a shift", "The stability index from which a column counts as shifted."),
        }
        NAMES = {"columns": "columns", "reference": "references"}

    example = Example(
        rows=[{"a": number % 10 + 3, "b": "x" if number % 4 else "new"} for number in range(200)],
        reference=[{"a": number % 10, "b": "x" if number % 2 else "y"} for number in range(200)],
        expect={"largest_distance": 0.5, "columns": 2, "shifted": 2, "largest_outside": 0.3, "reference_rows": 200},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Common cells per column that both sides have. Raises Unmeasurable without such a column."""
        from apps.evidence.kernels import counts, drift

        other = subject.reference
        if other is None:
            raise Unmeasurable(
                "There is no second dataset to compare with. The pipeline links one as train or reference."
            )
        subject.needs(*params.columns)
        other.needs(*params.columns)
        names = params.columns or [name for name in subject.columns if name in other.columns]
        axes = {name: drift.axis_of(subject.columns[name], other.columns[name]) for name in names[:MOST_COLUMNS]}
        kept = {name: axis for name, axis in axes.items() if axis is not None}
        if not kept:
            raise Unmeasurable(f"{subject.name} and {other.name} have no column in common that can be compared.")
        plan = {
            "axes": kept, "sample": SAMPLE, "seed": subject.seed, "limit": params.limit, "rows": [subject.rows, other.rows],
            "names": [subject.name, other.name], "uncounted": [name for name in names if name not in kept],
            "numeric": {name: _range(other.columns[name]) for name, axis in kept.items() if "edges" in axis},
            "outcomes": sorted(subject.outcomes), "only_one": sorted({*subject.columns} ^ {*other.columns}),
        }  # fmt: skip
        empty = {name: [counts.empty(axis), counts.empty(axis)] for name, axis in kept.items()}
        return {"plan": plan, "cells": empty, "sample": [], "sample_reference": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count the cells of this side, and keep the rows with the smallest draws."""
        import numpy as np

        from apps.evidence.kernels import counts, states

        plan, side = state["plan"], int(batch.is_reference)
        found = {}
        for name, axis in plan["axes"].items():
            tables = np.zeros((2, counts.size(axis)), dtype=np.int64)
            tables[side] = counts.joint(batch, axis)
            found[name] = tables
        drawn, key = batch.draws(plan["seed"] + side), "sample_reference" if side else "sample"
        least = states.least_of(drawn, plan["sample"], state.get(key, ()))
        codes = np.stack([batch.codes(axis)[least] for axis in plan["axes"].values()], axis=1)
        columns = (drawn[least].tolist(), (least + batch.first_row).tolist(), codes.tolist())
        rows = [list(row) for row in zip(*columns, strict=True)]
        return states.add(state, {"plan": plan, "cells": found, key: rows})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Every column with its distances and chance, then all columns together."""
        plan = state["plan"]
        rows = _columns(state, tools)
        if not rows:
            raise Unmeasurable("No column holds values on both sides.")
        tools.progress("Telling the two datasets apart", 0, 0)
        area = _telling(state)
        shifted, top = [row for row in rows if row["flagged"]], rows[0]
        takeaway = _takeaway(plan, rows, shifted, area)
        return Result(
            takeaway,
            metrics=self.measured(
                largest_psi=(top["psi"], *top["psi_interval"]), largest_distance=max(row["distance"] for row in rows),
                domain_auc=area, shifted=len(shifted), columns=len(rows), largest_outside=max(row["outside"] for row in rows),
                rows=plan["rows"][0], reference_rows=plan["rows"][1],
            ),
            tables=[
                table("columns", "Distance of every column", COLUMNS, rows, NOTE),
                table("details", "Range, gaps and further distances", DETAILS, [{**row, "flagged": False} for row in rows]),
            ],
            figures=[_figure(rows[:20], plan["limit"], takeaway)],
            limits=_limits(plan, area),
            method=_method(plan),
        )  # fmt: skip


def _range(column: Any) -> list[Any]:
    return [column.low, column.high]


def _columns(state: dict[str, Any], tools: Tools) -> list[dict[str, Any]]:
    """One row per column, the one that moved most first."""
    from apps.evidence.kernels import intervals

    plan, rows = state["plan"], []
    for place, name in enumerate(plan["axes"]):
        tools.progress(f"Comparing {name}", place, len(plan["axes"]))
        row = _column(state, name)
        rows += [row] if row else []
    for row, p in zip(rows, intervals.holm([row["raw"] for row in rows]), strict=True):
        row["p"] = p
        is_real = p < 0.05 and row["psi"] > row["chance"]
        row["flagged"] = is_real and row["psi"] >= plan["limit"]
        row["reading"] = "shifted" if row["flagged"] else "watch" if is_real and row["psi"] >= SMALL else "none"
        if not is_real and row["psi"] >= SMALL:
            row["reading"] = "within_chance"
        del row["raw"]
    return sorted(rows, key=lambda row: (-row["psi"], row["column"]))


def _column(state: dict[str, Any], name: str) -> dict[str, Any] | None:
    """One column's distances; None where a side has no values."""
    import numpy as np

    from apps.evidence.kernels import drift

    plan = state["plan"]
    axis, counts = plan["axes"][name], np.asarray(state["cells"][name])
    is_number = name in plan["numeric"]
    found = drift.of_numbers(counts, axis, *plan["numeric"][name]) if is_number else drift.of_categories(counts, axis)
    if "cells" not in found:
        return None
    level, p = drift.chance(found["cells"], plan["seed"])
    return {
        "column": name,
        "psi": float(drift.stability(found["cells"])),
        "psi_interval": list(drift.stability_interval(found["cells"], plan["seed"])),
        "chance": level,
        "distance": found["ks"],
        "raw": found.get("p", p),
        "js": drift.jensen_shannon(found["cells"]),
        "measure": "Kolmogorov-Smirnov" if is_number else "total variation",
        "w1": found.get("w1"),
        "w1_scaled": found.get("w1_scaled"),
        "chi2": found.get("chi2"),
        "outside": found["outside"],
        "gaps_now": found["gaps"][0],
        "gaps_before": found["gaps"][1],
    }


def _telling(state: dict[str, Any]) -> tuple[float, float, float] | None:
    """How well a classifier tells the samples of both sides apart, from features only."""
    import numpy as np

    from apps.evidence.kernels import drift

    plan = state["plan"]
    places = [place for place, name in enumerate(plan["axes"]) if name not in plan["outcomes"]]
    sides = [state["sample"], state["sample_reference"]]
    codes = np.asarray([row[2] for side in sides for row in side], dtype=np.float64)
    is_reference = np.repeat([False, True], [len(side) for side in sides])
    return drift.telling_apart(codes[:, places], is_reference, plan["seed"]) if places and len(codes) else None


def _takeaway(plan: dict[str, Any], rows: list[Any], shifted: list[Any], area: Any) -> str:
    top, n = rows[0], len(rows)
    if shifted:
        text = f"{len(shifted)} of {n} columns shifted beyond chance, {top['column']} most, with a stability index of {top['psi']:.2f}. "
    else:
        text = f"None of {n} columns shifted beyond chance. {top['column']} moved most, with a stability index of {top['psi']:.2f}. "
    if area:
        text += f"A classifier tells the two datasets apart with an area of {area[0]:.2f} ({area[1]:.2f} to {area[2]:.2f}); 0.50 is chance."
    return text.strip()


def _figure(rows: list[Any], limit: float, takeaway: str) -> dict[str, Any]:
    from apps.evidence.kernels import charts

    drawn = [
        charts.mark(
            row["column"],
            row["psi"],
            row["psi_interval"],
            f"{row['psi']:.3f} · chance to {row['chance']:.3f}",
            flagged=row["flagged"],
        )
        for row in rows
    ]
    title = "Stability index against the reference, with 95 % interval"
    spec = charts.intervals(
        drawn, takeaway=takeaway, table="columns", title=title, limit=(limit, f"line {limit:g}"), width=300
    )
    return figure("stability", "How far each column moved", takeaway, spec, "columns")


def _limits(plan: dict[str, Any], area: Any) -> list[str]:
    found = [
        "A shift of the data says nothing yet about the model's errors; performance on new outcomes does.",
        "Without dates in the data, a shift cannot be told from a different way of drawing the rows.",
    ]
    if plan["uncounted"]:
        found.append(
            f"Texts that hardly ever repeat, or too many different ones, so not compared: {', '.join(plan['uncounted'][:10])}."
        )
    if plan["only_one"]:
        found.append(f"In one of the two datasets only: {', '.join(plan['only_one'][:10])}.")
    if area is None:
        found.append("Too few rows for a classifier that tells the datasets apart.")
    return found


def _method(plan: dict[str, Any]) -> dict[str, str]:
    return {
        "Measure": f"{plan['names'][0]}, {whole(plan['rows'][0])} rows, against {plan['names'][1]}, {whole(plan['rows'][1])} rows",
        "Index": "Ten bands of equally many rows of the reference, or its categories, and one for gaps; half a row is added to each",
        "Chance": "95 % point of 500 pairs of these sizes drawn from both datasets together",
        "p": "Kolmogorov-Smirnov (asymptotic) for numbers, chi-square for categories, Holm-corrected",
        "Reading": f"Shifted: index from {plan['limit']:g}, over chance, and corrected p under 0.05; watch from {SMALL:g}",
        "Classifier": f"Gradient boosting on one half of up to {SAMPLE} rows a side, area on the other half, DeLong interval",
    }

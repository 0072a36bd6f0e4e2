import re
from itertools import combinations
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

MOST_COLUMNS = 8
FALLBACK = 5
BANDS = 500
KNOWN_TO_OTHERS = re.compile(
    r"(^|_)(age|birth|dob|born|sex|gender|race|ethnic\w*|zip|zipcode|post_?code|city|town|region|district|county|state|country|"
    r"nationality|native|marital|civil|family|children|occupation|profession|job|education|degree|employer|language|religion|"
    r"housing|height|weight)(_|$)"
)
SETS = [
    ("columns", "Columns known together", "text"),
    ("size", "Columns", "count"),
    ("classes", "Classes", "count"),
    ("k", "Smallest class (k)", "count"),
    ("unique", "Unique rows", "share", 2),
    ("under", "Rows in small classes", "share", 2),
    ("diversity", "Fewest sensitive values (l)", "count"),
    ("reading", "Reading", "reading"),
]
ALONE = [
    ("column", "Column", "text"),
    ("added", "Unique rows it adds", "share", 2),
    ("without", "Unique rows without it", "share", 2),
]
NOTE = (
    "Sizes and shares only: no value of the data is kept. A class is all rows that agree in the columns; a gap agrees with a gap. "
    "l is the fewest different values of {sensitive} within a class; 1 tells that value of everybody in it."
)


class SinglingOut(Check):
    """How many rows are alone, or in a small crowd, for somebody who knows a few columns: k, uniqueness and l-diversity over all sets.

    Source: Sweeney (2002), k-anonymity; Machanavajjhala et al. (2007), l-diversity; WP29 Opinion 05/2014 on singling out."""

    key, title, order = "singling_out", "Singling out", 15
    fills = ("deidentification",)
    metrics = (
        Metric("k", "Rows in the smallest class over all columns searched", "rows", 0),
        Metric("unique_share", "Rows that are alone over all columns searched", "share"),
        Metric("small_share", "Rows in classes under the limit", "share"),
        Metric("diversity", "Fewest sensitive values in a class", "values", 0),
        Metric("mean_risk", "Mean chance of naming a row's person"),
        Metric("sets", "Sets of columns searched", "sets", 0),
        Metric("sets_that_single_out", "Sets under the limit", "sets", 0),
    )

    class Params(CheckParams):
        """Columns that others may know (without any, those declared or known by name), the largest set, and the limit for small."""

        columns: list[str] = []
        most: int = 4
        k: int = 5
        BOUNDS = {"most": (1, 8), "k": (2, 1000)}
        WORDS = {
            "columns": (
                "Columns that others may know",
                "Without any, those declared as identifying or known by their name.",
            ),
            "most": ("Largest set of columns", "Sets of up to so many columns are looked at."),
            "k": ("Line for small", "A class of fewer rows that share their values counts as small."),
        }
        NAMES = {"columns": "columns"}

    example = Example(
        rows=[
            *({"sex": "f", "town": "a", "ill": number % 2} for number in range(6)),
            *({"sex": "m", "town": "a", "ill": number % 2} for number in range(6)),
            {"sex": "m", "town": "b", "ill": 1},
            {"sex": "f", "town": "b", "ill": 1},
            {"sex": "f", "town": "b", "ill": 0},
        ],
        params={"columns": ["sex", "town"]},
        subject={"target": "ill"},
        expect={"k": 1, "unique_share": 1 / 15, "small_share": 0.2, "diversity": 1, "sets": 3, "mean_risk": 4 / 15},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """One axis per column that others may know, then the sensitive column."""
        from apps.evidence.kernels import counts, singling

        subject.needs(*params.columns)
        names, origin = searched(subject, params.columns)
        sensitive = sensitive_column(subject, names)
        axes: list[Any] = []
        last = [_axis(subject.columns[sensitive])] if sensitive else []
        for name in names:
            axis = _axis(subject.columns[name])
            if len(axes) < MOST_COLUMNS and counts.size(axis) > 2 and singling.fits([*axes, axis, *last]):
                axes.append(axis)
        if not axes:
            raise Unmeasurable(
                f"{subject.name} has no column by which a person could be singled out. The data steward declares quasi-identifiers."
            )
        banded = [axis["column"] for axis in axes if "edges" in axis]
        return {
            "plan": {
                "axes": [*axes, *last], "searched": len(axes), "sensitive": sensitive, "origin": origin, "rows": subject.rows,
                "name": subject.name, "most": params.most, "k": params.k, "banded": banded,
                "masked": [name for name in masked(subject) if name not in names],
                "left_out": [name for name in names if name not in {axis["column"] for axis in axes}],
            },
            "codes": [],
            "counts": [],
        }  # fmt: skip

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count distinct combinations."""
        from apps.evidence.kernels import singling

        return {"plan": state["plan"], **singling.join(state, singling.cells_of(batch, state["plan"]["axes"]))}

    def merge(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        """The combinations of both. Raises ValueError when the plans differ."""
        from apps.evidence.kernels import singling

        if left["plan"] != right["plan"]:
            raise ValueError("Two states with different plans cannot be added")
        return {"plan": left["plan"], **singling.join(left, right)}

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Every set up to the largest size, the whole set, and what each column adds."""
        plan = state["plan"]
        found = _search(state, tools)
        everything = found[-1]
        sets = sorted(found, key=lambda item: (-item.unique / plan["rows"], -item.under(plan["k"]), item.columns))
        singled = [item for item in found if item.k < plan["k"]]
        takeaway = _takeaway(plan, everything, singled)
        rows = [_row(item, plan) for item in _telling(sets, everything)]
        note = NOTE.format(sensitive=plan["sensitive"] or "a sensitive column, of which none is declared")
        adds = _added(found, everything, plan)
        return Result(
            takeaway,
            types={"deidentification": {"min_k": everything.k}},
            metrics=self.measured(
                k=everything.k,
                unique_share=everything.unique / plan["rows"],
                small_share=everything.under(plan["k"]) / plan["rows"],
                diversity=everything.diversity,
                mean_risk=everything.mean_risk,
                sets=len(found),
                sets_that_single_out=len(singled),
            ),
            tables=[table("sets", "Sets of columns and the classes they make", SETS, rows, note)]
            + ([table("columns", "What each column adds to the whole set", ALONE, adds)] if adds else []),
            figures=[_figure(found, plan, takeaway)],
            limits=_limits(plan),
            method={
                "Measure": f"Rows per class for every set of up to {plan['most']} columns, and for all {plan['searched']} together",
                "Columns": plan["origin"],
                "Small": f"A class of fewer than {plan['k']} rows; a limit of this check, not of any law",
                "Mean chance": "Classes divided by rows: somebody who knows the columns, and that the person is in the data",
            },
        )


def searched(subject: Subject, asked: list[str]) -> tuple[list[str], str]:
    """The columns that somebody else may know, and why these."""
    if asked:
        return asked, "Those asked for"
    hidden = {*subject.outcomes, *masked(subject)}
    able = [name for name, column in subject.columns.items() if column.present and name not in hidden]
    kinds = {name: subject.declared.get(name, {}) for name in able}
    declared = [
        name
        for name, row in kinds.items()
        if row.get("classification") == "quasi_identifier" or (row.get("is_protected") and row)
    ]
    named = [name for name in able if name not in declared and KNOWN_TO_OTHERS.search(name.lower().replace("-", "_"))]
    if declared or named:
        return [*declared, *named], "Declared quasi-identifiers and protected attributes, then columns known by name"
    few = [name for name in able if subject.columns[name].categories is not None]
    return few[:FALLBACK], "None is declared or known by name, so the first columns with few values were searched"


def masked(subject: Subject) -> list[str]:
    """Columns whose values were replaced: nobody outside knows what stands there."""
    return [name for name in subject.columns if subject.declared.get(name, {}).get("is_masked")]


def sensitive_column(subject: Subject, names: list[str]) -> str:
    """The column that a class must not give away: a declared special category, else the outcome."""
    special = [
        name
        for name in subject.columns
        if subject.declared.get(name, {}).get("classification") == "special_category" and name not in names
    ]
    able = [name for name in [*special, subject.target] if name in subject.columns and subject.columns[name].categories]
    return able[0] if able else ""


def _axis(column: Any) -> dict[str, Any]:
    """Every value a cell of its own; a number with more than a thousand values in equal bands; otherwise none."""
    from apps.evidence.kernels import counts

    if column.categories is not None:
        return {"column": column.name, "values": sorted(column.categories), "labels": [""] * len(column.categories)}
    if column.is_numeric:
        edges = counts.equal_edges(column, BANDS)
        return {"column": column.name, "edges": edges, "labels": [""] * (len(edges) + 1)}
    return {"column": column.name, "values": [], "labels": []}


def _search(state: dict[str, Any], tools: Tools) -> list[Any]:
    """Classes of every set up to the largest size; all columns together last."""
    import numpy as np

    from apps.evidence.kernels import singling

    plan = state["plan"]
    axes, count = plan["axes"], plan["searched"]
    digits, rows = singling.digits_of(state, axes), np.asarray(state["counts"], dtype=np.int64)
    sensitive = count if plan["sensitive"] else None
    sets = [
        chosen for size in range(1, min(plan["most"], count - 1) + 1) for chosen in combinations(range(count), size)
    ]
    found = []
    for place, chosen in enumerate([*sets, tuple(range(count))]):
        tools.progress("Searching sets of columns", place, len(sets) + 1)
        found.append(singling.classes(digits, rows, axes, chosen, sensitive))
    return found


def _telling(sets: list[Any], everything: Any) -> list[Any]:
    """The rows of the table: all columns, then the three worst sets of each size."""
    shown = [everything]
    for size in sorted({len(item.columns) for item in sets}):
        shown += [item for item in sets if len(item.columns) == size and item is not everything][:3]
    return shown


def _row(item: Any, plan: dict[str, Any]) -> dict[str, Any]:
    is_small = item.k < plan["k"]
    return {
        "columns": ", ".join(item.columns),
        "size": len(item.columns),
        "classes": len(item.sizes),
        "k": item.k,
        "unique": item.unique / plan["rows"],
        "under": item.under(plan["k"]) / plan["rows"],
        "diversity": item.diversity,
        "flagged": is_small,
        "reading": "singles_out" if item.unique else "small_crowd" if is_small else "none",
    }


def _added(found: list[Any], everything: Any, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Unique rows of the whole set without each column, where that set was searched too."""
    by_columns = {frozenset(item.columns): item for item in found}
    rows = []
    for name in everything.columns:
        rest = by_columns.get(frozenset(everything.columns) - {name})
        if rest is not None and len(everything.columns) > 1:
            without = rest.unique / plan["rows"]
            rows.append({"column": name, "added": everything.unique / plan["rows"] - without, "without": without})
    return sorted(rows, key=lambda row: (-row["added"], row["column"]))


def _takeaway(plan: dict[str, Any], everything: Any, singled: list[Any]) -> str:
    names = ", ".join(everything.columns)
    text = f"{everything.unique / plan['rows']:.1%} of {whole(plan['rows'])} rows are alone for somebody who knows {names}. "
    text += f"The smallest class has {whole(everything.k)} rows. " if everything.k > 1 else ""
    if not singled:
        return text + f"No set of these columns makes a class of fewer than {plan['k']}."
    fewest = min(singled, key=lambda item: (len(item.columns), -item.under(plan["k"]), item.columns))
    known = "column makes" if len(fewest.columns) == 1 else "columns together make"
    return text + f"{len(fewest.columns)} {known} a class of fewer than {plan['k']}: {', '.join(fewest.columns)}."


def _figure(found: list[Any], plan: dict[str, Any], takeaway: str) -> dict[str, Any]:
    """The worst set of each size."""
    from apps.evidence.kernels import charts

    drawn = []
    for size in sorted({len(item.columns) for item in found}):
        worst = max((item for item in found if len(item.columns) == size), key=lambda item: item.unique)
        share = worst.unique / plan["rows"]
        drawn.append(
            {"group": f"{size} known" if size > 1 else "1 known", "value": share, "text": f"{share:.1%}", "flagged": worst.k < plan["k"]}
        )  # fmt: skip
    spec = charts.bars(
        drawn, takeaway=takeaway, table="sets", title="Share of rows that are unique, worst set of each size"
    )
    return figure("uniqueness", "Unique rows by how many columns are known", takeaway, spec, "sets")


def _limits(plan: dict[str, Any]) -> list[str]:
    found = [
        "Which columns an outsider knows is an assumption; columns not searched may single out too.",
        "Uniqueness in these rows is not uniqueness in the population: the chance of naming a person from a sample is lower.",
    ]
    if plan["banded"]:
        found.append(
            f"Numbers with more than a thousand values were counted in up to {BANDS} bands: {', '.join(plan['banded'])}."
        )
    if plan["masked"]:
        found.append(
            f"Not searched, since nobody outside knows a masked value: {', '.join(plan['masked'][:10])}. Whoever"
            " holds the key of the masking can name everybody."
        )
    if plan["left_out"]:
        found.append(f"Not searched, too many columns or values for one table: {', '.join(plan['left_out'][:10])}.")
    return found

import re
from itertools import product
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

SEX = re.compile(r"(^|_)(sex|gender)(_|$)")
RACE = re.compile(r"(^|_)(race|ethnicity|race_ethnicity|ethnic_group)(_|$)")
MOST_CATEGORIES = 20
COLUMNS = [
    ("n", "In the data", "count"),
    ("chosen", "Chosen", "count"),
    ("rate", "Rate", "number"),
    ("ratio", "Impact ratio", "number"),
    ("share", "Share of the data", "share", 1),
    ("reading", "Reading", "reading"),
]


class LocalLaw144(Check):
    """Selection or scoring rates and impact ratios by sex, by race and ethnicity, and by both, as the audit rule defines them.

    Source: NYC Administrative Code 20-871; 6 RCNY 5-300 and 5-301."""

    key, title, order, version = "ll144", "Impact ratios for NYC Local Law 144", 23, "1.1.0"
    reads = ("scored", "test")
    is_on_request = True
    metrics = (
        Metric("lowest_ratio_sex", "Lowest impact ratio by sex"),
        Metric("lowest_ratio_race", "Lowest impact ratio by race and ethnicity"),
        Metric("lowest_ratio_both", "Lowest impact ratio of an intersection"),
        Metric("median", "Median score of the full sample"),
        Metric("unknown", "Rows without sex, race or ethnicity", "rows", 0),
        Metric("left_out", "Categories under the share that an auditor may leave out", "categories", 0),
        Metric("rows", "Rows audited", "rows", 0),
    )

    class Params(CheckParams):
        """The columns of sex and of race and ethnicity (without them, found by name), scores or selections, and the share left out."""

        sex: str = ""
        race: str = ""
        use_scores: bool = False
        rare: float = 0.02
        BOUNDS = {"rare": (0.0, 0.02)}
        WORDS = {
            "sex": ("Column of sex", "Without one, a column called sex or gender is looked for."),
            "race": (
                "Column of race and ethnicity",
                "Without one, a column called race, ethnicity or ethnic group is looked for.",
            ),
            "use_scores": (
                "Scoring rates instead of selection rates",
                "For a tool that gives scores and selects nobody by itself.",
            ),
            "rare": (
                "Share that may be left out",
                "A category with a smaller share of the data may be left out; the rule allows up to 2 %.",
            ),
        }
        NAMES = {"sex": "columns", "race": "columns"}

    example = Example(
        rows=[
            *({"sex": "male", "race": "a", "p": int(number < 48)} for number in range(100)),
            *({"sex": "female", "race": "a", "p": int(number < 36)} for number in range(90)),
            *({"sex": "female", "race": "b", "p": int(number < 5)} for number in range(20)),
        ],
        subject={"prediction": "p"},
        expect={
            "lowest_ratio_sex": (41 / 110) / 0.48,
            "lowest_ratio_race": 0.25 / (84 / 190),
            "left_out": 0,
            "unknown": 0,
        },
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Sex by race by what was chosen, or by score. Raises Unmeasurable without the columns."""
        from apps.evidence.kernels import counts, decisions

        names = [_column(subject, params.sex, SEX, "sex"), _column(subject, params.race, RACE, "race and ethnicity")]
        axes = [counts.category_axis(subject.columns[name], MOST_CATEGORIES) for name in names]
        has_scores = subject.score in subject.columns
        if params.use_scores and not has_scores:
            raise Unmeasurable(f"{subject.name} has no score column, so no scoring rate can be computed.")
        uses_scores = has_scores and (params.use_scores or subject.prediction not in subject.columns)
        what = decisions.score_axis(subject.columns[subject.score]) if uses_scores else decisions.decision_axis(subject)
        return {
            "plan": {
                "axes": axes, "what": what, "scores": uses_scores, "rows": subject.rows, "rare": params.rare,
                "exact": not uses_scores or subject.columns[subject.score].categories is not None,
            },
            "table": counts.empty(*axes, what),
        }  # fmt: skip

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count."""
        from apps.evidence.kernels import counts, states

        plan = state["plan"]
        return states.add(state, {"plan": plan, "table": counts.joint(batch, *plan["axes"], plan["what"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Three tables, each with its own highest rate."""
        plan = state["plan"]
        chosen, middle = _chosen(state)
        total = int(chosen.sum())
        if not total:
            raise Unmeasurable("No row holds a decision or a score.")
        found = _categories(chosen, plan, total)
        lowest = {
            name: min((row.ratio for row in rows if row.ratio is not None), default=None)
            for name, rows in found.items()
        }
        sizes = [len(axis["labels"]) for axis in plan["axes"]]
        known = int(chosen[: sizes[0], : sizes[1]].sum())
        takeaway = _takeaway(found, lowest, plan)
        return Result(
            takeaway,
            metrics=self.measured(
                lowest_ratio_sex=lowest["sex"], lowest_ratio_race=lowest["race"], lowest_ratio_both=lowest["both"], median=middle,
                unknown=total - known, left_out=sum(row.is_left_out and row.n > 0 for rows in found.values() for row in rows),
                rows=total,
            ),
            tables=[_table(name, rows, total, plan) for name, rows in found.items()],
            figures=_figure(found, takeaway),
            limits=_limits(plan, total - known),
            method=_method(plan, middle),
        )  # fmt: skip


def _column(subject: Subject, asked: str, pattern: re.Pattern[str], what: str) -> str:
    """The column asked for, or the first of that name. Raises Unmeasurable."""
    if asked:
        subject.needs(asked)
        return asked
    found = next((name for name in subject.columns if pattern.search(name.lower().replace("-", "_"))), "")
    if not found:
        raise Unmeasurable(
            f"{subject.name} has no column named like {what}. Name it in the parameters of this check; the law asks for both."
        )
    return found


def _chosen(state: dict[str, Any]) -> tuple[Any, float | None]:
    """Counts [sex, race, not chosen / chosen], with rows of unknown category, and the median where scores were used."""
    import numpy as np

    from apps.evidence.kernels import bias_audit, decisions

    plan, counts = state["plan"], np.asarray(state["table"], dtype=np.int64)
    if plan["scores"]:
        return bias_audit.above_median(counts[..., :-2], plan["what"]["middles"])
    return decisions.two_sided(counts, plan["what"], 2), None


def _categories(chosen: Any, plan: dict[str, Any], total: int) -> dict[str, list[Any]]:
    """Categories of the three tables."""
    from apps.evidence.kernels import bias_audit

    sexes, races = (axis["labels"] for axis in plan["axes"])
    both = chosen[: len(sexes), : len(races)].reshape(-1, 2)
    names = [" · ".join(pair) for pair in product(sexes, races)]
    return {
        "sex": bias_audit.ratios(chosen.sum(axis=1)[: len(sexes)], sexes, total, plan["rare"]),
        "race": bias_audit.ratios(chosen.sum(axis=0)[: len(races)], races, total, plan["rare"]),
        "both": bias_audit.ratios(both, names, total, plan["rare"]),
    }


def _table(name: str, rows: list[Any], total: int, plan: dict[str, Any]) -> dict[str, Any]:
    """One table as the rule has it; counts of 1 to 10 and what would reveal them are not shown."""
    from apps.evidence.kernels import decisions

    titles = {"sex": "Sex", "race": "Race and ethnicity", "both": "Sex and race, intersections"}
    shown = []
    for row, reading in zip(rows, decisions.readings([row.n for row in rows], smallest=0), strict=True):
        line = {"category": row.name, "n": decisions.shown_count(row.n, reading), "flagged": False}
        if reading == "shown" and row.n:
            line |= {"chosen": row.chosen, "share": row.n / total}
        if reading != "count_hidden":
            line |= {"rate": row.rate, "ratio": row.ratio}
        word = "left_out" if row.is_left_out else "insufficient" if reading == "count_hidden" else "none"
        word = "highest" if word == "none" and row.ratio == 1 else word
        shown.append({**line, "reading": word})
    verb = "above the median" if plan["scores"] else "chosen"
    columns = [("category", titles[name], "text"), COLUMNS[0], ("chosen", verb.capitalize(), "count"), *COLUMNS[2:]]
    note = f"{decisions.small_note(0).partition('. ')[2]} Each table has its own highest rate."
    return table(name, f"Rates and impact ratios: {titles[name].lower()}", columns, shown, note)


def _takeaway(found: dict[str, list[Any]], lowest: dict[str, Any], plan: dict[str, Any]) -> str:
    rate = "scoring" if plan["scores"] else "selection"
    said = []
    for name, word in (("sex", "sex"), ("race", "race and ethnicity"), ("both", "both together")):
        row = next(
            (row for row in found[name] if row.ratio is not None and row.ratio == lowest[name] and row.n > 10), None
        )
        said += [f"by {word} {lowest[name]:.3f} ({row.name})"] if row else []
    text = (
        f"Lowest impact ratios of {rate} rates: {', '.join(said)}. "
        if said
        else f"No impact ratio of {rate} rates can be computed. "
    )
    return text + "The law names no limit for them."


def _figure(found: dict[str, list[Any]], takeaway: str) -> list[dict[str, Any]]:
    from apps.evidence.kernels import charts

    drawn = [
        {"group": row.name, "value": row.ratio, "text": f"{row.ratio:.3f}", "flagged": False}
        for name in ("sex", "race")
        for row in found[name]
        if row.ratio is not None and row.n > 10
    ]
    if not drawn:
        return []
    spec = charts.bars(drawn, takeaway=takeaway, table="sex", title="Impact ratio", domain=[0, 1.05])
    return [figure("ratios", "Impact ratios by sex and by race and ethnicity", takeaway, spec, "sex")]


def _limits(plan: dict[str, Any], unknown: int) -> list[str]:
    found = [
        "This is the calculation, not the audit: an audit is done by somebody independent of those who made and use the tool.",
        f"{whole(unknown)} rows of unknown category are counted and not guessed; they belong to the full sample of the median.",
        f"Categories under {plan['rare']:.0%} of the data carry no ratio; their number and rate are shown, and the auditor says why.",
    ]
    if not plan["exact"]:
        found.append("The score has more than a thousand values: the median is exact to a ten-thousandth of its range.")
    return found


def _method(plan: dict[str, Any], middle: float | None) -> dict[str, str]:
    rate = (
        f"Share of a category strictly above the median of the full sample, {middle:.6g}" if middle is not None else ""
    )
    return {
        "Measure": rate or "Chosen in a category divided by all in it",
        "Impact ratio": "Rate of a category divided by the highest rate in the same table",
        "Left out": f"Under {plan['rare']:.0%} of all rows (6 RCNY 5-301(d))",
    }

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


def _linear(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [2.0 * float(a) - 1.0 * float(b) for a, b in zip(columns["a"], columns["b"], strict=True)]


IMPORTANCE = [
    ("feature", "Feature", "text"),
    ("effect", "Mean absolute effect", "number", 4),
    ("interval", "95 % interval", "interval", 4),
    ("direction", "Mean effect", "number", 4),
]
CASE = [
    ("feature", "Feature", "text"),
    ("value", "Value", "text"),
    ("effect", "Effect on the score", "number", 4),
    ("error", "Standard error", "number", 4),
]
DELETION = [
    ("k", "Features replaced", "text"),
    ("ranked", "Strongest first", "number", 4),
    ("random", "At random", "number", 4),
]
LIMITS = [
    "Effects are those of the model, not of the world: a feature may stand for another that is not in the model.",
    "Features that depend on each other are varied one at a time, so some rows that were scored are unlikely ones.",
    "Single cases are described in words, so that no person's own values are shown.",
]
DELETION_NOTE = "An explanation that fits the model changes the score more than chance does."


class Explainability(Check):
    """What each feature adds to the score, over all rows and in single cases, asked of the serving endpoint.

    Source: Lundberg and Lee (2017), interventional Shapley values; Regulation (EU) 2024/1689 Art. 13 and 86."""

    key, title, order = "explainability", "Explainability", 30
    reads = ("test", "scored", "train")
    scores = True
    fills = ("explainability_report",)
    metrics = (
        Metric("largest_importance", "Mean effect of the strongest feature on the score"),
        Metric("additivity_gap", "Largest gap between a score and its parts", digits=6),
        Metric("largest_error", "Largest standard error of a mean effect", digits=4),
        Metric("deletion_ratio", "Change when the top features are replaced, against random ones", "times", 2),
        Metric("rows", "Rows explained", "rows", 0),
        Metric("scored_rows", "Rows scored for it", "rows", 0),
        Metric("calls", "Full requests to the endpoint that this takes", "requests", 0),
    )

    class Params(CheckParams):
        """How many rows are explained, against how many rows of background."""

        rows: int = 100
        background: int = 50
        BOUNDS = {"rows": (1, 1000), "background": (2, 500)}
        WORDS = {
            "rows": ("Rows explained", "More rows take longer and give narrower intervals."),
            "background": ("Rows of background", "The rows that a case is compared with."),
        }

    example = Example(
        rows=[{"a": i % 7, "b": (i * 3) % 5} for i in range(70)],
        params={"rows": 20, "background": 20},
        subject={"features": ["a", "b"]},
        expect={"rows": 20},
        predict=_linear,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows: the first part is explained, the rest is the background."""
        from apps.evidence.kernels import sampling

        if not subject.inputs:
            raise Unmeasurable(f"{subject.name} has none of the features that this version declares.")
        wanted = {"explain": params.rows, "background": params.background, "threshold": subject.threshold}
        return {"plan": {**sampling.plan(subject, params.rows + params.background), **wanted}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Explain, test the explanation, and describe three cases."""
        from apps.evidence.kernels import explain, sampling

        plan = state["plan"]
        kept = len(state["sample"])
        if tools.predict is None:
            raise Unmeasurable("This version names no endpoint that serves it, so its scores cannot be explained.")
        if kept < 4:
            raise Unmeasurable(f"{plan['name']} has {kept} rows without gaps; at least 4 are needed.")
        background_rows = min(plan["background"], kept // 2)
        background = sampling.columns_of(state, 0, background_rows)
        explained = sampling.columns_of(state, background_rows, background_rows + plan["explain"])
        tools.progress("Asking the endpoint for scores", 0, 0)
        found = explain.shapley(tools.predict, explained, background, seed=plan["seed"])
        tools.progress("Testing the explanation", 0, 0)
        deleted = explain.deletion(tools.predict, found, explained, background, seed=plan["seed"])
        return self._result(plan, found, deleted, explained, tools)

    def _result(
        self, plan: dict[str, Any], found: Any, deleted: list[dict[str, float]], explained: Any, tools: Tools
    ) -> Result:
        ranked = importance(found)
        ratio = deleted[0]["ranked"] / deleted[0]["random"] if deleted[0]["random"] else None
        top, used = ranked[0], tools.calls()
        takeaway = f"{top['feature']} moves the score most, by {top['effect']:.3f} on average."
        if len(ranked) > 1:
            takeaway += f" Next is {ranked[1]['feature']}, with {ranked[1]['effect']:.3f}."
        cases = [describe(plan, found, explained, name, row) for name, row in pick(plan, found).items()]
        replaced = [{**row, "k": str(int(row["k"]))} for row in deleted]
        return Result(
            takeaway,
            types=_types(found, ratio),
            metrics=self.measured(
                largest_importance=(top["effect"], *top["interval"]),
                additivity_gap=found.gap,
                largest_error=max(row["error"] for row in ranked),
                deletion_ratio=ratio,
                rows=len(found.scores),
                scored_rows=used.get("rows"),
                calls=used.get("calls"),
            ),
            tables=[
                table(
                    "importance",
                    "Effect of each feature on the score",
                    IMPORTANCE,
                    ranked,
                    "Interval over the rows explained.",
                ),
                *(numbers for _, numbers in cases),
                table(
                    "deletion", "Mean change of the score when features are replaced", DELETION, replaced, DELETION_NOTE
                ),
            ],
            figures=[_importance_figure(ranked, takeaway), *(drawn for drawn, _ in cases)],
            limits=LIMITS,
            method=_method(plan, found, ratio),
        )


def _types(found: Any, ratio: float | None) -> dict[str, dict[str, Any]]:
    """Validated means: the parts add up to the score, and removing the strongest changes more than chance."""
    validated = found.gap < 1e-6 and ratio is not None and ratio > 1
    return {"explainability_report": {"global_view": True, "local_view": True, "method_validated": validated}}


def _method(plan: dict[str, Any], found: Any, ratio: float | None) -> dict[str, str]:
    deletion = (
        f"replacing the strongest feature changes the score {ratio:.1f} times as much as a random one" if ratio else ""
    )
    return {
        "Measure": "Interventional Shapley values of the score, antithetic permutations, one background row a pair",
        "Background": f"{plan['background']} rows, mean score {found.base:.4f}",
        "Additivity": f"largest gap {found.gap:.1e}",
        "Deletion": deletion or "not computable",
        "Spread": f"scores from {float(found.scores.min()):.3f} to {float(found.scores.max()):.3f}",
    }


def importance(found: Any) -> list[dict[str, Any]]:
    """Mean absolute effect per feature with its interval over rows, strongest first."""
    import numpy as np

    sizes = np.abs(found.values)
    means, count = sizes.mean(axis=0), len(sizes)
    errors = sizes.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros_like(means)
    return [
        {
            "feature": found.features[place],
            "effect": float(means[place]),
            "error": float(errors[place]),
            "interval": [
                float(max(0.0, means[place] - 1.96 * errors[place])),
                float(means[place] + 1.96 * errors[place]),
            ],
            "direction": float(found.values[:, place].mean()),
        }
        for place in np.argsort(-means, kind="stable")
    ]


def _importance_figure(ranked: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
    from apps.evidence.kernels import charts

    drawn = [
        {
            "group": row["feature"],
            "value": row["effect"],
            "low": row["interval"][0],
            "high": row["interval"][1],
            "text": f"{row['effect']:.3f}",
        }
        for row in ranked[:20]
    ]
    title = "Mean absolute effect on the score, with 95 % interval"
    spec = charts.bars(drawn, takeaway=takeaway, table="importance", title=title)
    return figure("importance", "Importance of features over all explained rows", takeaway, spec, "importance")


def pick(plan: dict[str, Any], found: Any) -> dict[str, int]:
    """Three cases worth a look, by what they are called: lowest, most doubtful, highest score."""
    import numpy as np

    middle = plan["threshold"] if plan["threshold"] is not None else float(np.median(found.scores))
    return {
        "lowest score": int(np.argmin(found.scores)),
        f"score closest to {middle:.2f}": int(np.argmin(np.abs(found.scores - middle))),
        "highest score": int(np.argmax(found.scores)),
    }


def describe(
    plan: dict[str, Any], found: Any, explained: Any, name: str, row: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One case in words: its figure and its table."""
    import numpy as np

    from apps.evidence.kernels import charts, sampling

    rows = [
        {
            "feature": feature,
            "value": sampling.in_words(explained[feature][row], plan["words"][feature]),
            "effect": float(found.values[row, place]),
            "error": float(found.errors[row, place]),
        }
        for place in np.argsort(-np.abs(found.values[row]), kind="stable")
        for feature in [found.features[place]]
    ]
    key, first = f"case-{name.split()[0]}-{name.split()[1]}", rows[0]
    verb = "raises" if first["effect"] > 0 else "lowers"
    said = f"The case with the {name}, {found.scores[row]:.3f}: {first['feature']} {verb} it most, by {abs(first['effect']):.3f}."
    drawn = [
        {
            "group": item["feature"],
            "value": item["effect"],
            "text": f"{item['effect']:+.3f}",
            "flagged": item["effect"] < 0,
        }
        for item in rows[:10]
    ]
    title = "Effect on the score against the average case"
    spec = charts.bars(drawn, takeaway=said, table=key, title=title, zero_line=True)
    caption = f"The case with the {name}; the darker colour lowers the score"
    return figure(key, caption, said, spec, key), table(key, f"The case with the {name}", CASE, rows)

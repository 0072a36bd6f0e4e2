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


class Explainability(Check):
    """What each feature adds to the score, over all rows and in single cases, asked of the serving endpoint. Source: Lundberg and Lee (2017), interventional Shapley values; Regulation (EU) 2024/1689 Art. 13 and 86."""

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
        Metric("calls", "Calls to the endpoint", "calls", 0),
    )

    class Params(CheckParams):
        """How many rows are explained, against how many rows of background."""

        rows: int = 100
        background: int = 50
        BOUNDS = {"rows": (1, 1000), "background": (2, 500)}

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
        import numpy as np

        importance = self._importance(found)
        ratio = deleted[0]["ranked"] / deleted[0]["random"] if deleted[0]["random"] else None
        validated = found.gap < 1e-6 and ratio is not None and ratio > 1
        used = tools.calls()
        top = importance[0]
        takeaway = f"{top['feature']} moves the score most, by {top['effect']:.3f} on average" + (
            f", then {importance[1]['feature']} by {importance[1]['effect']:.3f}." if len(importance) > 1 else "."
        )
        cases, case_figures = self._cases(plan, found, explained)
        return Result(
            takeaway,
            types={"explainability_report": {"global_view": True, "local_view": True, "method_validated": bool(validated)}},
            metrics=self.measured(
                largest_importance=(top["effect"], *top["interval"]), additivity_gap=found.gap, largest_error=max(row["error"] for row in importance),
                deletion_ratio=ratio, rows=len(found.scores), scored_rows=used.get("rows"), calls=used.get("calls"),
            ),
            tables=[self._global_table(importance), *cases, self._deletion_table(deleted)],
            figures=[self._global_figure(importance, takeaway), *case_figures],
            limits=[
                "Effects are those of the model, not of the world: a feature may stand for another that is not in the model.",
                "Features that depend on each other are varied one at a time, so some rows that were scored are unlikely ones.",
                "Single cases are described in words, so that no person's own values are shown.",
            ],
            method={
                "Measure": "Interventional Shapley values of the score, antithetic permutations, each background row used once per case",
                "Background": f"{plan['background']} rows, mean score {found.base:.4f}",
                "Additivity": f"largest gap {found.gap:.1e}",
                "Deletion": f"replacing the strongest feature changes the score {ratio:.1f} times as much as a random one" if ratio is not None else "not computable",
                "Spread": f"scores from {float(np.min(found.scores)):.3f} to {float(np.max(found.scores)):.3f}",
            },
        )  # fmt: skip

    def _importance(self, found: Any) -> list[dict[str, Any]]:
        """Mean absolute effect per feature with its interval over rows, strongest first."""
        import numpy as np

        sizes = np.abs(found.values)
        means, count = sizes.mean(axis=0), len(sizes)
        errors = sizes.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros_like(means)
        order = np.argsort(-means, kind="stable")
        return [
            {"feature": found.features[place], "effect": float(means[place]), "error": float(errors[place]),
             "interval": [float(max(0.0, means[place] - 1.96 * errors[place])), float(means[place] + 1.96 * errors[place])],
             "direction": float(found.values[:, place].mean())}
            for place in order
        ]  # fmt: skip

    def _global_table(self, importance: list[dict[str, Any]]) -> dict[str, Any]:
        columns = [
            ("feature", "Feature", "text"),
            ("effect", "Mean absolute effect", "number", 4),
            ("interval", "95 % interval", "interval", 4),
            ("direction", "Mean effect", "number", 4),
        ]
        return table(
            "importance",
            "Effect of each feature on the score",
            columns,
            importance,
            "Interval over the rows that were explained.",
        )

    def _global_figure(self, importance: list[dict[str, Any]], takeaway: str) -> dict[str, Any]:
        from apps.evidence.kernels import charts

        drawn = [
            {
                "group": row["feature"],
                "value": row["effect"],
                "low": row["interval"][0],
                "high": row["interval"][1],
                "text": f"{row['effect']:.3f}",
            }
            for row in importance[:20]
        ]
        spec = charts.bars(
            drawn, takeaway=takeaway, table="importance", title="Mean absolute effect on the score, with 95 % interval"
        )
        return figure("importance", "Importance of features over all explained rows", takeaway, spec, "importance")

    def _cases(
        self, plan: dict[str, Any], found: Any, explained: Any
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The case with the lowest, the highest and the most doubtful score, in words."""
        import numpy as np

        from apps.evidence.kernels import charts, sampling

        middle = plan["threshold"] if plan["threshold"] is not None else float(np.median(found.scores))
        picked = {
            "lowest": int(np.argmin(found.scores)),
            "closest": int(np.argmin(np.abs(found.scores - middle))),
            "highest": int(np.argmax(found.scores)),
        }
        titles = {"lowest": "lowest score", "closest": f"score closest to {middle:.2f}", "highest": "highest score"}
        tables, figures = [], []
        for name, row in picked.items():
            order = np.argsort(-np.abs(found.values[row]), kind="stable")
            rows = [
                {"feature": found.features[place], "value": sampling.in_words(explained[found.features[place]][row], plan["words"][found.features[place]]),
                 "effect": float(found.values[row, place]), "error": float(found.errors[row, place])}
                for place in order
            ]  # fmt: skip
            said = f"The case with the {titles[name]} ({found.scores[row]:.3f}; average {found.base:.3f}): {rows[0]['feature']} {'raises' if rows[0]['effect'] > 0 else 'lowers'} it most, by {abs(rows[0]['effect']):.3f}."
            columns = [
                ("feature", "Feature", "text"),
                ("value", "Value", "text"),
                ("effect", "Effect on the score", "number", 4),
                ("error", "Standard error", "number", 4),
            ]
            tables.append(table(f"case-{name}", f"The case with the {titles[name]}", columns, rows))
            drawn = [
                {
                    "group": item["feature"],
                    "value": item["effect"],
                    "text": f"{item['effect']:+.3f}",
                    "flagged": item["effect"] < 0,
                }
                for item in rows[:10]
            ]
            spec = charts.bars(
                drawn,
                takeaway=said,
                table=f"case-{name}",
                title="Effect on the score against the average case",
                zero_line=True,
            )
            figures.append(
                figure(
                    f"case-{name}",
                    f"The case with the {titles[name]}; orange lowers the score",
                    said,
                    spec,
                    f"case-{name}",
                )
            )
        return tables, figures

    def _deletion_table(self, deleted: list[dict[str, float]]) -> dict[str, Any]:
        columns = [
            ("k", "Features replaced", "count"),
            ("ranked", "Strongest first", "number", 4),
            ("random", "At random", "number", 4),
        ]
        rows = [{**row, "k": int(row["k"])} for row in deleted]
        return table(
            "deletion",
            "Mean change of the score when features take another row's values",
            columns,
            rows,
            "An explanation that fits the model changes the score more than chance.",
        )

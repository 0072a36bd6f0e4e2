from collections.abc import Mapping, Sequence
from dataclasses import replace
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

ROWS = 500
STEPS = (0.25, 0.5, 1.0)
COLUMNS = [
    ("rate", "Requests a second, asked", "number", 1),
    ("sent", "Sent", "count"),
    ("answered", "Answered", "count"),
    ("achieved", "Answers a second", "number", 1),
    ("p50", "Median, ms", "number", 1),
    ("p50_interval", "95 % interval", "interval", 1),
    ("p95", "95 of 100 within, ms", "number", 1),
    ("longest", "Longest, ms", "number", 1),
    ("reading", "Reading", "reading"),
]
MEMORY = ("memory", "Memory after it, MiB", "number", 0)
UNSEEN = "Memory and processor use of the serving system are not visible through its protocol; a version may name where it exposes them."
SEEN = "Memory is what the serving system says of itself, read before, between and after the rates: a short peak is not seen."


def _answer(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    return [0.0 for _ in columns["a"]]


class Load(Check):
    """How fast the endpoint answers at stated rates, and how many rows it scores a second in batches. Bounded: it ends by itself.

    Source: Regulation (EU) 2024/1689 Annex IV 2; ISO/IEC 25010 on time behaviour; open-loop measurement against coordinated omission."""

    key, title, order = "load", "Time and load of the endpoint", 38
    reads = ("test", "scored", "train")
    scores = True
    is_repeatable = False
    metrics = (
        Metric("median", "Median time of an answer at the highest rate", "ms", 1),
        Metric("p95", "95 of 100 answers within, at the highest rate", "ms", 1),
        Metric("sustained", "Highest rate that was kept up", "requests/s", 1),
        Metric("unanswered", "Requests refused or not answered", "share"),
        Metric("rows_per_second", "Rows scored a second in one batch", "rows/s", 0),
        Metric("requests", "Requests sent", "requests", 0),
        Metric("memory", "Most memory that the serving system said it used", "MiB", 0),
        Metric("memory_growth", "Memory gained from the first request to the last", "MiB", 0),
    )

    class Params(CheckParams):
        """The highest rate in requests a second, seconds at each of three rates, and rows in a request."""

        rate: int = 20
        seconds: float = 0.8
        rows: int = 1
        BOUNDS = {"rate": (1, 200), "seconds": (0.1, 20.0), "rows": (1, 500)}
        WORDS = {
            "rate": ("Highest rate", "Requests a second; a half and a quarter of it are tried before."),
            "seconds": ("Seconds at each rate", "Longer runs find rarer delays."),
            "rows": ("Rows in a request", "Cases that are sent together."),
        }

    example = Example(
        rows=[{"a": number} for number in range(40)],
        params={"rate": 40, "seconds": 0.2},
        subject={"features": ["a"]},
        expect={"unanswered": 0.0, "requests": 14},
        predict=_answer,
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """A sample of rows to send."""
        from apps.evidence.kernels import sampling

        if not subject.inputs:
            raise Unmeasurable(f"{subject.name} has none of the features that this version declares.")
        return {"plan": {**sampling.plan(subject, ROWS), **params.as_dict(), "per_request": params.rows}, "sample": []}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Keep the rows with the smallest draws."""
        from apps.evidence.kernels import sampling, states

        return states.add(state, {"plan": state["plan"], "sample": sampling.rows_of(batch, state["plan"])})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Three rates, lowest first, until one is not kept up; then batches."""
        from apps.evidence.kernels import loading, sampling

        plan, columns = state["plan"], sampling.columns_of(state)
        if tools.predict is None:
            raise Unmeasurable("This version names no endpoint that serves it, so nothing can be timed.")
        if not state["sample"]:
            raise Unmeasurable(f"No row of {plan['name']} is without gaps, so none can be sent.")
        tools = replace(tools, predict=tools.predict_anew or tools.predict)
        tools.predict({name: values[:1] for name, values in columns.items()})  # type: ignore[misc]
        memory = [_memory(tools)]
        steps = _steps(plan, columns, tools, memory)
        pace = _pace(columns, tools)
        memory.append(_memory(tools))
        last, sent = steps[-1], sum(step.sent for step in steps)
        lost = 1 - sum(len(step.times) for step in steps) / sent
        median = loading.quantile(last.times, 0.5)
        takeaway = _takeaway(last, median, loading.quantile(last.times, 0.95), pace)
        return Result(
            takeaway,
            metrics=self.measured(
                median=None if median is None else (median * 1000, *(_ms(loading.quantile_interval(last.times, 0.5)) or (None, None))),
                p95=_ms(loading.quantile(last.times, 0.95)),
                sustained=max((step.rate for step in steps if step.is_sustained), default=0.0),
                unanswered=lost, rows_per_second=pace, requests=sent, **_told(memory),
            ),
            tables=[_table(steps, memory)],
            figures=_figure(steps, takeaway),
            limits=[
                "Times differ from run to run and with what else runs on both machines; this result cannot be repeated to the digit.",
                SEEN if _told(memory) else UNSEEN,
                "A few seconds at these rates say nothing about hours, or about higher rates.",
            ],
            method=_method(plan),
        )  # fmt: skip


def _memory(tools: Tools) -> float | None:
    """MiB that the serving system says it uses now."""
    found = tools.memory() if tools.memory else None
    return None if found is None else found / 2**20


def _told(memory: list[float | None]) -> dict[str, float]:
    """The figures of memory, where the system spoke of it before and after."""
    if memory[0] is None or memory[-1] is None:
        return {}
    return {"memory": max(value for value in memory if value is not None), "memory_growth": memory[-1] - memory[0]}


def _table(steps: list[Any], memory: list[float | None]) -> dict[str, Any]:
    """A row for each rate; with the memory after it, where that is told."""
    rows = [{**_row(step), "memory": told} for step, told in zip(steps, memory[1:], strict=False)]
    columns = [*COLUMNS[:-1], MEMORY, COLUMNS[-1]] if _told(memory) else COLUMNS
    return table("rates", "Answers at each rate", columns, rows)


def _steps(plan: dict[str, Any], columns: Any, tools: Tools, memory: list[float | None]) -> list[Any]:
    """The rates that were tried; after each, what the system says of its memory is added."""
    from apps.evidence.kernels import loading

    size, count = plan["per_request"], len(next(iter(columns.values())))

    def ask(number: int) -> None:
        rows = [(number * size + place) % count for place in range(size)]
        tools.predict({name: [values[row] for row in rows] for name, values in columns.items()})  # type: ignore[misc]

    found: list[Any] = []
    for part in STEPS:
        rate = plan["rate"] * part
        tools.progress(f"Asking {rate:g} times a second", len(found), len(STEPS))
        found.append(loading.at_rate(ask, rate=rate, seconds=plan["seconds"], refusals=(Unmeasurable,)))
        memory.append(_memory(tools))
        if not found[-1].is_sustained:
            break
    return found


def _pace(columns: Any, tools: Tools) -> float:
    """Rows a second in the best of three batches of all rows kept."""
    import time

    rows, best = len(next(iter(columns.values()))), float("inf")
    for _ in range(3):
        begun = time.monotonic()
        tools.predict(columns)  # type: ignore[misc]
        best = min(best, time.monotonic() - begun)
    return rows / max(best, 1e-6)


def _ms(seconds: Any) -> Any:
    if seconds is None:
        return None
    return [value * 1000 for value in seconds] if isinstance(seconds, tuple) else seconds * 1000


def _row(step: Any) -> dict[str, Any]:
    from apps.evidence.kernels import loading

    return {
        "rate": step.rate,
        "sent": step.sent,
        "answered": len(step.times),
        "achieved": step.achieved,
        "p50": _ms(loading.quantile(step.times, 0.5)),
        "p50_interval": _ms(loading.quantile_interval(step.times, 0.5)),
        "p95": _ms(loading.quantile(step.times, 0.95)),
        "longest": _ms(loading.quantile(step.times, 1.0)),
        "flagged": not step.is_sustained,
        "reading": "kept_up" if step.is_sustained else "fell_behind",
    }


def _takeaway(last: Any, median: float | None, late: float | None, pace: float) -> str:
    if median is None or late is None:
        return f"The endpoint answered none of {last.sent} requests at {last.rate:g} a second."
    kept = "" if last.is_sustained else " The endpoint fell behind, so no higher rate was tried."
    return (
        f"At {last.rate:g} requests a second half of the answers come within {median * 1000:.0f} ms, 95 of 100 within {late * 1000:.0f} ms."
        f"{kept} In batches it scores {pace:,.0f} rows a second."
    )


def _figure(steps: list[Any], takeaway: str) -> list[dict[str, Any]]:
    from apps.evidence.kernels import charts

    drawn = [
        {
            "group": f"{row['rate']:g} a second",
            "value": row["p50"],
            "low": row["p50"],
            "high": row["p95"],
            "text": f"{row['p50']:.0f} ms, 95 of 100 within {row['p95']:.0f} ms",
            "flagged": row["flagged"],
        }
        for row in map(_row, steps)
        if row["p50"] is not None
    ]
    if not drawn:
        return []
    title = "Milliseconds: the median, and a line up to the time within which 95 of 100 answers came"
    spec = charts.intervals(drawn, takeaway=takeaway, table="rates", title=title, width=260)
    return [figure("times", "Time of an answer by rate", takeaway, spec, "rates")]


def _method(plan: dict[str, Any]) -> dict[str, str]:
    return {
        "Measure": f"Requests of {plan['per_request']} rows at equal distances for {plan['seconds']:g} s at each rate, lowest first",
        "Time": "From the moment a request was due to its answer, so that a queue counts",
        "Kept up": "Every request answered, the last within a tenth of the time and a quarter of a second",
        "Batches": "All rows kept in one call, the best of three",
        "Intervals": "From the ranks of the answers, 95 %",
    }

"""Runs checks over one dataset: one pass to see what the columns are, one pass of counting for all of them together.

Pure: rows come from any reader with `batches()`, scores from any `predict`. What one check cannot do stops that check only.
Files are counted part by part where a `Counting` says so: here, in other processes or on a cluster, with the same states.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import rfc8785

from apps.core.memory import few_collections
from apps.evidence.checks.base import Check, Result, Subject, Tools, Unmeasurable, whole
from apps.evidence.drivers.counting import Counting
from apps.evidence.drivers.work import DEFECT, DEFECTS, defect_in_words

Outcome = Result | Unmeasurable


class Rows(Protocol):
    """A dataset that can be read more than once."""

    columns: Any

    def batches(self) -> Iterable[Any]:
        """Batches in order."""


@dataclass
class Pair:
    """Two datasets: the one that is measured, and the one it is compared with."""

    rows: Rows
    reference: Rows

    @property
    def columns(self) -> Any:
        """What the survey found in the dataset that is measured."""
        return self.rows.columns

    def batches(self) -> Iterable[Any]:
        """All rows of the one, then all rows of the other, marked."""
        yield from self.rows.batches()
        for batch in self.reference.batches():
            batch.is_reference = True
            yield batch


def survey(rows: Rows, tools: Tools, name: str, counting: Counting | None = None) -> dict[str, Any]:
    """The first pass: columns by name. Also tells a CSV reader the types for the second pass."""
    from apps.evidence.kernels import survey as kernel

    if counting is not None and counting.can_cut(rows):
        rows.columns = kernel.finish(counting.survey(rows, name, tools))
        return dict(rows.columns)
    state, done = kernel.start(), 0
    for batch in rows.batches():
        state = kernel.update(state, batch)
        done += batch.rows
        tools.progress(f"Looking at the columns of {name}", done, 0)
    rows.columns = kernel.finish(state)
    return dict(rows.columns)


def surveyed(rows: Rows | Pair, subject: Subject, tools: Tools, counting: Counting | None = None) -> Subject:
    """The subject with what its columns are, and so the dataset it is compared with. Raises Unmeasurable without rows."""
    if isinstance(rows, Pair):
        other = surveyed(rows.reference, subject.reference or Subject(name="reference"), tools, counting)
        return replace(surveyed(rows.rows, subject, tools, counting), reference=other)
    columns = survey(rows, tools, subject.name, counting)
    total = max((column.rows for column in columns.values()), default=0)
    if not total:
        raise Unmeasurable(
            f"{subject.name or 'The dataset'} holds no rows. Link the file that the version really used.",
            code="NO_ROWS",
        )
    return replace(subject, columns=columns, rows=total)


@few_collections()
def measure(
    rows: Rows | Pair,
    checks: Mapping[str, tuple[Check, Any]],
    subject: Subject,
    tools: Tools,
    counting: Counting | None = None,
) -> dict[str, Outcome]:
    """Plan, count and finish every check over one dataset, or two; per check its result or why it could not measure."""
    known = attempt(surveyed, rows, subject, tools, counting)
    if isinstance(known, Unmeasurable):
        return dict.fromkeys(checks, known)
    total = known.rows + (known.reference.rows if known.reference else 0)
    states: dict[str, Any] = {key: attempt(check.plan, known, params) for key, (check, params) in checks.items()}
    sides = [rows.rows, rows.reference] if isinstance(rows, Pair) else [rows]
    if counting is not None and all(counting.can_cut(side) for side in sides):
        named = {key: check for key, (check, _) in checks.items()}
        states = counting.count(sides, named, states, subject.name, tools)
    else:
        states = streamed(rows, checks, states, total, subject.name, tools)
    for key, state in states.items():
        if not isinstance(state, Unmeasurable):
            check = checks[key][0]
            tools.progress(f"Finishing {check.title}", 0, 0)
            from_here = counting_from_here(tools)
            states[key] = with_scores_noted(attempt(check.finish, state, from_here), from_here.calls())
    return states


def streamed(
    rows: Rows | Pair,
    checks: Mapping[str, tuple[Check, Any]],
    states: dict[str, Any],
    total: int,
    name: str,
    tools: Tools,
) -> dict[str, Any]:
    """The states with all rows, read in order in this process."""
    done = 0
    for batch in rows.batches():
        for key, state in states.items():
            if not isinstance(state, Unmeasurable):
                states[key] = attempt(checks[key][0].update, state, batch)
        done += batch.rows
        tools.progress(f"Counting rows of {name}", done, total)
    return states


def counting_from_here(tools: Tools) -> Tools:
    """The same tools, whose counts of calls and rows begin now: what a check reports does not depend on its neighbours."""
    before = tools.calls()
    return replace(tools, calls=lambda: {name: count - before.get(name, 0) for name, count in tools.calls().items()})


def with_scores_noted(outcome: Outcome, used: Mapping[str, int], title: str = "Scores") -> Outcome:
    """The outcome, whose method says where its scores came from. Outside the digest: it depends on what else was asked in the run."""
    if isinstance(outcome, Result) and used.get("rows") and "kept" in used:
        outcome.method[title] = scores_in_words(used)
    return outcome


def scores_in_words(used: Mapping[str, int]) -> str:
    """How many rows the endpoint scored, and how many had their score from earlier in the run."""
    if not used["kept"]:
        return f"{whole(used['rows'])} rows, each scored by the endpoint"
    return (
        f"{whole(used['rows'])} rows: {whole(used['sent'])} scored by the endpoint, "
        f"{whole(used['kept'])} equal to rows that it scored in the same run"
    )


def measure_facts(check: Check, params: Any, subject: Subject, tools: Tools) -> Outcome:
    """A check that reads no rows."""
    state = attempt(check.plan, subject, params)
    found: Outcome = state if isinstance(state, Unmeasurable) else attempt(check.finish, state, tools)
    return found


def attempt(step: Callable[..., Any], *given: Any) -> Any:
    """Do one step of one check; what stops it is answered instead of a result, and stops nobody else."""
    try:
        return step(*given)
    except Unmeasurable as reason:
        return reason
    except DEFECTS as defect:
        failure = Unmeasurable(defect_in_words(defect), code=DEFECT)
        failure.__cause__ = defect
        return failure


def finished(
    check: Check, params: Any, subject: Subject, result: Result, inputs: list[dict[str, Any]]
) -> dict[str, Any]:
    """The columns of an evidence row: figures drawn, the method written out, and the digest that a repetition must reach."""
    found = tidy(asdict(result))
    figures = [drawn(figure, f"{check.key}-{figure['key']}".replace("_", "-")) for figure in found["figures"]]
    digests = [{name: row[name] for name in ("kind", "role", "sha256") if name in row} for row in inputs]
    recipe = {"check": check.key, "check_version": check.version, "seed": subject.seed, "params": params.as_dict()}
    repeatable = {name: found[name] for name in ("types", "metrics", "tables")}
    return {
        "title": check.title,
        "summary": found["takeaway"],
        "types": found["types"],
        "metrics": found["metrics"],
        "tables": found["tables"],
        "figures": figures,
        "limits": found["limits"],
        "inputs": inputs,
        "method": {
            **recipe,
            "source": check.words,
            "words": [[label, text] for label, text in found["method"].items()],
            "libraries": libraries(),
            "result_digest": content_digest({**recipe, **repeatable, "inputs": digests}),
        },
    }


def drawn(figure: dict[str, Any], key: str) -> dict[str, Any]:
    """The figure with its drawing, and with its narrow form for phones."""
    from apps.evidence.kernels import charts, slim

    takeaway = figure["takeaway"]
    return {
        **figure,
        "svg": charts.draw(figure["spec"], key=key, takeaway=takeaway),
        "slim": charts.draw(slim.slim(figure["spec"]), key=f"{key}-slim", takeaway=takeaway),
    }


def content_digest(content: Any) -> str:
    """`sha256:` of the RFC 8785 form."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def tidy(value: Any) -> Any:
    """The value as JSON holds it: numpy numbers as Python's, rounded to twelve significant digits, no NaN, no NUL."""
    if isinstance(value, dict):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.12g}") if value == value and abs(value) != float("inf") else None
    return value.replace("\x00", "") if isinstance(value, str) else value


def libraries() -> dict[str, str]:
    """Versions of what the numbers come from."""
    from importlib.metadata import version

    return {
        name: version(name) for name in ("numpy", "pyarrow", "fairlearn", "scikit-learn", "scipy", "vl-convert-python")
    }

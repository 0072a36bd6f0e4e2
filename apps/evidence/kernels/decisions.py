"""Outcomes and decisions as two-sided tables, scores as ordered cells, and what may be shown of small groups."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.evidence.checks.base import SMALLEST_COUNT, SMALLEST_GROUP, Subject, Unmeasurable
from apps.evidence.kernels.counts import Axis, axis_for
from apps.evidence.kernels.survey import Column

SCORE_CELLS = 10_000
FEWEST_GROUPS = 10  # up to so many different texts form groups, however few rows there are
TRUE_WORDS = ["1", "1.0", "true", "True", "TRUE"]
FALSE_WORDS = ["0", "0.0", "false", "False", "FALSE"]


def outcome_axis(column: str, positive: str) -> Axis:
    """The cells positive, anything else, missing of a column of labels."""
    values = next((words for words in (TRUE_WORDS, FALSE_WORDS) if positive in words), None)
    values = values or list(dict.fromkeys([positive, positive.removesuffix(".0")]))
    return {"column": column, "values": values, "labels": values}


def target_axis(subject: Subject) -> Axis | None:
    """The true outcome, or None where the dataset has no such column. Raises Unmeasurable when no row is positive."""
    if not subject.target or subject.target not in subject.columns:
        return None
    axis = outcome_axis(subject.target, subject.positive)
    known = subject.columns[subject.target].categories
    if subject.rows and known is not None and not set(axis["values"]) & set(known):
        raise Unmeasurable(
            f"No row of {subject.name} has {subject.target} = {subject.positive}, which the version declares as its positive "
            "outcome. The developer registers the version with the positive label of its data, or links data that hold such rows.",
            code="NO_POSITIVE",
        )
    return axis


def other_outcomes(subject: Subject) -> str:
    """A sentence for a target of more than two values, all but one of which count as negative; empty otherwise."""
    column = subject.columns.get(subject.target)
    if column is None or column.present == 0:
        return ""
    yes = outcome_axis(subject.target, subject.positive)["values"]
    others = None if column.categories is None else [value for value in column.categories if value not in yes]
    if others is not None and len(others) < 2:
        return ""
    count = "more than a thousand" if others is None else str(len(others))
    return f"{subject.target} holds {count} values beside {subject.positive}; rows with any of them count as negative."


def measured_score(subject: Subject) -> tuple[Axis | None, str]:
    """The cells of the score column, or None with a sentence that says why ranking and calibration are not measured."""
    column = subject.columns.get(subject.score) if subject.score else None
    if column is None:
        return (
            None,
            f"There is no column {subject.score}, so ranking and calibration are not measured."
            if subject.score
            else "",
        )
    if not column.is_numeric:
        held = "no value" if not column.present else "text"
        return None, (
            f"{subject.score}, the score column, holds {held}, so ranking and calibration are not measured. The developer links "
            "scores that are numbers with a decimal point."
        )
    if column.categories is not None and not all(math.isfinite(float(value)) for value in column.categories):
        return None, (
            f"{subject.score}, the score column, holds infinite values, so ranking and calibration are not measured. The developer "
            "links finite scores."
        )
    return score_axis(column), ""


def decision_axis(subject: Subject) -> Axis:
    """What the model decided: its prediction column, or its score against the threshold. Raises Unmeasurable without either."""
    if subject.prediction in subject.columns:
        return outcome_axis(subject.prediction, subject.positive)
    if subject.score in subject.columns and subject.threshold is not None:
        labels = [f"under {subject.threshold:g}", f"{subject.threshold:g} or more"]
        return {"column": subject.score, "edges": [float(subject.threshold)], "labels": labels}
    named = [name for name in (subject.prediction, subject.score) if name]
    if named:
        raise Unmeasurable(
            f"{subject.name} has no column {' or '.join(named)}, which its link names as what the model decided. The developer links "
            "the file with the names that its first line has."
        )
    raise Unmeasurable(
        f"{subject.name} holds no predictions. The developer links a scored dataset with its prediction or score column, or "
        "names the endpoint that serves this version."
    )


def decision_words(subject: Subject) -> str:
    """How the decision was read, for the method."""
    if subject.prediction in subject.columns:
        return f"{subject.prediction} is {subject.positive}"
    return f"{subject.score} is {subject.threshold:g} or more" if subject.threshold is not None else ""


def two_sided(table: np.ndarray, axis: Axis, dimension: int) -> np.ndarray:
    """The table with one dimension folded to (no, yes); rows without a value are left out."""
    table = np.moveaxis(np.asarray(table, dtype=np.int64), dimension, -1)
    if "edges" in axis:
        no, yes = table[..., 0], table[..., 1]
    else:
        yes, no = table[..., : len(axis["labels"])].sum(axis=-1), table[..., len(axis["labels"])]
    return np.moveaxis(np.stack([no, yes], axis=-1), -1, dimension)


def score_axis(column: Column) -> Axis:
    """Ordered cells of a score: one per distinct value while there are at most a thousand, else ten thousand of equal width,
    cut further at values that were drawn at random, so that there are more where the scores are."""
    if column.low is None or column.high is None or column.low == column.high:
        return {"column": column.name, "edges": [], "labels": [""], "middles": [column.low or 0.0]}
    if column.categories is not None:
        middles = sorted({float(value) for value in column.categories})
        edges = middles[1:]
    else:
        ends = np.union1d(np.linspace(column.low, column.high, SCORE_CELLS + 1), column.sample)
        edges = ends[1:-1].tolist()
        middles = ((ends[:-1] + ends[1:]) / 2).tolist()
    return {"column": column.name, "edges": edges, "labels": [""] * len(middles), "middles": middles}


def group_axes(subject: Subject, by: Sequence[str]) -> list[Axis]:
    """The axes of the protected attributes: those asked for, else all that are declared. Raises Unmeasurable on a wrong name,
    and where columns are named but none of them forms groups."""
    names = list(by) or subject.protected
    subject.needs(*names)
    kept = [name for name in names if forms_groups(subject.columns[name])]
    if not kept:
        raise Unmeasurable(ungrouped(subject, by) or no_attributes(subject), code="NO_GROUPS")
    return [axis_for(subject.columns[name]) for name in kept]


def no_attributes(subject: Subject) -> str:
    """Why there are no groups where no column is declared, or none that is declared is in the file."""
    absent = [name for name, row in subject.declared.items() if row.get("is_protected")]
    if absent:
        return (
            f"{subject.name} has no column {', '.join(absent[:5])}, which the catalog declares as protected. The developer links a file "
            "whose first line names its columns as the catalog does."
        )
    return "No column is declared as a protected attribute. The data steward declares them in the catalog."


def has_groups(subject: Subject, by: Sequence[str]) -> bool:
    """Whether any of the columns that were named forms groups."""
    subject.needs(*by)
    return any(forms_groups(subject.columns[name]) for name in (list(by) or subject.protected))


def forms_groups(column: Column) -> bool:
    """Whether rows can be told apart into groups by a column: it holds values, and not too many different texts."""
    return column.present > 0 and (column.is_numeric or column.categories is not None) and not names_rows(column)


def names_rows(column: Column) -> bool:
    """Whether a column of texts hardly ever repeats one: a key or a name, whose texts would be told as names of groups."""
    is_text = not column.is_numeric and column.categories is not None
    return is_text and len(column.categories or {}) > max(FEWEST_GROUPS, column.present / 4)


def ungrouped(subject: Subject, by: Sequence[str]) -> str:
    """A sentence on the columns that were named and form no groups; empty where there is none."""
    names = [name for name in (list(by) or subject.protected) if not forms_groups(subject.columns[name])]
    empty = [name for name in names if not subject.columns[name].present]
    keys = [name for name in names if name not in empty and names_rows(subject.columns[name])]
    wide = [name for name in names if name not in empty and name not in keys]
    said = (
        [f"{', '.join(empty[:5])} of {subject.name} holds no value, so no groups are compared by it."] if empty else []
    )
    if keys:
        said.append(
            f"{', '.join(keys[:5])} of {subject.name} hardly ever repeats a text, as a name or a number of a case does, so it forms no "
            "groups. The data steward declares a coarser column as the protected attribute."
        )
    if wide:
        said.append(
            f"{', '.join(wide[:5])} of {subject.name} holds more than a thousand different texts, so it forms no groups. The data "
            "steward declares a coarser column as the protected attribute."
        )
    return " ".join(said)


def readings(counts: Sequence[int], smallest: int = SMALLEST_GROUP) -> list[str]:
    """What may be shown of each cell of a row of counts: shown, rate_hidden (under `smallest`), count_hidden, withheld.

    A count of 1 to 10 is hidden; where it is the only one, the next smallest is withheld too, or the total would tell it."""
    found = [
        "count_hidden" if 0 < count <= SMALLEST_COUNT else "rate_hidden" if count < smallest else "shown"
        for count in counts
    ]
    if found.count("count_hidden") == 1:
        others = [place for place, reading in enumerate(found) if reading != "count_hidden" and counts[place]]
        if others:
            found[min(others, key=lambda place: counts[place])] = "withheld"
    return found


def shown_count(count: int, reading: str) -> Any:
    """A count as a table may print it."""
    return {"count_hidden": f"1–{SMALLEST_COUNT}", "withheld": "withheld"}.get(reading, int(count))


def small_note(smallest: int = SMALLEST_GROUP) -> str:
    """The sentence that goes under every table by group."""
    return f"Rates are shown for groups of {smallest} or more. Counts of 1 to {SMALLEST_COUNT} are not shown, nor what would reveal them."

"""Small groups stay unprinted: counts of 1 to 10, what they would be computed from, and what would reveal them. Pure.

Checks leave small groups out already. A dossier leaves the house, so every stored table is looked at once more, also for
decisions: the number of people decided for or against in a group, and the rates it would follow from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SMALLEST_COUNT = 10
HIDDEN = "withheld"
# Columns that count people of a group, and columns that a count could be computed back from.
SIZES = frozenset({"n", "size", "rows", "count", "cases"})
DECISIONS = frozenset({"selected", "positives", "positive", "approved", "events"})
DERIVED_KINDS = frozenset({"number", "share", "interval"})
KEPT = frozenset({"z", "p"})


@dataclass(frozen=True)
class Suppressed:
    """A table as it may be printed, whether anything is left out of it, and how drawings call the rows concerned."""

    table: dict[str, Any]
    is_changed: bool
    labels: frozenset[str] = frozenset()


def suppress(table: Mapping[str, Any]) -> Suppressed:
    """The table without counts of 1 to 10 and without what would reveal them."""
    columns = [column for column in table["columns"] if isinstance(column, Mapping)]
    counts = [
        column["key"] for column in columns if column.get("kind") == "count" and column["key"] in SIZES | DECISIONS
    ]
    if not counts or not is_about_groups(columns):
        return Suppressed(dict(table), False)
    rows = [dict(row) for row in table["rows"]]
    hidden = {key: small_places(rows, key) for key in counts}
    for key in counts:
        if key in DECISIONS:
            hidden[key] |= against_places(rows, key, counts)
        add_partner(rows, key, hidden[key])
    for key, places in hidden.items():
        for place in places:
            withhold(rows[place], key, columns)
    is_changed = any(hidden.values())
    note = str(table.get("note", ""))
    if is_changed:
        note = f"{note} Cells with 10 people or fewer are withheld, with one more where the total would reveal them.".strip()
    concerned = [rows[place] for place in set().union(*hidden.values())]
    labels = frozenset(label for row in concerned for label in labels_of(row, str(table.get("key", ""))))
    return Suppressed({**table, "rows": rows, "note": note}, is_changed, labels)


def labels_of(row: Mapping[str, Any], table_key: str) -> list[str]:
    """The names under which a drawing may show this row."""
    group = str(row.get("group", row.get("subpopulation", "")))
    column = str(row.get("attribute") or table_key.removeprefix("by-"))
    return [group, f"{column}: {group}"]


def without(spec: Any, labels: frozenset[str]) -> tuple[Any, int]:
    """A specification without the data rows of these groups, and how many were taken out."""
    if isinstance(spec, Mapping):
        parts = {key: without(part, labels) for key, part in spec.items()}
        return {key: part for key, (part, _) in parts.items()}, sum(count for _, count in parts.values())
    if isinstance(spec, list):
        kept = [part for part in spec if not (isinstance(part, Mapping) and part.get("group") in labels)]
        parts_kept = [without(part, labels) for part in kept]
        return [part for part, _ in parts_kept], len(spec) - len(kept) + sum(count for _, count in parts_kept)
    return spec, 0


def is_about_groups(columns: list[Mapping[str, Any]]) -> bool:
    """Whether its rows are groups of people: a column names the group."""
    return any(column["key"] in {"group", "attribute", "groups", "subpopulation"} for column in columns)


def small_places(rows: list[dict[str, Any]], key: str) -> set[int]:
    """Rows whose count is 1 to 10."""
    return {place for place, row in enumerate(rows) if is_small(row.get(key))}


def against_places(rows: list[dict[str, Any]], key: str, counts: list[str]) -> set[int]:
    """Rows in which the rest of the group, decided the other way, is 1 to 10."""
    sizes = [name for name in counts if name in SIZES]
    return {
        place
        for place, row in enumerate(rows)
        for size in sizes
        if whole(row.get(size)) and whole(row.get(key)) and is_small(row[size] - row[key])
    }


def add_partner(rows: list[dict[str, Any]], key: str, places: set[int]) -> None:
    """One hidden cell alone follows from the total: the next smallest is hidden with it, unless the check hid another."""
    if len(places) != 1 or any(not whole(row.get(key)) for row in rows):
        return
    rest = [place for place, row in enumerate(rows) if place not in places and whole(row.get(key)) and row[key] > 0]
    if rest:
        places.add(min(rest, key=lambda place: (rows[place][key], place)))


def withhold(row: dict[str, Any], key: str, columns: list[Mapping[str, Any]]) -> None:
    """Take the count out, and every figure that it could be computed from."""
    row[key] = HIDDEN
    for column in columns:
        if column.get("kind") in DERIVED_KINDS and column["key"] not in KEPT and row.get(column["key"]) is not None:
            row[column["key"]] = HIDDEN


def whole(value: Any) -> bool:
    """Whether it is a count."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_small(value: Any) -> bool:
    """Whether it is a count of 1 to 10."""
    return whole(value) and 0 < value <= SMALLEST_COUNT

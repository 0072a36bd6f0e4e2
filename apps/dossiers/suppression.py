"""Small groups stay unprinted: counts of 1 to 10, what they would be computed from, and what would reveal them. Pure.

Checks leave small groups out already. A dossier leaves the house, so every stored table is looked at once more, also for
decisions: the number of people decided for or against in a group, and the rates it would follow from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SMALLEST_COUNT = 10
HIDDEN = "withheld"
FEWEST = 2  # cells that are hidden together, at least
RATE = "rate"
CROSSED = "intersections"  # rows named by a column for each attribute
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
    if not counts or not (table.get("key") == CROSSED or is_about_groups(columns)):
        return Suppressed(dict(table), False)
    rows = [dict(row) for row in table["rows"]]
    hidden = {key: small_places(rows, key) for key in counts}
    for key in counts:
        if key in DECISIONS:
            hidden[key] |= against_places(rows, key, counts)
        for group in partitions(rows):
            hidden[key] |= partners(rows, key, group, hidden[key] & group)
    if not DECISIONS & set(counts):
        hidden[RATE] = implied_places(rows, counts)
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


def implied_places(rows: list[dict[str, Any]], counts: list[str]) -> set[int]:
    """Rows whose rate on a printed size says that 1 to 10 people were decided one way."""
    found = set()
    for place, row in enumerate(rows):
        rate = row.get(RATE)
        if isinstance(rate, int | float) and not isinstance(rate, bool):
            sizes = [row[size] for size in counts if whole(row.get(size))]
            if any(is_small(round(rate * size)) or is_small(size - round(rate * size)) for size in sizes):
                found.add(place)
    return found


def partitions(rows: list[dict[str, Any]]) -> list[set[int]]:
    """Rows that together are everybody: those of one attribute, because their counts add up to the total."""
    found: dict[str, set[int]] = {}
    for place, row in enumerate(rows):
        label = str(row.get("group", row.get("subpopulation", "")))
        attribute = str(row.get("attribute") or (label.partition(": ")[0] if ": " in label else ""))
        found.setdefault(attribute, set()).add(place)
    return list(found.values())


def partners(rows: list[dict[str, Any]], key: str, group: set[int], places: set[int]) -> set[int]:
    """What has to be hidden with them: the rest of the total must be two cells or more, and more than ten people.

    Nothing is added where the check itself left a cell out, because then the total is not known from the table.
    """
    if not places or any(not whole(rows[place].get(key)) for place in group):
        return set()
    rest = sorted((rows[place][key], place) for place in group - places if rows[place][key] > 0)
    added: set[int] = set()
    total = sum(rows[place][key] for place in places)
    while rest and (len(places | added) < FEWEST or total <= SMALLEST_COUNT):
        count, place = rest.pop(0)
        added.add(place)
        total += count
    return added


def withhold(row: dict[str, Any], key: str, columns: list[Mapping[str, Any]]) -> None:
    """Take the count out, and every figure that it could be computed from."""
    if key in row:
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

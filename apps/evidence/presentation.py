"""Evidence as pages and the dossier print it: figures, tables and metrics with every number already in words.

Knows no request. The templates in `templates/evidence/parts/` take what these functions return.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from apps.core.templatetags.ui import number, percent
from apps.evidence.catalogue import field_title
from apps.evidence.checks import registry
from apps.evidence.models import Evidence
from apps.evidence.queries import catalogue

# What a row of a table says about itself: tone, icon, word. Readings are observations; verdicts are the policy's.
READINGS: dict[str, tuple[str, str, Any]] = {
    "flag": ("bad", "flag", _("Flag")),
    "watch": ("warn", "circle-alert", _("Watch")),
    "small": ("warn", "circle-alert", _("Small group")),
    "differs": ("warn", "circle-alert", _("Differs")),
    "weaker": ("warn", "circle-alert", _("Weaker")),
    "beyond_chance": ("warn", "circle-alert", _("Beyond chance")),
    "worse": ("bad", "flag", _("Worse")),
    "moved": ("warn", "circle-alert", _("Moved")),
    "open": ("warn", "circle-alert", _("Not settled")),
    "better": ("", "", _("Better")),
    "no_worse": ("", "", _("No worse")),
    "within": ("", "", _("Within the band")),
    "moves": ("warn", "circle-alert", _("Over the line")),
    "refused": ("", "", _("Refused")),
    "kept_up": ("", "", _("Kept up")),
    "fell_behind": ("warn", "circle-alert", _("Fell behind")),
    "left_out": ("", "", _("Under 2 %, no ratio")),
    "highest": ("", "", _("Highest rate")),
    "protected": ("warn", "circle-alert", _("Protected attribute")),
    "shifted": ("warn", "circle-alert", _("Shifted")),
    "within_chance": ("", "", _("Within chance")),
    "singles_out": ("warn", "circle-alert", _("Singles out")),
    "small_crowd": ("warn", "circle-alert", _("Small crowd")),
    "missing": ("warn", "circle-minus", _("Missing")),
    "not declared": ("warn", "flag", _("Not declared")),
    "reference": ("", "", _("Reference group")),
    "insufficient": ("", "", _("Insufficient data")),
    "few_events": ("", "", _("Insufficient data")),
    "declared": ("", "", _("Declared")),
    "indirect": ("", "", _("Indirect")),
    "none": ("", "", _("Not flagged")),
}
UNKNOWN = "–"
SINGULAR = {
    "categories": "category",
    "changes": "change",
    "measures": "measure",
    "requests": "request",
    "sets": "set",
    "values": "value",
}
NUMERIC = {"count", "number", "share", "interval"}


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whether it lines up as a number, and the reading it shows."""

    text: str
    kind: str
    label: str
    tone: str = ""
    icon: str = ""
    below: str = ""  # the interval of the next column, for where there is no room beside

    @property
    def is_number(self) -> bool:
        """Whether it is right-aligned."""
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Row:
    """One row; `tone` marks the rows to look at."""

    cells: list[Cell]
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """One table with its number."""

    number: int
    key: str
    title: str
    note: str
    columns: list[dict[str, Any]]
    rows: list[Row]

    @property
    def is_dense(self) -> bool:
        """Whether it has seven columns or more."""
        return len(self.columns) >= 7

    @property
    def is_stacked(self) -> bool:
        """Whether intervals stand under their values on every screen, because there are too many columns to be beside."""
        return len(self.columns) >= 7

    @property
    def is_carded(self) -> bool:
        """Whether each row becomes a card on a phone, because its columns have no room side by side."""
        return sum(column["kind"] != "interval" for column in self.columns) >= 4

    @property
    def heads(self) -> list[Cell]:
        """The heads of the columns, each with that of its interval."""
        return with_intervals([Cell(column["label"], column["kind"], column["label"]) for column in self.columns])


@dataclass(frozen=True)
class Figure:
    """One figure with its number and that of the table with the same numbers."""

    number: int
    key: str
    title: str
    takeaway: str
    svg: SafeString
    slim: SafeString
    table_number: int | None


@dataclass(frozen=True)
class Result:
    """Everything an item of evidence shows."""

    headline: str
    rest: str
    figures: list[Figure]
    tables: list[Table]
    metrics: list["Number"]
    method: list[tuple[str, str]]

    @property
    def first_figure(self) -> Figure | None:
        """The figure that stands beside the takeaway."""
        return self.figures[0] if self.figures else None

    @property
    def first_table(self) -> Table | None:
        """The table that stands below the takeaway."""
        return self.tables[0] if self.tables else None

    @property
    def other_tables(self) -> list[Table]:
        """Tables below the first."""
        return self.tables[1:]


def present(item: Evidence) -> Result:
    """An item's figures, tables, metrics and method in words."""
    tables = [present_table(table, place + 1) for place, table in enumerate(item.tables)]
    numbers = {table.key: table.number for table in tables}
    figures = [
        Figure(
            place + 1,
            figure["key"],
            figure["title"],
            figure["takeaway"],
            mark_safe(figure["svg"]),  # drawn by our own worker, which escapes labels
            mark_safe(figure.get("slim", "")),  # items of earlier releases have none
            numbers.get(figure["table"]),
        )
        for place, figure in enumerate(item.figures)
    ]
    headline, _dot, rest = item.summary.partition(". ")
    metrics = [metric_in_words(metric) for metric in item.metrics]
    return Result(headline.removesuffix("."), rest, figures, tables, metrics, method_in_words(item))


def present_table(table: dict[str, Any], place: int) -> Table:
    """A stored table with every cell in words."""
    columns = [
        {**column, "kind": "share_interval", "digits": before.get("digits", 3)}
        if (column["kind"], before.get("kind")) == ("interval", "share")
        else column
        for before, column in zip([{}, *table["columns"]], table["columns"], strict=False)
    ]
    rows = []
    for row in table["rows"]:
        cells = with_intervals([cell(row.get(column["key"]), column) for column in columns])
        tone = next((found.tone for found in cells if found.kind == "reading" and found.tone), "warn")
        rows.append(Row(cells, f"is-{tone}" if row.get("flagged") else ""))
    lead = repeated_lead(rows)
    if lead:
        rows = [
            Row([replace(row.cells[0], text=row.cells[0].text.removeprefix(lead)), *row.cells[1:]], row.tone)
            for row in rows
        ]
        first, *others = table["columns"]
        return Table(
            place,
            table["key"],
            table["title"],
            table.get("note", ""),
            [{**first, "label": lead.rstrip(": ")}, *others],
            rows,
        )
    return Table(place, table["key"], table["title"], table.get("note", ""), table["columns"], rows)


def with_intervals(cells: list[Cell]) -> list[Cell]:
    """Cells in which a number also carries the interval that stands in the next one."""
    nexts = [*cells[1:], Cell("", "", "")]
    return [
        replace(one, below=after.text)
        if one.is_number
        and one.kind != "interval"
        and after.kind == "interval"
        and after.text not in (UNKNOWN, one.text)
        else one
        for one, after in zip(cells, nexts, strict=True)
    ]


def repeated_lead(rows: list[Row]) -> str:
    """What stands before the colon of the first cell of every row, and so belongs into the head; empty when they differ."""
    leads = {row.cells[0].text.partition(": ")[:2] for row in rows}
    name, colon = leads.pop() if len(leads) == 1 and len(rows) > 1 else ("", "")
    return f"{name}{colon}" if colon else ""


def cell(value: Any, column: dict[str, Any]) -> Cell:
    """One value in the words of its column's kind."""
    kind, label = column["kind"], column["label"]
    if kind == "share_interval":
        return Cell(in_words(value, kind, column["digits"]), "interval", label)
    if kind == "reading":
        tone, icon, word = READINGS.get(str(value), ("", "", str(value or "")))
        return Cell(str(word), kind, label, tone, icon)
    return Cell(in_words(value, kind, column.get("digits", 3)), kind, label)


def in_words(value: Any, kind: str, digits: int) -> str:
    """A value of a kind as text; what is not known is a dash."""
    if value is None or value == []:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if kind == "interval":
        return f"{number(float(value[0]), digits)} to {number(float(value[1]), digits)}"
    if kind == "share_interval":
        return f"{number(float(value[0]) * 100, digits)} to {percent(float(value[1]), digits)}"
    if kind == "share":
        return percent(value, digits)
    if kind == "number":
        return number(float(value), digits if abs(float(value)) < 1000 else 0)
    return number(value)


@dataclass(frozen=True)
class Number:
    """One metric: what it is, its value with unit, and its interval."""

    label: str
    value: str
    interval: str


def metric_in_words(metric: dict[str, Any]) -> Number:
    """A metric with every number in words."""
    digits = metric["digits"]
    value = percent(metric["value"]) if metric["unit"] == "share" else number(float(metric["value"]), digits)
    unit = unit_beside(metric["value"], metric["unit"])
    has_interval = metric.get("low") is not None and metric.get("high") is not None
    kind, digits = ("share_interval", 1) if metric["unit"] == "share" else ("interval", digits)
    interval = in_words([metric["low"], metric["high"]], kind, digits) if has_interval else ""
    return Number(metric["label"], value + unit, interval)


def measure_in_words(name: str) -> str:
    """What a measured name is: "Area under the ROC curve, by Performance"; as it stands where no check reports it."""
    key, _dot, metric = name.removeprefix("metrics.").partition(".")
    check = registry().get(key)
    label = next((row.label for row in check.metrics if row.key == metric), "") if check else ""
    return f"{label}, {_('by')} {check.title}" if check and label else name


def unit_beside(value: float, unit: str) -> str:
    """A metric's unit behind its value; none where the label counts already, and one thing is not called many."""
    if unit in {"", "share", "rows", "columns", "groups", "features"}:
        return ""
    return f" {SINGULAR.get(unit, unit) if value == 1 else unit}"


def method_in_words(item: Evidence) -> list[tuple[str, str]]:
    """How it was measured, line by line."""
    method = item.method
    if not item.check_key:
        return []
    lines = [(str(label), str(text)) for label, text in method.get("words", [])]
    lines.append(
        (str(_("Check")), f"{item.check_key} {method.get('check_version', '')}, {_('seed')} {method.get('seed', '')}")
    )
    if method.get("params"):
        check = registry().get(item.check_key)
        names = {name: check.Params.label(name) if check else name for name in method["params"]}
        chosen = "; ".join(f"{names[name]}: {_plain(value)}" for name, value in method["params"].items())
        lines.append((str(_("Parameters")), chosen))
    versions = ", ".join(f"{name} {version}" for name, version in method.get("libraries", {}).items())
    return [*lines, (str(_("Libraries")), versions)]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) if value else str(_("none chosen"))
    if isinstance(value, bool):
        return value_in_words(value)
    return str(value) if value != "" else str(_("none chosen"))


def supplies(item: Evidence) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the item supplies to rules: per evidence type its fields with their values."""
    known = catalogue()
    return [
        (
            known[type_id].title if type_id in known else type_id,
            [(field_title(type_id, name), value_in_words(fields[name])) for name in sorted(fields)],
        )
        for type_id, fields in sorted(item.types.items())
    ]


def value_in_words(value: Any) -> str:
    """A field's value as people read it."""
    if isinstance(value, bool):
        return str(_("yes")) if value else str(_("no"))
    if isinstance(value, int | float):
        return number(round(value, 4))
    text = str(value)
    return text.replace("_", " ") if text.isidentifier() and text.islower() else text


def what_repeating_gives(item: Evidence) -> str:
    """The sentence under the command that repeats a check."""
    check = registry().get(item.check_key)
    if check is not None and not check.is_repeatable:
        return str(_("The same check asks the same; times differ from run to run, and so does the result digest."))
    return str(_("The same check on the same digests finds the same numbers, and so the same result digest."))


def repeat_command(item: Evidence, base_url: str) -> str:
    """The command that asks for the same check with the same parameters."""
    import json

    if item.check_key not in registry():
        return ""
    given = {name: value for name, value in item.method.get("params", {}).items() if value != []}
    body = json.dumps({"checks": [item.check_key], **({"params": {item.check_key: given}} if given else {})})
    return (
        f'curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n'
        f"    -d '{body}' \\\n    {base_url}/api/v1/versions/{item.version_id}/checks"
    )

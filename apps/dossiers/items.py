"""Evidence as a dossier prints it: words instead of values, tables that fit the page, nothing about small groups."""

import re
from collections.abc import Sequence
from typing import Any

from apps.dossiers import suppression, wording
from apps.dossiers.record import Numbered, VersionRecord
from apps.evidence import presentation
from apps.evidence.catalogue import catalogue
from apps.evidence.models import Evidence, Source

Content = dict[str, Any]

MOST_ROWS = 120
MOST_COLUMNS = 9
FIRST_COLUMNS = 2
WIDE_COLUMNS = 7
NARROW_COLUMNS = 2
NARROW_ROWS = 20
SHORT = 24
NOTHING = "none"
STANDINGS = {"accepted": "accepted", "waiting": "waits to be accepted", "flagged": "flagged", "withdrawn": "withdrawn"}
NUMERIC = frozenset({"count", "number", "share"})


def evidence_content(row: Numbered, record: VersionRecord) -> Content:
    """One item with everything that is printed of it."""
    item = row.item
    safe = [suppression.suppress(table) for table in item.tables]
    changed = {table.table["key"] for table in safe if table.is_changed}
    labels = frozenset[str]().union(*(table.labels for table in safe))
    drawn = [(figure, safe_figure(figure, labels, is_concerned=figure["table"] in changed)) for figure in item.figures]
    return {
        **head_of(row, record),
        "summary": item.summary,
        "statements": statements(item),
        "metrics": [metric_content(metric) for metric in item.metrics],
        "tables": [part for found in safe for part in tables_for_print(found.table)],
        "figures": [figure_content(figure, row.no) for _, figure in drawn if figure is not None],
        "left_out": [figure["title"] for figure, safe in drawn if safe is None],
        "is_suppressed": bool(changed),
        "method": [list(pair) for pair in presentation.method_in_words(item)],
        "inputs": [input_content(given) for given in item.inputs],
        "limits": list(item.limits),
        "files": [file_content(file) for file in item.files],
    }


def file_content(file: Content) -> Content:
    """A file that was handed in."""
    return {"name": file["name"], "sha256": wording.groups(file["sha256"]), "size": wording.thousands(file["size"])}


def head_of(row: Numbered, record: VersionRecord) -> Content:
    """What the boxes and the index say of an item."""
    item = row.item
    return {
        "no": row.no,
        "id": str(item.pk),
        "title": item.title,
        "source": source_of(item, record),
        "dated": item.dated.isoformat(),
        "valid_until": item.valid_until.isoformat() if item.valid_until else "",
        "digest": wording.groups(item.digest),
        "standing": STANDINGS[row.standing],
        "check": item.check_key,
        "types": sorted(item.types),
        "is_after_manifest": bool(record.manifest and item.created_at > record.manifest.created_at),
        "is_under_manifest": item.digest in record.under_manifest,
        "is_withheld": item.digest not in record.carried,
        "accepted": accepted_by(item, record),
    }


def accepted_by(item: Evidence, record: VersionRecord) -> str:
    """Who made it count, and when: its newest mark, or the run of the check itself."""
    mark = record.marks.get(item.pk)
    if mark is None:
        return (
            "by its run"
            if item.source == Source.COMPUTED
            else "by the product"
            if item.source == Source.RECORD
            else "nobody yet"
        )
    return f"{mark.by}, {wording.utc(mark.created_at)}"


def source_of(item: Evidence, record: VersionRecord) -> str:
    """Measured, stated or recorded, and by whom; a claim never looks like a measurement."""
    if item.source == Source.COMPUTED:
        return f"computed: check {item.check_key} {item.method.get('check_version', '')}".strip()
    if item.source == Source.RECORD:
        return "record: Imprimatur"
    by = record.printed(item.produced_by)
    word = "attested" if item.source == Source.ATTESTED else "submitted"
    is_independent = item.produced_by_id is not None and item.produced_by_id not in record.builders
    return f"{word}: {by}, independent" if is_independent else f"{word}: {by}"


def statements(item: Evidence) -> list[Content]:
    """What is stated, by evidence type: short answers in two columns, longer ones in a table."""
    found = []
    for title, fields in presentation.supplies(item) if not item.check_key else []:
        rows = [[name, value or "not recorded"] for name, value in fields]
        if rows:
            found.append({"title": title, "rows": rows, "is_short": all(len(value) <= SHORT for _, value in rows)})
    return found


def metric_content(metric: Content) -> list[str]:
    """A metric's name and its value, with the interval where there is one."""
    if metric.get("value") is None:
        return [metric["label"], "not measured"]
    said = presentation.metric_in_words({"digits": 3, "unit": "", **metric})
    return [said.label, f"{said.value} ({said.interval})" if said.interval else said.value]


def input_content(given: Content) -> str:
    """What was read, in one line."""
    words = [str(given.get("role", "")), str(given.get("name", given.get("kind", "")))]
    if given.get("rows") is not None:
        words.append(f"{wording.thousands(given['rows'])} rows")
    digest = str(given.get("sha256") or given.get("digest") or "").removeprefix("sha256:")
    if digest:
        words.append(f"digest {' '.join(wording.groups(digest)[:2])}")
    return ", ".join(word for word in words if word)


def safe_figure(figure: Content, labels: frozenset[str], *, is_concerned: bool) -> Content | None:
    """The figure, drawn again without the groups that are withheld; None when that cannot be done."""
    if not labels:
        return figure
    spec, taken = suppression.without(figure["spec"], labels)
    if not taken:
        return None if is_concerned else figure
    from apps.evidence.kernels import charts

    takeaway = f"{figure['title']}; {taken} groups are withheld because they are small, or few were decided one way."
    return {**figure, "takeaway": takeaway, "svg": charts.draw(spec, key=figure["key"], takeaway=takeaway)}


def figure_content(figure: Content, no: str) -> Content:
    """A stored drawing with ids of its own: two on one page may carry the same."""
    key, own = re.escape(figure["key"]), f"{no}-{figure['key']}"
    svg = re.sub(rf'(id="|#|labelledby="){key}(?=-)', rf"\g<1>{own}", figure["svg"])
    return {"key": own, "caption": figure["title"], "takeaway": figure["takeaway"], "svg": svg}


def tables_for_print(table: Content) -> list[Content]:
    """A stored table in words, with intervals under their figures, in as many parts as the page is narrow."""
    found = presentation.present_table({**table, "rows": table["rows"][:MOST_ROWS]}, 1)
    columns, rows = with_intervals_below(found)
    note = found.note
    if len(table["rows"]) > MOST_ROWS:
        note = f"{note} Rows 1 to {MOST_ROWS} of {len(table['rows'])}; all of them are in the bundle.".strip()
    parts = split_columns(columns)
    return [
        part_of(
            found.title if len(parts) == 1 else f"{found.title}, part {place} of {len(parts)}",
            note,
            chosen,
            columns,
            rows,
        )
        for place, chosen in enumerate(parts, start=1)
    ]


def part_of(title: str, note: str, chosen: Sequence[int], columns: list[Content], rows: list[Content]) -> Content:
    """Some columns of a table."""
    return {
        "title": title,
        "note": note,
        "is_short": len(rows) <= 10,
        "is_narrow": len(chosen) <= NARROW_COLUMNS and len(rows) <= NARROW_ROWS and not note,
        "is_wide": len(chosen) >= WIDE_COLUMNS,
        "columns": [columns[place] for place in chosen],
        "rows": [{"is_flagged": row["is_flagged"], "cells": [row["cells"][place] for place in chosen]} for row in rows],
    }


def with_intervals_below(table: presentation.Table) -> tuple[list[Content], list[Content]]:
    """Columns and rows in which an interval stands under the figure that it belongs to."""
    columns: list[Content] = []
    places: list[tuple[int, int | None]] = []
    for place, column in enumerate(table.columns):
        kind = column["kind"]
        if kind == "interval" and places and places[-1][1] is None and columns[-1]["is_number"]:
            places[-1] = (places[-1][0], place)
            columns[-1]["has_interval"] = True
            continue
        columns.append({"label": column["label"], "is_number": kind in NUMERIC, "kind": kind, "has_interval": False})
        places.append((place, None))
    rows = []
    for row in table.rows:
        cells = [
            {
                **cell_content(row.cells[first]),
                "below": cell_content(row.cells[second])["text"] if second is not None else "",
            }
            for first, second in places
        ]
        rows.append({"is_flagged": bool(row.tone), "cells": cells})
    return columns, rows


def cell_content(cell: presentation.Cell) -> Content:
    """A cell's text; what is not known is a word, and a digest is grouped."""
    text = wording.plain(cell.text) or NOTHING
    is_digest = cell.kind == "digest" or re.fullmatch(r"(?:sha256:)?[0-9a-f]{40,64}", text) is not None
    if is_digest:
        text = " ".join(wording.groups(text)[:2])
    return {"text": text, "is_number": cell.kind in NUMERIC, "is_digest": is_digest, "tone": cell.tone}


def split_columns(columns: list[Content]) -> list[list[int]]:
    """Which columns stand together; the first ones, which name the row, are repeated in each part."""
    if len(columns) <= MOST_COLUMNS:
        return [list(range(len(columns)))]
    lead = [place for place, column in enumerate(columns[:FIRST_COLUMNS]) if not column["is_number"]] or [0]
    rest = [place for place in range(len(columns)) if place not in lead]
    room = MOST_COLUMNS - len(lead)
    count = -(-len(rest) // room)
    size = -(-len(rest) // count)
    return [[*lead, *rest[start : start + size]] for start in range(0, len(rest), size)]


def titles_of(type_ids: Sequence[str]) -> list[str]:
    """The titles of evidence types."""
    known = catalogue()
    return [known[type_id].title if type_id in known else type_id for type_id in type_ids]

"""The registers of a dossier as tables for other tools: JSON lines with every value, CSV for spreadsheets, and control totals.

Made from the content of the dossier and nothing else, so that a table, the PDF and a page cannot say different things. Pure.
docs/formats/bundle.md lists the columns.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Content = dict[str, Any]
Row = dict[str, Any]

COLUMNS: dict[str, tuple[str, ...]] = {
    "requirements": (
        "id", "title", "framework", "reference", "outcome", "word", "is_blocking", "observed", "required", "evidence", "waiver",
        "sections", "sentence", "fix",
    ),
    "evidence": (
        "no", "id", "title", "types", "check", "source", "dated", "valid_until", "standing", "accepted", "is_under_manifest", "is_withheld",
        "section", "sha256",
    ),
    "signatures": ("entry", "round", "step", "name", "role", "meaning", "text", "reason", "at", "proof", "is_withdrawn", "seen"),
    "decisions": (
        "id", "at", "environment", "door", "outcome", "word", "is_dry_run", "codes", "sentence", "overridden", "blocking", "sha256",
    ),
    "findings": ("reference", "title", "text", "severity", "word", "owner", "due", "raised", "how"),
    "waivers": (
        "reference", "requirement", "title", "word", "where", "reason", "control", "asked", "decided", "why_decided", "without",
    ),
}  # fmt: skip
# What a spreadsheet would take for a formula gets an apostrophe in front, in the CSV only.
NO_EXCEPTIONS = frozenset({"satisfied", "not_applicable", "not_yet_effective"})
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def tables_of(content: Content) -> dict[str, list[Row]]:
    """Every register by its name, each row with exactly its columns."""
    sections = {section["id"]: section for part in content["parts"] for section in part["sections"]}
    governance = sections["A4"]["own"]
    sources: dict[str, Iterable[Row]] = {
        "requirements": content["requirements"],
        "evidence": evidence_rows(sections),
        **{name: governance[name] for name in ("signatures", "decisions", "findings", "waivers")},
    }
    return {name: [{column: row[column] for column in COLUMNS[name]} for row in sources[name]] for name in COLUMNS}


def evidence_rows(sections: Mapping[str, Content]) -> Iterable[Row]:
    """Every item of evidence with the section in which it is printed in full."""
    home = {item["no"]: section_id for section_id, section in sections.items() for item in section["items"]}
    for row in sections["A5"]["own"]["index"]:
        yield {**row, "section": home.get(row["no"], ""), "sha256": "".join(row["digest"])}


def files_of(content: Content) -> dict[str, bytes]:
    """Files below data/tables/: each register twice, and the totals by which a reader sees that none of it is lost."""
    tables = tables_of(content)
    files = {f"data/tables/{name}.jsonl": lines_of(rows) for name, rows in tables.items()}
    files |= {f"data/tables/{name}.csv": spreadsheet(COLUMNS[name], rows) for name, rows in tables.items()}
    files["data/tables/totals.json"] = pretty(totals(content, tables))
    return files


def totals(content: Content, tables: Mapping[str, list[Row]]) -> Content:
    """What was taken, by whom, under which filter, and how many of each kind there are: the population."""
    governance = next(
        section["own"] for part in content["parts"] for section in part["sections"] if section["id"] == "A4"
    )
    trail = next(
        section["own"]["trail"] for part in content["parts"] for section in part["sections"] if section["id"] == "A5"
    )
    counted: dict[str, Callable[[Row], str]] = {
        "requirements": lambda row: str(row["outcome"]),
        "evidence": lambda row: str(row["source"]).split(":")[0],
        "signatures": lambda row: str(row["meaning"]),
        "decisions": lambda row: str(row["outcome"]),
        "findings": lambda row: str(row["word"]),
        "waivers": lambda row: str(row["word"]).split(" until ")[0],
    }
    return {
        "dossier": content["reference"],
        "as_at": content["as_at"],
        "time_zone": "UTC",
        "exported_by": content["requested_by"],
        "edition": content["edition"],
        "filter": f"everything about version {content['version']} of {content['model_slug']}, judged for {content['environment']},"
        f" in the first {trail['size']} entries of the log",
        "rows": {name: len(rows) for name, rows in tables.items()},
        "by_kind": {name: dict(sorted(Counter(map(key, tables[name])).items())) for name, key in counted.items()},
        "decisions_asked": governance["decision_count"],
        "log_entries": trail["total"],
        "log_objects": trail["objects"],
        "exceptions": [row["id"] for row in tables["requirements"] if row["outcome"] not in NO_EXCEPTIONS],
    }


def lines_of(rows: Iterable[Row]) -> bytes:
    """One JSON object to a line."""
    return b"".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)


def spreadsheet(columns: tuple[str, ...], rows: Iterable[Row]) -> bytes:
    """RFC 4180 with a head line; lists are joined by semicolons, and nothing in it is a formula."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    writer.writerows([cell_of(row[column]) for column in columns] for row in rows)
    return target.getvalue().encode()


def cell_of(value: Any) -> str:
    """One value as a spreadsheet takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def pretty(value: Content) -> bytes:
    """JSON that people can read, the same bytes for the same value."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"

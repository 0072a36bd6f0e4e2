"""The first line of a CSV file: the names of its columns, or in words why it has none that can be used."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from apps.evidence.checks.base import Unmeasurable

MOST_HEAD = 1024 * 1024
LIKE_PARQUET = "or export the table as Parquet"
OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\x1f\x8b": "compressed by gzip",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"PAR1": "Parquet",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of an old kind",
}
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
ROW_OF_ARROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
WIDTHS_OF_ARROW = re.compile(r"Expected (\d+) columns, got (\d+)")


def names(head: bytes, name: str) -> list[str]:
    """Names of the columns from the first bytes of a CSV file. Raises Unmeasurable where they are none, with what mends it."""
    for mark, what in OTHERS.items():
        if head.startswith(mark):
            raise Unmeasurable(f"{name} is {what}, not CSV. Save it as CSV in UTF-8, {LIKE_PARQUET}.", code="NOT_CSV")
    text = head.decode("utf-8-sig", errors="replace")
    first = text.splitlines()[0] if text else ""
    if re.fullmatch(r"sep=.", first.strip()):
        raise Unmeasurable(
            f"{name} begins with a line for Excel, {first.strip()}. Save it without that line, {LIKE_PARQUET}.",
            code="NOT_CSV",
        )
    try:
        found = next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error as wrong:
        raise Unmeasurable(
            f"The first line of {name} is no line of CSV. Save it as CSV in UTF-8, {LIKE_PARQUET}.", code="NOT_CSV"
        ) from wrong
    if len(found) == 1:
        refuse_other_separator(found[0], name)
    refuse_twice(found, name)
    return found


def refuse_other_separator(only: str, name: str) -> None:
    """Raise Unmeasurable where the one name of a file is several, separated otherwise."""
    for mark, word in SEPARATORS.items():
        if mark in only:
            raise Unmeasurable(
                f"{name} separates its columns with {word}. Save it with commas, and with decimal points, {LIKE_PARQUET}.",
                code="OTHER_SEPARATOR",
            )


def refuse_twice(found: Sequence[str], name: str) -> None:
    """Raise Unmeasurable where two columns have one name."""
    twice = [column for column, count in Counter(found).items() if count > 1]
    if twice:
        named = ", ".join(column[:60] or "(no name)" for column in twice[:5])
        raise Unmeasurable(
            f"{name} names a column twice: {named}. Rename one of the two and register the file again.",
            code="COLUMN_TWICE",
        )


def why(broken: str, form: str, before: int = 0) -> str:
    """What Arrow says is wrong with a file, without any value of it."""
    first = broken.splitlines()[0] if broken else ""
    if form != "csv":
        return first[:200]
    if "utf8" in broken.lower() or "utf-8" in broken.lower():
        return f"its text is not UTF-8. Save it as UTF-8, {LIKE_PARQUET}"
    if told := ROW_OF_ARROW.search(broken):
        row, expected, found = told.groups()
        return f"line {int(row) + before} has {found} values where the first line names {expected} columns"
    if told := WIDTHS_OF_ARROW.search(broken):
        expected, found = told.groups()
        return f"one of its lines has {found} values where the first line names {expected} columns"
    return "its rows differ in columns or type"

"""Numbers as they are printed: what a dossier says in figures, and the figures that stand on a page."""

import html
import re
from collections.abc import Iterator
from typing import Any

GROUPED = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
SPACED = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")
TAG = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.DOTALL)


def numbers(text: str) -> set[str]:
    """Every number in a text, thousands without their spaces."""
    return set(NUMBER.findall(GROUPED.sub("", text.replace("\u2212", "-"))))


def numbers_of_print(text: str) -> set[str]:
    """The same for text that was read out of a PDF, where a hard space may have become an ordinary one."""
    return numbers(text) | numbers(SPACED.sub("", text))


def page_text(page: str) -> str:
    """What a reader of a page of HTML sees."""
    return html.unescape(TAG.sub(" ", page))


def figures_of(item: dict[str, Any]) -> Iterator[str]:
    """Each text of an item of evidence that holds figures: metrics, tables with their intervals, statements."""
    for label, value in item["metrics"]:
        yield f"{label} {value}"
    for table in item["tables"]:
        yield table["note"]
        for row in table["rows"]:
            for cell in row["cells"]:
                if not cell["is_digest"]:
                    yield f"{cell['text']} {cell['below']}"
    for part in item["statements"]:
        for name, value in part["rows"]:
            yield f"{name} {value}"

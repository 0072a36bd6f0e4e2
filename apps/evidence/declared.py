"""The file in which evidence types are declared, read once. Pure: no Django."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parents[2] / "fixtures" / "frameworks" / "support" / "evidence-types.yaml"


@cache
def types() -> list[dict[str, Any]]:
    """Every evidence type as its file declares it."""
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))["evidence_types"]
    return found


@cache
def field_words() -> dict[str, str]:
    """Field names as they stand inside a sentence, of those that every type calls the same."""
    found: dict[str, set[str]] = {}
    for kind in types():
        for name, title in kind["field_titles"].items():
            found.setdefault(name, set()).add(title)
    return {name: _inside(titles.pop()) for name, titles in found.items() if len(titles) == 1}


def _inside(title: str) -> str:
    """A title inside a sentence: without its capital, where that is no name."""
    is_name = title[:2].isupper() or title.startswith(("Article ", "Annex "))
    return title if is_name else f"{title[0].lower()}{title[1:]}"

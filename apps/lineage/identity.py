"""Names as the catalog can hold them. Pure.

Producers send names of any length; the catalog's columns and their indices have limits. A name that is too long keeps its
start and gets a digest of the whole, so that two long names stay two datasets.
"""

from __future__ import annotations

import hashlib

Limit = tuple[int, int]  # characters, bytes

NAMESPACE, NAME, PATH = (500, 800), (1000, 1700), (500, 2000)
TYPE, KEY = (200, 800), (300, 1200)


def fitting(text: str, limit: Limit) -> str:
    """The text, or its start with a digest of the whole."""
    characters, size = limit
    if len(text) <= characters and len(text.encode()) <= size:
        return text
    mark = "…" + hashlib.sha256(text.encode()).hexdigest()[:16]
    head = text[: characters - len(mark)]
    while len(head.encode()) + len(mark.encode()) > size:
        head = head[:-16]
    return head + mark


def fitting_name(namespace: str, name: str) -> tuple[str, str]:
    """A namespace and a name."""
    return fitting(namespace, NAMESPACE), fitting(name, NAME)


def path_of(column: str) -> str:
    """A column's path."""
    return fitting(column, PATH)

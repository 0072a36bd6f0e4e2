"""What the pages of the log show: entries as sentences, in pages that stay put while the log grows."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.audit import verbs
from apps.audit.models import Leaf

SIZE = 50
COUNTED = 10_000
WORDS = {"null": "none", "true": "yes", "false": "no"}
EXPORTED = 2000
IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KINDS = {"version": "model version"}  # facts whose name is not that of the kind they point to


@dataclass(frozen=True)
class Line:
    """One entry as a sentence: who did what to what, and why."""

    leaf: Leaf
    at: datetime
    actor: verbs.Name
    phrase: str
    subject: verbs.Name
    reason: str

    @property
    def hash(self) -> str:
        """The leaf hash in hexadecimal digits."""
        return bytes(self.leaf.hash).hex()


@dataclass(frozen=True)
class Page:
    """Some lines, newest first, and where to go on."""

    lines: list[Line]
    before: int | None
    after: int | None


def as_lines(leaves: Sequence[Leaf], named: Mapping[str, verbs.Name] | None = None) -> list[Line]:
    """Sentences for these entries; each kind of name is asked for once, and not again for what is `named` already."""
    called = dict(named or {})
    refs = {ref for leaf in leaves for ref in (leaf.entry.actor, leaf.entry.subject)}
    called |= verbs.name_all(refs - called.keys())
    return [
        Line(
            leaf,
            leaf.entry.at,
            called[leaf.entry.actor],
            verbs.phrase(leaf.entry.verb),
            called[leaf.entry.subject],
            reason_of(leaf),
        )
        for leaf in leaves
    ]


def reason_of(leaf: Leaf) -> str:
    """Why, as the entry says it; empty when its bytes cannot be read (the proof then says so)."""
    try:
        return leaf.entry.reason
    except ValueError:
        return ""


def page_of(
    found: QuerySet[Leaf], *, before: Any = None, after: Any = None, named: Mapping[str, verbs.Name] | None = None
) -> Page:
    """The newest entries, or those next to an entry: `after` it downwards (older), `before` it upwards (newer)."""
    start, is_up = (number(before), True) if number(before) is not None else (number(after), False)
    if start is None:
        rows = list(found[: SIZE + 1])
        return Page(as_lines(rows[:SIZE], named), None, rows[SIZE - 1].seq if len(rows) > SIZE else None)
    if is_up:
        rows = list(found.filter(seq__gt=start).order_by("seq")[: SIZE + 1])
        shown = rows[:SIZE][::-1]
        return Page(
            as_lines(shown, named), shown[0].seq if len(rows) > SIZE else None, shown[-1].seq if shown else None
        )
    rows = list(found.filter(seq__lt=start)[: SIZE + 1])
    return Page(
        as_lines(rows[:SIZE], named), rows[0].seq if rows else None, rows[SIZE - 1].seq if len(rows) > SIZE else None
    )


def number(text: Any) -> int | None:
    """A place in the log from the address; None when it is none."""
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 19 else None


def count_of(found: QuerySet[Leaf]) -> str:
    """How many there are, in words; beyond ten thousand "more than"."""
    count = found.order_by()[: COUNTED + 1].count()
    return f"more than {COUNTED:,}".replace(",", "\u202f") if count > COUNTED else str(count)


def as_jsonl(found: QuerySet[Leaf]) -> Iterator[bytes]:
    """The exact bytes of each entry, one to a line, oldest first."""
    rows: Iterable[Leaf] = found.order_by("seq").iterator(chunk_size=EXPORTED)
    for leaf in rows:
        yield bytes(leaf.entry.body) + b"\n"


def changes_of(leaf: Leaf) -> list[str]:
    """The subjects whose judgements this entry made old."""
    try:
        return leaf.entry.changes
    except ValueError:
        return []


def facts_of(leaf: Leaf) -> list[tuple[str, str, verbs.Name | None]]:
    """What the service noted, flat and in words: ("gate limit", "0.80"), with its name where the value is an id."""
    try:
        pairs = list(flatten(leaf.entry.facts))
    except ValueError:
        return []
    refs = {
        pair: f"{KINDS.get(pair[0], pair[0]).replace(' ', '_')}:{pair[1]}" for pair in pairs if IS_ID.fullmatch(pair[1])
    }
    called = verbs.name_all(ref for ref in refs.values() if verbs.is_named(ref))
    return [(*pair, called.get(refs.get(pair, ""))) for pair in pairs]


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested JSON as names and texts."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from flatten(value[key], f"{name} {key}".strip().replace("_", " "))
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        for position, part in enumerate(value, 1):
            yield from flatten(part, f"{name} {position}")
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    else:
        yield name, WORDS.get(spelled := json.dumps(value), "") or (value if isinstance(value, str) else spelled)

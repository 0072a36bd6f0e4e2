"""Pages of lists of any length: the next page starts after a row, not after a number of rows, so page 2 000 costs as page 1."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from apps.core.errors import BadRequest

SIZE = 25


@dataclass(frozen=True)
class Keyset:
    """A page of rows with the cursors of its neighbours, None at the ends."""

    rows: list[Any]
    before: str | None
    after: str | None

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether everything there is stands on this page."""
        return self.before is None and self.after is None


def keyset(rows: QuerySet[Any], *, by: tuple[str, ...], query: Any, size: int = SIZE) -> Keyset:
    """The page that `query` (a GET dictionary with `after` or `before`) asks for, ordered by `by` ("-name" descends).

    All keys run in one direction and the last one is unique.
    """
    after, before = query.get("after"), query.get("before")
    is_back = bool(before) and not after
    descends = by[0].startswith("-")
    fields = [key.removeprefix("-") for key in by]
    mark = _decode(before if is_back else after, len(fields))
    order = [f"-{field}" if descends != is_back else field for field in fields]
    try:
        if mark is not None:
            rows = rows.filter(_beyond(fields, mark, is_up=descends == is_back))
        found = list(rows.order_by(*order)[: size + 1])
    except (ValueError, TypeError, ValidationError) as wrong:
        raise BadRequest("The page mark in the address is not one of this list.") from wrong
    has_more = len(found) > size
    found = found[:size]
    if is_back:
        found.reverse()
    has_before = has_more if is_back else mark is not None
    has_after = True if is_back else has_more
    return Keyset(
        found,
        before=_encode(found[0], fields) if found and has_before else None,
        after=_encode(found[-1], fields) if found and has_after else None,
    )


def _beyond(fields: list[str], mark: list[Any], *, is_up: bool) -> Q:
    comparison = "gt" if is_up else "lt"
    condition, same = Q(), Q()
    for field, value in zip(fields, mark, strict=True):
        condition |= same & Q(**{f"{field}__{comparison}": value})
        same &= Q(**{field: value})
    return condition


def _encode(row: Any, fields: list[str]) -> str:
    values = []
    for field in fields:
        value = row
        for part in field.split("__"):
            value = getattr(value, part)
        values.append(value.isoformat() if hasattr(value, "isoformat") else str(value))
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str | None, length: int) -> list[Any] | None:
    if not cursor:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as wrong:
        raise BadRequest("The page mark in the address is not one of this list.") from wrong
    if not isinstance(values, list) or len(values) != length:
        raise BadRequest("The page mark in the address is not one of this list.")
    return values

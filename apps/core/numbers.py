"""Whole numbers beyond 2**53 in JSON values. Pure."""

from decimal import Decimal
from typing import Any

LARGEST = 2**53 - 1


def as_binary64(value: Any) -> Any:
    """The same JSON value with binary64 numbers that were read as whole numbers turned back into what they were.

    1e17 is written 100000000000000000 by RFC 8785 and by PostgreSQL, and Python reads that as an int. An int that is no
    shortest spelling of a binary64 number stays: it has no canonical form.
    """
    if isinstance(value, dict):
        return {key: as_binary64(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_binary64(part) for part in value]
    if isinstance(value, int) and abs(value) > LARGEST:
        try:
            near = float(value)
        except OverflowError:
            return value
        return near if int(Decimal(repr(near))) == value else value
    return value

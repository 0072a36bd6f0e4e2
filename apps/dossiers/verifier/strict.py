"""RFC 8785 canonical JSON from the written rules: strict reading, one spelling."""

import hashlib
import json
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn

LARGEST = 2**53 - 1
READ_ONCE = 4096
ESCAPED = json.JSONEncoder(ensure_ascii=False).encode
DEEPEST = 100  # levels of lists and objects within each other


class NotStrict(ValueError):
    """Not the one canonical spelling of a JSON value."""


def sha256(content: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=READ_ONCE)
def read_strict(content: bytes, has_numbers: bool = True) -> Any:
    """The value whose canonical bytes are exactly `content`. Nobody changes it: the same bytes give the same value."""
    number = None if has_numbers else _no_number
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_no_repeated_key,
            parse_constant=_no_number,
            parse_int=number,
            parse_float=number,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotStrict(f"not JSON: {error}") from error
    if spell(value).encode("utf-8", "surrogatepass") != content:
        raise NotStrict("the bytes are not the canonical form of their value")
    return value


def spell(value: Any, level: int = 0) -> str:
    """The canonical text of a JSON value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return ESCAPED(value)
    if isinstance(value, int):
        return str(value) if abs(value) <= LARGEST else spell_float(_as_float(value))
    if isinstance(value, float):
        return spell_float(value)
    if level >= DEEPEST:
        raise NotStrict(f"lists and objects stand more than {DEEPEST} deep in each other")
    if isinstance(value, list):
        return "[" + ",".join(spell(part, level + 1) for part in value) + "]"
    pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{spell(key)}:{spell(part, level + 1)}" for key, part in pairs) + "}"


def spell_float(value: float) -> str:
    """A binary64 number as ECMAScript prints it."""
    if not isfinite(value):
        raise NotStrict("a number is beyond what binary64 holds")
    if value == 0:
        return "0"
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits, sign = "".join(map(str, parts.digits)), "-" if parts.sign else ""
    point = int(parts.exponent) + len(digits)
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise NotStrict("a number is beyond what binary64 holds") from error


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("a key is repeated in one object")
    return found


def _no_number(spelled: str) -> NoReturn:
    raise NotStrict(f"{spelled} is not allowed here")

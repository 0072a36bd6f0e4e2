"""Canonical bytes: one JSON value has exactly one spelling (RFC 8785), so that a hash over it means something.

Entries of the log go one step further and carry no numbers at all: a number written as a string cannot be
read as a slightly different binary fraction by another program.
"""

import hashlib
import json
from typing import Any, NoReturn

import rfc8785

from apps.core.numbers import as_binary64

MAX_BYTES = 65_535  # what one leaf of a tiled log may hold (C2SP tlog-tiles)


class NotCanonical(ValueError):
    """The bytes are not the one canonical spelling of a JSON value, or the value has none."""


def encode(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value; NotCanonical when the value has no such form."""
    try:
        try:
            return rfc8785.dumps(value)
        except rfc8785.IntegerDomainError:
            return rfc8785.dumps(as_binary64(value))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise NotCanonical(str(error) or type(error).__name__) from error


def encode_entry(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value without numbers and without U+0000; NotCanonical otherwise."""
    require_no_numbers(value)
    return _spell(value)


def require_no_numbers(value: Any, path: str = "") -> None:
    """Raise NotCanonical naming the place of the first part that an entry may not hold."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _require_text(value, path)
    elif isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                raise NotCanonical(f"{path or '/'}: a key is {type(key).__name__}; keys are strings")
            _require_text(key, f"{path}/{key}")
            require_no_numbers(part, f"{path}/{key}")
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            require_no_numbers(part, f"{path}/{position}")
    elif isinstance(value, (int, float)):
        raise NotCanonical(f"{path or '/'}: {value!r} is a number; write it as a string")
    else:
        raise NotCanonical(f"{path or '/'}: {type(value).__name__} is not JSON")


def parse(body: bytes) -> Any:
    """The value of strict JSON: UTF-8, no repeated key, no NaN or infinity."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error


def parse_entry(body: bytes) -> dict[str, Any]:
    """The object whose canonical bytes without numbers are exactly `body`; NotCanonical otherwise.

    Equality after re-encoding also refuses repeated keys, other key orders, white space and other escapes.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_int=_refuse_number,
            parse_float=_refuse_number,
            parse_constant=_refuse_constant,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotCanonical("an entry is a JSON object")
    if _spell(value) != body:
        raise NotCanonical("the bytes are not the RFC 8785 form of their value")
    return value


def digest(body: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits of the bytes."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def _spell(value: Any) -> bytes:
    # Without numbers the C encoder spells exactly as RFC 8785 does, except for the order of keys beyond the
    # basic plane (UTF-16 units there, code points here); those rare values take the slow road.
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if not text.isascii() and max(text) > "\uffff":
        return encode(value)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds half of a surrogate pair") from error


def _require_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise NotCanonical(f"{path or '/'}: U+0000 is not allowed")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("a key is repeated in one object")
    return found


def _refuse_number(spelled: str) -> NoReturn:
    raise NotCanonical(f"{spelled} is a number; entries hold numbers as strings")


def _refuse_constant(spelled: str) -> NoReturn:
    raise NotCanonical(f"{spelled} is not JSON")

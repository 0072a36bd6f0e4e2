"""Policy expressions: CEL behind one door that opens only for a BOOL that is true.

The engine answers failures with *values* that Python takes for true (`bool(error)` is `True`), so nothing outside this
module may look at what it returns. A name without a value makes the answer UNKNOWN, every other trouble makes it ERROR;
neither is ever true. Pure: no Django.
"""

import enum
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

MAX_EXPRESSION = 2_000
MAX_TEXT = 4_096
MAX_ITEMS = 1_000
INT_LIMIT = 2**63

_STRINGS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAMES = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NO_VALUE = "No value with name"

#: The types a name may be declared with; anything else (numbers, free text) is checked when it is evaluated.
_TYPES = {"bool": cel.Type.BOOL, "enum": cel.Type.STRING, "list": cel.Type.List(cel.Type.STRING)}


class Truth(enum.Enum):
    """What an expression says: only TRUE ever lets anything pass."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    ERROR = "error"


class InvalidExpression(ValueError):
    """The expression does not compile against the declared names, or does not answer yes or no."""


@dataclass(frozen=True)
class Compiled:
    """An expression that compiled, with the declared names it reads."""

    text: str
    names: tuple[str, ...]
    program: Any

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("Compiled expressions are not stored; store the text and compile it again.")


@dataclass(frozen=True)
class Verdict:
    """The answer of one evaluation and, when it is not a plain yes or no, why."""

    truth: Truth
    missing: tuple[str, ...] = ()
    error: str = ""


def names_in(text: str) -> list[str]:
    """The dotted names that appear in an expression outside its string literals, in order, each once."""
    return list(dict.fromkeys(_NAMES.findall(_STRINGS.sub("''", text))))


Vocabulary = tuple[tuple[str, str], ...]


def vocabulary(names: Iterable[str] | Mapping[str, str]) -> Vocabulary:
    """Declared names with their types, sorted once for many expressions."""
    types = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names, "")
    return tuple(sorted(types.items()))


def compile(text: str, names: Vocabulary | Iterable[str] | Mapping[str, str]) -> Compiled:
    """Compile an expression against declared names (name -> `bool`, `enum`, `list`, …); raises InvalidExpression.

    An undeclared name, a type that does not fit and an answer that is not yes or no are all refused here, so a
    misspelt fact cannot sit in a policy and quietly decide nothing.
    """
    is_ready = isinstance(names, tuple) and all(isinstance(entry, tuple) for entry in names[:1])
    return _compile(text, names if is_ready else vocabulary(names))  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def _environment(types: Vocabulary) -> Any:
    return cel.NewEnv(variables={name: _TYPES.get(kind, cel.Type.DYN) for name, kind in types})


@lru_cache(maxsize=512)
def _declared(types: Vocabulary) -> frozenset[str]:
    return frozenset(name for name, _ in types)


@lru_cache(maxsize=8_192)
def _compile(text: str, types: Vocabulary) -> Compiled:
    if len(text) > MAX_EXPRESSION:
        raise InvalidExpression(f"The expression has {len(text)} characters; at most {MAX_EXPRESSION} are allowed.")
    try:
        program = _environment(types).compile(text)
    except (RuntimeError, ValueError, UnicodeEncodeError) as trouble:
        raise InvalidExpression(f"“{text}” does not compile: {_first_line(trouble)}") from trouble
    if program.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise InvalidExpression(f"“{text}” answers {program.return_type()}, but a rule must answer true or false.")
    read = tuple(name for name in names_in(text) if name in _declared(types))
    return Compiled(text, read, program)


def evaluate(compiled: Compiled, facts: Mapping[str, Any]) -> Truth:
    """Evaluate against facts (nested, or flat with dotted names); a name without a value makes it UNKNOWN."""
    return explain(compiled, facts).truth


def explain(compiled: Compiled, facts: Mapping[str, Any]) -> Verdict:
    """Like `evaluate`, with the missing names or the trouble in words."""
    values: dict[str, Any] = {}
    for name in compiled.names:
        value = lookup(facts, name)
        if value is None:
            continue
        trouble = _refusal(value)
        if trouble:
            return Verdict(Truth.ERROR, error=f"{name} {trouble}")
        values[name] = value
    try:
        answer = compiled.program.eval(data=values)
        kind, value = answer.type(), answer.value()
    except (RuntimeError, ValueError, TypeError, OverflowError) as trouble:
        return Verdict(Truth.ERROR, error=_first_line(trouble))
    if kind == cel.Type.BOOL:
        return Verdict(Truth.TRUE if value is True else Truth.FALSE)
    if kind in (cel.Type.ERROR, cel.Type.UNKNOWN) and _NO_VALUE in str(value):
        return Verdict(Truth.UNKNOWN, missing=tuple(name for name in compiled.names if name not in values))
    return Verdict(Truth.ERROR, error=_first_line(value))


def lookup(facts: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name in flat or nested facts; None when nobody supplied it."""
    if name in facts:
        return facts[name]
    found: Any = facts
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def flatten(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts as dotted names."""
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested facts; the inverse of `flatten`."""
    nested: dict[str, Any] = {}
    for name, value in sorted(flat.items()):
        *path, last = name.split(".")
        level = nested
        for part in path:
            level = level.setdefault(part, {})
        level[last] = value
    return nested


def _refusal(value: Any) -> str:
    """Why a value may not reach the engine ('' when it may): deep, large or odd values have crashed engines."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -INT_LIMIT <= value < INT_LIMIT else "is too large a number"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "is not a finite number"
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            return "is too long a text"
        return "" if not any(0xD800 <= ord(letter) <= 0xDFFF for letter in value) else "is not valid text"
    if isinstance(value, (list, tuple)):
        if len(value) > MAX_ITEMS:
            return "has too many items"
        if any(isinstance(item, (list, tuple, Mapping)) for item in value):
            return "has items inside items"
        return next((trouble for item in value if (trouble := _refusal(item))), "")
    return f"is a {type(value).__name__}, which no rule can read"


def _first_line(trouble: object) -> str:
    return str(trouble).strip().splitlines()[0] if str(trouble).strip() else "the engine gave no reason"

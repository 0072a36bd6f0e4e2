"""Values of fields, expressions and predicates. A missing value is None; a truth that is not known is None too."""

import math
import struct
from collections.abc import Callable, Mapping

from apps.evidence.inputs.pmml.reading import Element, Refused, as_number

Value = float | str | bool | None
NUMERIC = {"integer", "float", "double"}
EXPRESSIONS = ("Constant", "FieldRef", "NormContinuous", "NormDiscrete", "Discretize", "MapValues", "Apply")
PREDICATES = ("SimplePredicate", "CompoundPredicate", "SimpleSetPredicate", "True", "False")


class Scope:
    """What names mean for one row: given values first, then derived fields, then what the scope around it knows.

    `functions` are those that the file defines, the same in every scope; `kinds` the data types of the given values."""

    def __init__(
        self,
        values: dict[str, Value],
        derived: Mapping[str, Element],
        around: "Scope | None" = None,
        functions: Mapping[str, Element] | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.values, self.derived, self.around, self.kinds = values, derived, around, kinds or {}
        self.functions: Mapping[str, Element] = functions or (around.functions if around else {})

    def get(self, name: str) -> Value:
        """The value under a name. Raises Refused for a name that nobody defines."""
        if name in self.values:
            return self.values[name]
        if name in self.derived:
            field = self.derived[name]
            self.values[name] = None  # a field that asks for itself finds nothing
            self.values[name] = typed(value_of(inner_of(field, EXPRESSIONS), self), field.said.get("dataType", ""))
            return self.values[name]
        if self.around is None:
            raise Refused(f"it asks for {name[:60]}, which it does not define")
        return self.around.get(name)

    def kind_of(self, name: str) -> str:
        """The data type under a name; empty where none is declared."""
        if name in self.derived:
            return self.derived[name].said.get("dataType", "")
        return self.kinds.get(name) or (self.around.kind_of(name) if self.around else "")

    def written(self, name: str, text: str) -> Value:
        """What the file writes, as the field of this name has it: numbers of `float` are compared with four bytes."""
        value = alike(self.get(name), text)
        return typed(value, "float") if isinstance(value, float) and self.kind_of(name) == "float" else value


def inner_of(element: Element, names: tuple[str, ...]) -> Element:
    """The one element of these names inside."""
    found = element.all(*names)
    if len(found) != 1:
        raise Refused(f"{element.name} {element.said.get('name', '')[:40]} holds something that is not read here")
    return found[0]


def typed(value: Value, kind: str) -> Value:
    """A value as a field of this data type has it; `float` has the precision of four bytes. Raises Refused."""
    if value is None or not kind:
        return value
    if kind in NUMERIC:
        number = float(value) if isinstance(value, bool | float) else as_number(value)
        return struct.unpack("f", struct.pack("f", number))[0] if kind == "float" else number
    if kind == "string":
        return text_of(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else text_of(value) in {"true", "1"}
    raise Refused(f"a field is of type {kind[:30]}, which is not read here")


def text_of(value: Value) -> str:
    """A value as text; whole numbers without a point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def alike(value: Value, text: str) -> Value:
    """What the file writes, in the kind of the value it is compared with."""
    if isinstance(value, bool):
        return text in {"true", "1"}
    return as_number(text) if isinstance(value, float) else text


# --- expressions -------------------------------------------------------------------------------------------------------


def value_of(element: Element, scope: Scope) -> Value:
    """The value of an expression."""
    return READERS[element.name](element, scope)


def _constant(element: Element, scope: Scope) -> Value:
    if element.said.get("missing") == "true":
        return None
    kind = element.said.get("dataType", "")
    try:
        return typed(element.text.strip() if kind != "string" else element.text, kind or "double")
    except Refused:
        if kind:
            raise
        return element.text


def _field(element: Element, scope: Scope) -> Value:
    found = scope.get(element.need("field"))
    return element.said.get("mapMissingTo") if found is None else found


def _continuous(element: Element, scope: Scope) -> Value:
    value, points = scope.get(element.need("field")), element.all("LinearNorm")
    if value is None:
        return element.number("mapMissingTo") if "mapMissingTo" in element.said else None
    number, treatment = float(value), element.said.get("outliers", "asIs")
    pairs = sorted((point.number("orig"), point.number("norm")) for point in points)
    if len(pairs) < 2:
        raise Refused("NormContinuous has fewer than two points")
    is_outside = not pairs[0][0] <= number <= pairs[-1][0]
    if is_outside and treatment == "asMissingValues":
        return element.number("mapMissingTo") if "mapMissingTo" in element.said else None
    if is_outside and treatment == "asExtremeValues":
        return pairs[0][1] if number < pairs[0][0] else pairs[-1][1]
    place = next((at for at in range(1, len(pairs) - 1) if number <= pairs[at][0]), len(pairs) - 1)
    (left, low), (right, high) = pairs[place - 1], pairs[place]
    return low + (number - left) / (right - left) * (high - low)


def _discrete(element: Element, scope: Scope) -> Value:
    value = scope.get(element.need("field"))
    if value is None:
        return element.number("mapMissingTo") if "mapMissingTo" in element.said else None
    return 1.0 if value == scope.written(element.need("field"), element.need("value")) else 0.0


def _bins(element: Element, scope: Scope) -> Value:
    value = scope.get(element.need("field"))
    if value is None:
        return element.said.get("mapMissingTo")
    for band in element.all("DiscretizeBin"):
        if in_interval(float(value), inner_of(band, ("Interval",))):
            return band.need("binValue")
    return element.said.get("defaultValue")


def in_interval(number: float, interval: Element) -> bool:
    """Whether a number lies in an Interval, with the ends that its closure names."""
    closure = interval.need("closure")
    low, high = interval.number("leftMargin", -math.inf), interval.number("rightMargin", math.inf)
    above = number >= low if closure.startswith("closed") else number > low
    return above and (number <= high if closure.endswith("Closed") else number < high)


def _mapped(element: Element, scope: Scope) -> Value:
    pairs = [(part.need("column"), scope.get(part.need("field"))) for part in element.all("FieldColumnPair")]
    if any(value is None for _, value in pairs):
        return element.said.get("mapMissingTo")
    table, wanted = inner_of(element, ("InlineTable",)), element.need("outputColumn")
    for row in table.all("row"):
        cells = {cell.name: cell.text for cell in row.inner}
        if all(column in cells and value == alike(value, cells[column]) for column, value in pairs):
            return cells.get(wanted)
    return element.said.get("defaultValue")


def _apply(element: Element, scope: Scope) -> Value:
    name = element.need("function")
    if element.said.get("invalidValueTreatment", "returnInvalid") not in {"returnInvalid", "asIs"}:
        raise Refused("a function treats invalid values in a way that is not read here")
    if name == "if":
        truth, *ways = element.inner
        chosen = ways[0 if value_of(truth, scope) else 1 :][:1]
        return value_of(chosen[0], scope) if chosen else None
    given = [value_of(part, scope) for part in element.inner]
    if name in LENIENT:
        return LENIENT[name](*given)
    if name in scope.functions:
        return _defined(scope.functions[name], given, scope)
    if name not in FUNCTIONS:
        raise Refused(f"it uses the function {name[:40]}, which is not read here")
    if any(value is None for value in given):
        return element.said.get("mapMissingTo")
    try:
        found = FUNCTIONS[name](*given)
    except (ArithmeticError, ValueError, TypeError):
        found = None
    return element.said.get("defaultValue") if found is None else found


def _defined(function: Element, given: list[Value], scope: Scope) -> Value:
    fields = function.all("ParameterField")
    if len(fields) != len(given):
        raise Refused(
            f"the function {function.need('name')[:40]} is given {len(given)} values for {len(fields)} parameters"
        )
    pairs = zip(fields, given, strict=True)
    values = {part.need("name"): typed(value, part.said.get("dataType", "")) for part, value in pairs}
    alone = Scope(values, {}, functions=scope.functions)  # a function knows its parameters and nothing else
    return typed(value_of(inner_of(function, EXPRESSIONS), alone), function.said.get("dataType", ""))


def _logical(is_and: bool) -> Callable[..., Value]:
    def decide(*truths: Value) -> Value:
        if any(truth is not None and bool(truth) is not is_and for truth in truths):
            return not is_and
        return None if any(truth is None for truth in truths) else is_and

    return decide


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, str) == isinstance(right, str):
        return left == right
    return text_of(left) == text_of(right)


LENIENT: dict[str, Callable[..., Value]] = {
    "isMissing": lambda value: value is None,
    "isNotMissing": lambda value: value is not None,
    "and": _logical(True),
    "or": _logical(False),
}
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "min": min, "max": max, "sum": lambda *given: math.fsum(given), "avg": lambda *given: math.fsum(given) / len(given),
    "product": lambda *given: math.prod(given), "log10": math.log10, "ln": math.log, "sqrt": math.sqrt, "abs": abs, "exp": math.exp,
    "ln1p": math.log1p, "expm1": math.expm1, "pow": lambda a, b: a**b, "threshold": lambda a, b: 1.0 if a > b else 0.0,
    "floor": lambda a: float(math.floor(a)), "ceil": lambda a: float(math.ceil(a)), "round": lambda a: float(math.floor(a + 0.5)),
    "equal": _same, "notEqual": lambda a, b: not _same(a, b), "lessThan": lambda a, b: a < b, "lessOrEqual": lambda a, b: a <= b,
    "greaterThan": lambda a, b: a > b, "greaterOrEqual": lambda a, b: a >= b, "not": lambda a: not a,
    "isIn": lambda a, *given: any(_same(a, b) for b in given), "isNotIn": lambda a, *given: not any(_same(a, b) for b in given),
    "uppercase": lambda a: text_of(a).upper(), "lowercase": lambda a: text_of(a).lower(), "trimBlanks": lambda a: text_of(a).strip(),
    "concat": lambda *given: "".join(text_of(part) for part in given),
}  # fmt: skip
READERS = {
    "Constant": _constant, "FieldRef": _field, "NormContinuous": _continuous, "NormDiscrete": _discrete, "Discretize": _bins,
    "MapValues": _mapped, "Apply": _apply,
}  # fmt: skip


# --- predicates --------------------------------------------------------------------------------------------------------


def holds(predicate: Element, scope: Scope) -> bool | None:
    """Whether a predicate holds; None where a missing value leaves it open."""
    if predicate.name in {"True", "False"}:
        return predicate.name == "True"
    if predicate.name == "CompoundPredicate":
        return _compound(predicate, scope)
    if predicate.name != "SimpleSetPredicate":
        return _simple(predicate, scope)
    field = predicate.need("field")
    if (value := scope.get(field)) is None:
        return None
    is_in = any(value == scope.written(field, text) for text in items(inner_of(predicate, ("Array",))))
    return is_in is (predicate.need("booleanOperator") == "isIn")


def _simple(predicate: Element, scope: Scope) -> bool | None:
    operator, field = predicate.need("operator"), predicate.need("field")
    value = scope.get(field)
    if operator in {"isMissing", "isNotMissing"}:
        return (value is None) is (operator == "isMissing")
    if value is None:
        return None
    compare = FUNCTIONS.get(operator)
    if compare is None or operator not in COMPARISONS:
        raise Refused(f"a predicate has the operator {operator[:40]}, which is not read here")
    return bool(compare(value, scope.written(field, predicate.need("value"))))


def _compound(predicate: Element, scope: Scope) -> bool | None:
    operator, parts = predicate.need("booleanOperator"), predicate.all(*PREDICATES)
    if operator == "surrogate":
        return next((truth for part in parts if (truth := holds(part, scope)) is not None), None)
    truths = [holds(part, scope) for part in parts]
    if operator == "xor":
        return None if None in truths else sum(map(bool, truths)) % 2 == 1
    if operator not in {"and", "or"}:
        raise Refused(f"a predicate is joined by {operator[:40]}, which is not read here")
    found = LENIENT[operator](*truths)
    return None if found is None else bool(found)


COMPARISONS = {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"}


def items(array: Element) -> list[str]:
    """The texts of an Array; quoted where they hold blanks."""
    found, text = [], array.text.strip()
    while text:
        if text[0] == '"':
            end = 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            found.append(text[1:end].replace('\\"', '"'))
            text = text[end + 1 :].lstrip()
        else:
            first, _, text = text.partition(" ")
            found.append(first)
            text = text.lstrip()
    return found

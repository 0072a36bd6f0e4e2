"""What a policy asks for, compiled once: requirements, their evidence and their limits. Pure: no Django."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from apps.policy import expressions
from apps.policy.expressions import Compiled, InvalidExpression, Vocabulary

#: When in the life of a version an item of evidence is needed. Records are made later than what people submit.
STAGES = ("submit", "approve", "gate")
OPERATORS = {"at_least": ">=", "at_most": "<=", "equals": "=="}
OPERATOR_WORDS = {"at_least": "at least", "at_most": "at most", "equals": "exactly"}

#: Names that only a limit may read, by their first part; their values are measured or looked up, never answered.
MEASURED_ROOTS = ("metrics", "evidence", "terms", "kpi", "tier", "version")

_FIELD = re.compile(
    r"(?P<not>!)?\s*(?<![\w.])e\.(?P<field>[a-z]\w*)\s*(?:(?P<op>==|!=|>=|<=|>|<|in)\s*(?P<value>'[^']*'|\[[^\]]*\]|[-\d.]+|null|true|false))?"
)


@dataclass(frozen=True)
class Item:
    """One piece of evidence that a requirement asks for."""

    type: str
    title: str
    text: str
    passes: Compiled
    parts: tuple[Compiled, ...]
    stage: str
    role: str
    computed: Mapping[str, str]


@dataclass(frozen=True)
class Limit:
    """A named measure against a value, or against another measure."""

    name: str
    operator: str
    value: Any
    value_of: str
    unit: str
    decimals: int | None
    required_text: str
    found_name: str
    found_text: str


@dataclass(frozen=True)
class Requirement:
    """One obligation, ready to be judged."""

    id: str
    title: str
    framework: str
    ref: str
    obligation: str
    kind: str
    scope: str
    severity: str
    role: str
    fix: str
    check: str
    applies: Compiled
    effective: tuple[tuple[date, Compiled | None], ...]
    is_early: bool
    items: tuple[Item, ...]
    is_any: bool
    limit: Limit | None
    condition: Compiled | None

    @property
    def is_waivable(self) -> bool:
        """A legal prohibition cannot be waived by anyone."""
        return self.kind != "prohibition"


@dataclass(frozen=True)
class CompiledPolicy:
    """A published policy version, compiled."""

    tier: int
    is_production: bool
    blocks_on: frozenset[str]
    requirements: tuple[Requirement, ...]

    def requirement(self, requirement_id: str) -> Requirement | None:
        """The requirement with this id, if the policy has it."""
        return next((row for row in self.requirements if row.id == requirement_id), None)


def compile_policy(
    body: Mapping[str, Any], fact_types: Mapping[str, str], evidence_types: Mapping[str, Mapping[str, str]]
) -> CompiledPolicy:
    """Compile a policy body; raises InvalidExpression naming the requirement that does not compile or comes twice."""
    ids = [row.get("id", "?") for row in body["requirements"]]
    if len(set(ids)) < len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise InvalidExpression(f"{', '.join(twice)}: a requirement with this id comes twice")
    return CompiledPolicy(
        tier=body["tier"],
        is_production=body["is_production"],
        blocks_on=frozenset(body["blocks_on"]),
        requirements=tuple(compile_requirement(row, fact_types, evidence_types) for row in body["requirements"]),
    )


def compile_requirement(
    row: Mapping[str, Any], fact_types: Mapping[str, str], evidence_types: Mapping[str, Mapping[str, str]]
) -> Requirement:
    """Compile one requirement row of a policy body."""
    try:
        limit = _limit(row.get("limit"))
        facts = _fact_vocabulary(tuple(fact_types.items()))
        return Requirement(
            id=row["id"],
            title=row["title"],
            framework=row["framework"],
            ref=row.get("ref", ""),
            obligation=row.get("obligation", ""),
            kind=row["kind"],
            scope=row.get("scope", "model_version"),
            severity=row["severity"],
            role=row.get("role", ""),
            fix=row.get("fix", ""),
            check=row.get("check", ""),
            applies=expressions.compile(row["applies_when"], facts),
            effective=tuple(
                (
                    date.fromisoformat(entry["from"]),
                    expressions.compile(entry["when"], facts) if entry.get("when") else None,
                )
                for entry in row.get("effective", ())
            ),
            is_early=row.get("is_early", False),
            items=tuple(_item(item, fact_types, evidence_types) for item in row.get("evidence", ())),
            is_any=row.get("pass_rule") == "any",
            limit=limit,
            condition=_condition(limit, fact_types) if limit else None,
        )
    except InvalidExpression as trouble:
        raise InvalidExpression(f"{row['id']}: {trouble}") from trouble
    except KeyError as trouble:
        raise InvalidExpression(f"{row.get('id', '?')}: {trouble.args[0]} is missing") from trouble


def _item(
    row: Mapping[str, Any], fact_types: Mapping[str, str], evidence_types: Mapping[str, Mapping[str, str]]
) -> Item:
    if row["type"] not in evidence_types:
        raise InvalidExpression(f"there is no evidence type {row['type']}")
    names = _pass_vocabulary(tuple(fact_types.items()), tuple(evidence_types[row["type"]].items()))
    return Item(
        type=row["type"],
        title=row["title"],
        text=row["pass"],
        passes=expressions.compile(row["pass"], names),
        parts=tuple(expressions.compile(part, names) for part in conjuncts(row["pass"])),
        stage=row.get("stage", STAGES[0]),
        role=row.get("role", ""),
        computed=row.get("computed", {}),
    )


@lru_cache(maxsize=512)
def _pass_vocabulary(fact_types: Vocabulary, fields: Vocabulary) -> Vocabulary:
    return expressions.vocabulary(pass_names(dict(fact_types), dict(fields)))


@lru_cache(maxsize=16)
def _fact_vocabulary(fact_types: Vocabulary) -> Vocabulary:
    return expressions.vocabulary(dict(fact_types))


def pass_names(fact_types: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, str]:
    """The names a pass expression may use: any fact, the fields of its evidence type, `accepted` and `age_days`."""
    return {**fact_types, "accepted": "bool", "age_days": "", **{f"e.{name}": kind for name, kind in fields.items()}}


def _limit(row: Mapping[str, Any] | None) -> Limit | None:
    if not row:
        return None
    if row["operator"] not in OPERATORS:
        raise InvalidExpression(f"{row['operator']} is not one of {', '.join(OPERATORS)}")
    for name in filter(None, (row["name"], row.get("value_of"))):
        if name.split(".")[0] not in MEASURED_ROOTS:
            raise InvalidExpression(f"a limit reads measured names, and {name} is not one")
    return Limit(
        name=row["name"],
        operator=row["operator"],
        value=row.get("value"),
        value_of=row.get("value_of", ""),
        unit=row.get("unit", ""),
        decimals=row.get("decimals"),
        required_text=row.get("required", ""),
        found_name=row.get("found_name", ""),
        found_text=row.get("found", ""),
    )


def _condition(limit: Limit, fact_types: Mapping[str, str]) -> Compiled:
    right = limit.value_of or _literal(limit.value)
    names = {**fact_types, limit.name: ""} | ({limit.value_of: ""} if limit.value_of else {})
    return expressions.compile(f"{limit.name} {OPERATORS[limit.operator]} {right}", names)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str) and "'" not in value and "\\" not in value:
        return f"'{value}'"
    raise InvalidExpression(f"{value!r} cannot be a limit")


def conjuncts(text: str) -> list[str]:
    """The parts of an expression that must all hold; the whole expression when an `||` stands between them."""
    parts, depth, quote, start, index = [], 0, "", 0, 0
    while index < len(text):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif depth == 0 and text.startswith("||", index):
            return [text.strip()]
        elif depth == 0 and text.startswith("&&", index):
            parts.append(text[start:index].strip())
            index += 1
            start = index + 1
        index += 1
    return [*parts, text[start:].strip()]


def passing_fields(*texts: str) -> dict[str, Any]:
    """Field values with which all these pass expressions hold; "" stands for any text.

    It says what to put into an item of evidence when it is true of the version, never what is true.
    """
    wanted: dict[str, Any] = {}
    for match in (match for text in texts for match in _FIELD.finditer(text)):
        value = _passing_value(match["op"], match["value"])
        value = (not value) if match["not"] else value
        held = wanted.get(match["field"], "")
        if held == "":
            wanted[match["field"]] = value
        elif value != "" and not isinstance(value, (bool, str)):
            wanted[match["field"]] = min(held, value) if "<" in (match["op"] or "") else max(held, value)
    return wanted


def _passing_value(operator: str | None, raw: str | None) -> Any:
    if operator is None or raw is None:
        return True
    if operator == "!=" and raw == "null":
        return ""
    if operator == "in":
        return _parse(raw.strip("[]").split(",")[0].strip())
    value = _parse(raw)
    return value + {">": 1, "<": -1}.get(operator, 0) if operator in "<>" else value


def _parse(raw: str) -> Any:
    if raw.startswith("'"):
        return raw.strip("'")
    if raw in ("true", "false"):
        return raw == "true"
    return float(raw) if "." in raw else int(raw)

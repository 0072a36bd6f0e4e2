"""The words of a judgement: values with units, dates, and conditions as a person would say them. Pure: no Django."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from apps.evidence.declared import field_words
from apps.policy import phrases
from apps.policy.requirements import OPERATOR_WORDS, Limit

OUTCOME_WORDS = {
    "satisfied": "Met",
    "open": "Not met",
    "missing": "Missing",
    "expired": "Expired",
    "waived": "Waived",
    "answer_needed": "Answer needed",
    "not_applicable": "Not applicable",
    "not_yet_effective": "Not yet in force",
    "unchecked": "Not checked yet",
    "error": "Check failed to run",
}
ROLE_WORDS = {
    "approver": "the approver",
    "board": "the board",
    "compliance": "compliance",
    "data_steward": "the data steward",
    "developer": "the model developer",
    "hr": "human resources",
    "independent": "an independent reviewer",
    "independent_auditor": "an independent auditor",
    "internal_audit": "internal audit",
    "legal": "the legal department",
    "model_owner": "the model owner",
    "privacy": "the privacy officer",
    "provider_or_deployer": "the provider or the deployer",
    "quality": "quality management",
    "security": "security",
    "system": "Imprimatur",
    "tool": "a worker",
    "accountable_executive": "the accountable executive",
}

_PART = re.compile(
    r"(?P<not>!)?\s*(?P<name>[a-z]\w*(?:\.\w+)*)\s*(?:(?P<op>==|!=|>=|<=|>|<)\s*(?P<value>'[^']*'|[-\d.]+|null|true|false))?"
)
MOST_SHOWN = 2
_RELATIONS = {"==": "", ">=": "at least ", "<=": "at most ", ">": "more than ", "<": "less than "}


def day(value: date | datetime) -> str:
    """A date as people write it: 3 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def role(name: str) -> str:
    """Who that is, ready for a sentence."""
    return ROLE_WORDS.get(name, f"the {name.replace('_', ' ')}" if name else "the model owner")


def words(name: str) -> str:
    """A field or fact name as people read it: `open_critical` reads "critical findings open"."""
    return field_words().get(name.removeprefix("e.")) or phrases.plain(name)


def listing(items: Iterable[str]) -> str:
    """A, B and C."""
    rows = list(items)
    return rows[0] if len(rows) == 1 else f"{', '.join(rows[:-1])} and {rows[-1]}" if rows else ""


def measure(value: Any, unit: str, decimals: int | None) -> str:
    """A measured value with the digits of its limit and its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "share" and isinstance(value, (int, float)):
        return f"{value * 100:.{decimals or 0}f} %"
    if isinstance(value, float) or decimals is not None:
        text = f"{value:.{2 if decimals is None else decimals}f}" if isinstance(value, (int, float)) else str(value)
    else:
        text = str(value)
    return f"{text} {unit}".strip()


def against(value: float, other: float) -> str:
    """Two numbers with three decimals, or with as many more as it takes to tell them apart."""
    for decimals in range(3, 7):
        texts = [f"{number:.{decimals}f}".rstrip("0").rstrip(".") for number in (value, other)]
        if texts[0] != texts[1] or value == other:
            return " against ".join(texts)
    return f"{value:g} against {other:g}"


def found(limit: Limit, value: Any, value_of_text: Any) -> str:
    """What was measured, as it stands in the Found column."""
    if limit.found_text:
        return limit.found_text.format(value=value, other=value_of_text)
    if limit.found_name and value_of_text is not None:
        return str(value_of_text)
    return measure(value, limit.unit, limit.decimals)


def required(limit: Limit, other: Any) -> str:
    """The limit, as it stands in the Required column."""
    if limit.required_text:
        return limit.required_text.format(other=other)
    bound = other if limit.value_of else limit.value
    if bound is None:
        return f"{OPERATOR_WORDS[limit.operator]} {words(limit.value_of)}"
    if isinstance(bound, bool):
        return measure(bound, "", None)
    return f"{OPERATOR_WORDS[limit.operator]} {measure(bound, '', limit.decimals)}"


def condition(text: str) -> str:
    """One part of a pass expression in words: "critical findings open 0", "access controlled: yes"."""
    if text == "accepted":
        return "accepted"
    match = _PART.fullmatch(text.strip())
    if not match or match["name"] in phrases.CLAUSES or match["name"] in phrases.NOUNS and match["name"] != "age_days":
        return phrases.said(text) or readable(text)
    name = words(match["name"])
    if match["name"] == "age_days":
        name = "age in days"
    if match["op"] is None:
        return f"{name}: no" if match["not"] else f"{name}: yes"
    if match["value"] == "null":
        return f"{name} given" if match["op"] == "!=" else f"no {name}"
    value = match["value"].strip("'")
    if match["op"] == "==" and value != match["value"]:
        return f"{name}: {value}"
    if match["op"] == "!=":
        return f"{name} other than {value}"
    return f"{name} {_RELATIONS[match['op']]}{value}"


def needed(texts: list[str]) -> str:
    """What an item of evidence has to say, short enough for the Required column."""
    stated = [condition(text) for text in texts if text != "accepted"]
    if len(stated) > MOST_SHOWN:
        return f"accepted, with {len(stated)} statements"
    return listing(["accepted", *stated])


def readable(text: str) -> str:
    """A longer expression with its signs as words."""
    for sign, word in (
        ("&&", "and"),
        ("||", "or"),
        ("!=", "is not"),
        ("!", "not "),
        ("==", "is"),
        (">=", "at least"),
        ("<=", "at most"),
        ("_", " "),
        ("'", ""),
    ):
        text = text.replace(sign, f" {word} " if word and word != " " else word)
    text = re.sub(r"(?<![\w.])e\.", "", text)
    return " ".join(text.split())


def state_of(text: str, fields: Mapping[str, Any], age_days: int | None) -> str:
    """What the evidence says about one part of a pass expression: the Found column of a failed part."""
    match = _PART.fullmatch(text.strip())
    if not match:
        named = [name for name in fields if re.search(rf"\be\.{name}\b", text)]
        return ", ".join(f"{words(name)}: {measure(fields[name], '', None)}" for name in named) or "not recorded"
    if match["name"] == "age_days":
        return f"{age_days} days old" if age_days is not None else "no date"
    if match["name"] in phrases.CLAUSES:
        return f"{phrases.called(match['name'])}: {'yes' if match['not'] else 'no'}"
    value = fields.get(match["name"].removeprefix("e."))
    if value is None:
        return f"{words(match['name'])}: not recorded"
    return f"{words(match['name'])}: {measure(value, '', None)}"

"""How a dossier writes times, digests, numbers and outcomes. Pure: no Django."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from apps.policy import phrases
from apps.policy.wording import OUTCOME_WORDS

# Worst first: what a reader has to see comes before what is in order.
OUTCOME_ORDER = (
    "error", "open", "missing", "expired", "unchecked", "answer_needed", "waived", "not_yet_effective", "satisfied",
    "not_applicable",
)  # fmt: skip
SHAPES = {
    "error": "error", "open": "open", "missing": "missing", "expired": "expired", "unchecked": "unchecked", "answer_needed": "ask",
    "waived": "waived", "not_yet_effective": "later", "satisfied": "satisfied", "not_applicable": "na",
}  # fmt: skip
MEANINGS = {
    "satisfied": "Met by the evidence named, under the policy version named. Nothing more is claimed.",
    "open": "Evidence is there and shows that it does not hold. Blocking, unless the register says otherwise.",
    "missing": "No accepted evidence of the kind that is asked for.",
    "waived": "Not met, and accepted until a date by someone who does not benefit. Never counted as met.",
    "expired": "Was met; the evidence is older than the tier allows.",
    "answer_needed": "A fact is missing, so nobody can say whether the requirement applies.",
    "unchecked": "Evidence waits to be accepted, or a check has not run.",
    "error": "The check or the rule could not run. That is no result and counts as not met.",
    "not_yet_effective": "Applies from a later date.",
    "not_applicable": "Does not apply, with the facts that were read.",
}
GAPS = frozenset({"error", "open", "missing", "expired", "unchecked", "answer_needed"})
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
HARD_SPACE, MINUS = "\u00a0", "\u2212"


def utc(moment: datetime) -> str:
    """A moment as tables show it: 2026-11-20 10:05:47 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def in_words(moment: date | datetime) -> str:
    """A day as sentences say it; day and month stay together."""
    return f"{moment.day}{HARD_SPACE}{moment:%B} {moment.year}"


def groups(digest: str) -> list[str]:
    """The digits of a digest in groups of eight."""
    digits = digest.removeprefix("sha256:")
    return [digits[at : at + 8] for at in range(0, len(digits), 8)]


def outcome_word(outcome: str) -> str:
    """The one word of an outcome."""
    return OUTCOME_WORDS[outcome]


def outcome(result: Any) -> dict[str, Any]:
    """A result's outcome as a state: its shape and its words, with the date where one belongs."""
    word = outcome_word(result.outcome)
    if result.outcome == "waived" and result.ends_at:
        word = f"{word} until {last_day(result.ends_at):%Y-%m-%d}"
    if result.outcome == "not_yet_effective" and result.ends_at:
        word = f"From {result.ends_at:%Y-%m-%d}"
    return {"shape": SHAPES[result.outcome], "word": word}


def last_day(ends_at: datetime) -> date:
    """The last day that is still inside, for an end that is the first moment outside."""
    return (ends_at - timedelta(microseconds=1)).date()


def plain(text: Any) -> str:
    """Narrow spaces as ordinary hard ones: the typefaces of the PDF have no others."""
    return str(text).replace("\u202f", HARD_SPACE).replace("\u2009", HARD_SPACE).replace("\u2011", "-")


def tidy(value: Any) -> Any:
    """The same JSON value with every text plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: tidy(part) for key, part in value.items()}
    return [tidy(part) for part in value] if isinstance(value, list | tuple) else value


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: three conditions, 46 requirements."""
    word = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return f"{word} {noun if number == 1 else plural or noun + 's'}"


def thousands(number: int) -> str:
    """A whole number in groups of three."""
    return f"{number:,}".replace(",", HARD_SPACE)


def first_up(text: str) -> str:
    """A sentence that begins with a capital; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def listing(items: Iterable[str]) -> str:
    """A, B and C."""
    rows = list(items)
    return rows[0] if len(rows) == 1 else f"{', '.join(rows[:-1])} and {rows[-1]}" if rows else ""


def value_in_words(value: Any) -> str:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value_in_words(part) for part in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_in_words(part)}" for name, part in value.items()) or "none"
    if value in (None, ""):
        return "not recorded"
    return plain(phrases.value(value)) if isinstance(value, str) and value.islower() else plain(value)

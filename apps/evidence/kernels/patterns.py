"""Personal data in columns: patterns with checksums, column names, and how far both agree. Values are counted, never kept.

Patterns alone find too much: one in eleven random numbers of sixteen digits passes Luhn's test. So a column is judged by
the share of its values that match, by how many of those pass their checksum compared with chance, by a precedence of
types, and by its name as separate evidence. Sources: ISO 13616 (IBAN), ISO/IEC 7812 (card numbers), RFC 5321 (addresses).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.evidence.kernels.batches import Batch

# Rows whose checksums are tried: the first, then a random share; the same in any split. Two thousand tell 10 % from 50 %.
CHECKED_FIRST, CHECKED_ONE_IN = 2_000, 64
HIGH_SHARE, LOW_SHARE, FREE_TEXT_SHARE = 0.5, 0.05, 0.01


@dataclass(frozen=True)
class Pattern:
    """A kind of identifier: what a whole value looks like, what it looks like inside text, and its checksum."""

    kind: str
    title: str
    whole: str
    inside: str = ""
    checksum: Callable[[str], bool] | None = None
    chance: float = 1.0
    is_direct: bool = True


def _iban(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text))


def _luhn(text: str) -> bool:
    from stdnum import luhn

    return bool(luhn.is_valid(re.sub(r"[ -]", "", text)))


def _ssn(text: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(text))


def _ip(text: str) -> bool:
    return all(int(part) < 256 for part in text.split("."))


EMAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
# With a country's code, with separators, with an area in brackets, or up to twelve digits in one: longer numbers count parcels.
PHONE = (
    r"(\+[0-9]{1,3}[ .\-]?(\(0\))?[ .\-]?[0-9]{1,4}([ .\-/]?[0-9]{2,5}){1,4}"
    r"|\(?0[0-9]{1,4}\)?([ .\-/][0-9]{2,8}){1,4}|\(0[0-9]{1,4}\)[0-9]{4,8}|0[0-9]{6,11})"
)
US_PHONE = r"(\+?1[ .\-]|001-)?(\([0-9]{3}\) ?|[0-9]{3}[.\-])[0-9]{3}[.\-][0-9]{4}(x[0-9]{1,5})?"

# Order is precedence: a value counts for the first kind it fits.
PATTERNS: tuple[Pattern, ...] = (
    Pattern("email", "E-mail address", f"^{EMAIL}$", rf"(^|[\s<(,;:]){EMAIL}"),
    Pattern("iban", "Bank account (IBAN)", r"^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,3})?$", "", _iban, 0.0103),
    Pattern("us_ssn", "US social security number", r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _ssn, 0.89),
    Pattern("credit_card", "Payment card number", r"^[3-6][0-9]{3}[ \-]?([0-9]{4}[ \-]?){2}[0-9]{1,7}$", "", _luhn, 0.1),
    Pattern("ip_address", "IP address", r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$", "", _ip, 0.2),
    Pattern("phone", "Phone number", f"^({PHONE}|{US_PHONE})$", rf"(^|\s)({PHONE}|{US_PHONE})(\s|$|[,.;])"),
)  # fmt: skip

# What a column's name says about it; kinds without a pattern can be found by name alone.
NAMES: dict[str, tuple[str, str, bool]] = {
    r"(^|_)(e_?mail|mail_address)": ("email", "E-mail address", True),
    r"(^|_)(phone|telephone|mobile|cell|fax|tel)(_|$|number)": ("phone", "Phone number", True),
    (
        r"(^|_)(first|last|given|family|middle|maiden|full)_?name|^(sur)?name$|surname"
        r"|(customer|client|applicant|patient|employee|person)_name"
    ): ("person_name", "Name of a person", True),
    r"(^|_)(ssn|social_security|national_id|nationalid|nin|tax_(id|no|number)|passport|licen[cs]e_(no|number))": (
        "government_id", "Number given by an authority", True,
    ),
    r"iban|(^|_)(account|acct)_?(no|number)|bank_account": ("iban", "Bank account", True),
    r"(credit_?card|card_?number|^pan$|cc_?number)": ("credit_card", "Payment card number", True),
    r"(^|_)(street|address|addr)(_|$|line)": ("street_address", "Street address", True),
    r"(^|_)ip(_addr(ess)?)?$": ("ip_address", "IP address", True),
    r"(^|_)(birth|dob|born|birthday|date_of_birth)": ("date_of_birth", "Date of birth", False),
    r"(^|_)(zip|postal|postcode|plz)": ("postal_code", "Postal code", False),
    r"(^|_)(city|town)(_|$)": ("city", "Place", False),
    r"(^|_)(lat|latitude|lon|lng|longitude)(_|$)": ("location", "Position", False),
    r"(^|_)(race|ethnic|ethnicity|religion|political|union_member|health|diagnosis|disability|orientation)": (
        "special_category", "Special category of data", False,
    ),
    r"(^|_)(sex|gender|age|nationality|native_country|marital|marital_status|citizenship)(_|$)": (
        "person_attribute", "Attribute of a person", False,
    ),
}  # fmt: skip


def name_evidence(column: str) -> tuple[str, str, bool] | None:
    """(kind, title, is a direct identifier) that a column's name speaks for, or None."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", spaced).strip("_")
    return next((found for pattern, found in NAMES.items() if re.search(pattern, plain)), None)


def count(batch: Batch, column: str) -> dict[str, int]:
    """Of one column of one batch: rows with a value, words, and per kind matches whole and inside, tested and passed."""
    values = batch.texts(column).drop_null()
    checked = _is_checked(batch)[batch.present(column)]
    found = {"rows": len(values), "words": 0}
    if not len(values):
        return found
    values = pc.utf8_trim_whitespace(values)
    found["words"] = int(pc.sum(pc.count_substring_regex(values, r"\S+")).as_py() or 0)
    free = np.ones(len(values), dtype=bool)
    for pattern in PATTERNS:
        whole = np.asarray(pc.match_substring_regex(values, pattern.whole)) & free
        matched = int(whole.sum())
        if matched and pattern.checksum:
            tested = values.filter(pa.array(whole & checked)).to_pylist()
            found[f"{pattern.kind}:tested"] = len(tested)
            found[f"{pattern.kind}:passed"] = sum(pattern.checksum(text) for text in tested)
        if matched:
            found[f"{pattern.kind}:whole"] = matched
            free &= ~whole
        if pattern.inside:
            inside = int((np.asarray(pc.match_substring_regex(values, pattern.inside)) & free).sum())
            if inside:
                found[f"{pattern.kind}:inside"] = inside
    return found


def _is_checked(batch: Batch) -> np.ndarray:
    numbers = np.arange(batch.first_row, batch.first_row + batch.rows)
    return (numbers < CHECKED_FIRST) | (batch.draws(0) % np.uint64(CHECKED_ONE_IN) == 0)


def judge(column: str, counts: dict[str, int]) -> dict[str, Any] | None:
    """What a column holds, from its counts and its name: kind, share, passed checksums, confidence. None: nothing found."""
    rows = counts.get("rows", 0)
    named = name_evidence(column)
    is_prose = rows > 0 and counts.get("words", 0) / rows >= 4
    best = (
        max((_seen(pattern, counts, rows, is_prose) for pattern in PATTERNS), key=lambda seen: seen["weight"])
        if rows
        else None
    )
    if best is not None and best["weight"] > 0:
        agrees = named is not None and named[0] in {best["kind"], "government_id"}
        strong = best["share"] >= HIGH_SHARE or is_prose or (agrees and best["share"] >= LOW_SHARE)
        return {**best, "confidence": "high" if strong else "low", "by": "values and name" if agrees else "values"}
    if named is None or rows == 0:
        return None
    kind, title, is_direct = named
    confidence = "low" if kind in {pattern.kind for pattern in PATTERNS} else "high"
    return {
        "kind": kind,
        "title": title,
        "is_direct": is_direct,
        "share": None,
        "passed": None,
        "confidence": confidence,
        "by": "name",
    }


def _seen(pattern: Pattern, counts: dict[str, int], rows: int, is_prose: bool) -> dict[str, Any]:
    """How strongly a column's values speak for one pattern; weight 0 when they do not, or do no better than chance."""
    whole = counts.get(f"{pattern.kind}:whole", 0)
    inside = counts.get(f"{pattern.kind}:inside", 0)
    tested, passed = counts.get(f"{pattern.kind}:tested", 0), counts.get(f"{pattern.kind}:passed", 0)
    rate = passed / tested if tested else None
    share = (whole + inside) / rows if is_prose else whole / rows
    enough = share >= (FREE_TEXT_SHARE if is_prose else LOW_SHARE)
    beats_chance = rate is None or rate >= min(0.95, pattern.chance + 0.4) or (is_prose and inside > 0)
    weight = share if enough and beats_chance else 0.0
    return {
        "kind": pattern.kind,
        "title": pattern.title,
        "is_direct": pattern.is_direct,
        "share": share,
        "passed": rate,
        "weight": weight,
    }

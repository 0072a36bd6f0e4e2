"""Which sections there are, in which order they are printed, and what belongs into each. The map is data."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from django.conf import settings

MAP = "fixtures/frameworks/support/dossier-map.yaml"
NUMBERS = {
    "D0": "0",
    "D1": "1",
    "D2a": "2(a–c)",
    "D2b": "2(d)",
    "D2c": "2(e)",
    "D2d": "2(f)",
    "D2e": "2(g)",
    "D2f": "2(h)",
    "D3": "3",
    "D4": "4",
    "D5": "5",
    "D6": "6",
    "D7": "7",
    "D8": "8",
    "D9": "9",
}
PARTS = {
    "annex_iv": [
        ("Part I. Decision and identity", ("D0",)),
        (
            "Part II. Technical documentation in the order of Annex IV",
            ("D1", "D2a", "D2b", "D2c", "D2d", "D2e", "D2f", "D3", "D4", "D5", "D6", "D7", "D8", "D9"),
        ),
        ("Part III. Other law, vendors and governance", ("A1", "A2", "A3", "A4")),
        ("Part IV. Record and proof", ("A5",)),
    ],
    "sr_26_2": [
        ("Part I. Summary, identity, tier, opinion", ("D0",)),
        ("Part II. Purpose, method, data, testing", ("D1", "D2a", "D2b", "D2e", "D2c")),
        ("Part III. Limits, security, monitoring, risk and changes", ("D3", "D4", "D2f", "D9", "D5", "D6", "D2d")),
        ("Part IV. Vendors, governance, other law", ("A3", "A4", "A1", "A2", "D7", "D8")),
        ("Part V. Record and proof", ("A5",)),
    ],
}
# Where the result of a check stands that fills no evidence type of the map.
CHECKS = {
    "data_profile": "D2b",
    "data_quality": "D2b",
    "personal_data": "D2b",
    "singling_out": "D2b",
    "representation": "D2b",
    "protected_attributes": "D2b",
    "proxies": "D2b",
    "lineage_completeness": "D2b",
    "explainability": "D2c",
    "partial_dependence": "D2c",
    "performance": "D2e",
    "fairness": "D2e",
    "subpopulations": "D2e",
    "robustness": "D2e",
    "comparison": "D2e",
    "reproducibility": "D1",
    "artifact_parity": "D1",
    "load": "D2f",
    "drift": "D9",
}
# Where hand-written reasons stand.
DOCUMENTS = {
    "purpose": "D1",
    "data_choices": "D2b",
    "features": "D2a",
    "method": "D2a",
    "fairness": "D2e",
    "limits": "D3",
    "other": "D1",
}
REST = "A5"


@dataclass(frozen=True)
class Spec:
    """One section of the map."""

    id: str
    title: str
    annex_iv: str
    sr_26_2: str
    evidence: tuple[str, ...]
    satisfies: tuple[str, ...]

    @property
    def no(self) -> str:
        """Its number in print."""
        return NUMBERS.get(self.id, self.id)

    @property
    def where(self) -> str:
        """Where other documents have the same content."""
        places = [f"AI Act Annex IV point {self.annex_iv}" if self.annex_iv != "-" else ""]
        places += [f"SR 26-2 section {self.sr_26_2}" if self.sr_26_2 != "-" else "", f"Section {self.id}"]
        return " · ".join(place for place in places if place)


@cache
def specs() -> dict[str, Spec]:
    """Every section by id, in the order of Annex IV."""
    body = yaml.safe_load((settings.ROOT / MAP).read_text("utf-8"))
    found = {row["id"]: spec_of(row) for row in body["sections"]}
    return {section_id: found[section_id] for section_id in body["orders"]["annex_iv"]}


def spec_of(row: dict[str, Any]) -> Spec:
    """One row of the map."""
    title = row["title"].removeprefix("Annex: ")
    title = title[0].upper() + title[1:]
    return Spec(row["id"], title, row["annex_iv"], row["sr_26_2"], tuple(row["evidence"]), tuple(row["satisfies"]))


def parts(order: str) -> list[tuple[str, tuple[str, ...]]]:
    """The parts of a print order with the sections in each."""
    return PARTS[order]


@cache
def homes() -> dict[str, str]:
    """The section in which evidence of a type is printed in full: the first that names it."""
    found: dict[str, str] = {}
    for spec in specs().values():
        for type_id in spec.evidence:
            found.setdefault(type_id, spec.id)
    return found


def home_of(types: list[str], check: str) -> str:
    """The section in which an item is printed in full."""
    if check in CHECKS:
        return CHECKS[check]
    return next((homes()[type_id] for type_id in types if type_id in homes()), REST)


@cache
def claimed() -> frozenset[str]:
    """Requirements that the map gives to a section."""
    return frozenset(requirement for spec in specs().values() for requirement in spec.satisfies)

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
# Where the result of a check stands; one that is not named here stands where the first evidence type that it fills does, else in TESTS.
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
    "counterfactuals": "D2c",
    "performance": "D2e",
    "fairness": "D2e",
    "ll144": "D2e",
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
TESTS = "D2e"
REST = "A5"


@dataclass(frozen=True)
class Place:
    """A section in a print order: its number there, and what stands under the same heading elsewhere."""

    section: str
    no: str
    heading: str = ""
    also: str = ""


@dataclass(frozen=True)
class Spec:
    """One section of the map."""

    id: str
    title: str
    annex_iv: str
    sr_26_2: str
    evidence: tuple[str, ...]
    satisfies: tuple[str, ...]

    def where(self, place: Place) -> str:
        """Where the same content stands in both orders and in the map."""
        places = [f"AI Act Annex IV point {self.annex_iv}" if self.annex_iv != "-" else ""]
        places += [f"SR 26-2 section {self.sr_26_2}" if self.sr_26_2 != "-" else "", place.heading, place.also]
        return " · ".join([*(text for text in places if text), f"Section {self.id}"])


@cache
def body() -> dict[str, Any]:
    """The map as it stands in the file."""
    found: dict[str, Any] = yaml.safe_load((settings.ROOT / MAP).read_text("utf-8"))
    return found


@cache
def specs() -> dict[str, Spec]:
    """Every section by id, in the order of Annex IV."""
    found = {row["id"]: spec_of(row) for row in body()["sections"]}
    return {section_id: found[section_id] for section_id in body()["orders"]["annex_iv"]}


def spec_of(row: dict[str, Any]) -> Spec:
    """One row of the map."""
    title = row["title"].removeprefix("Annex: ")
    title = title[0].upper() + title[1:]
    return Spec(row["id"], title, row["annex_iv"], row["sr_26_2"], tuple(row["evidence"]), tuple(row["satisfies"]))


@cache
def parts(order: str) -> list[tuple[str, list[Place]]]:
    """The parts of a print order with the places of the sections in each."""
    if order == "annex_iv":
        return [(part["title"], [annex_place(name) for name in part["sections"]]) for part in body()["parts"][order]]
    numbers: dict[str, str] = {}
    return [
        (part["title"], [place for number in part["headings"] for place in heading_places(number, numbers)])
        for part in body()["parts"][order]
    ]


def annex_place(section: str) -> Place:
    """A section in the order of Annex IV, with its heading in the other order."""
    headings = [row["heading"].split(" ", 1)[0] for row in body()["sr_26_2_headings"] if section in row["from"]]
    return Place(section, NUMBERS.get(section, section), heading=f"SR 26-2 order {', '.join(headings)}")


def heading_places(number: int, numbers: dict[str, str]) -> list[Place]:
    """The sections under one heading of the order of SR 26-2; one that was printed before is pointed at."""
    row = body()["sr_26_2_headings"][number - 1]
    fresh = [name for name in row["from"] if name not in numbers]
    for place, name in enumerate(fresh, start=1):
        numbers[name] = str(number) if len(fresh) == 1 else f"{number}.{place}"
    seen = [f"{numbers[name]} {specs()[name].title}" for name in row["from"] if name not in fresh]
    also = f"also under this heading: {', '.join(seen)}" if seen else ""
    return [Place(name, numbers[name], f"SR 26-2 order {row['heading']}", also) for name in fresh]


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
    return next((homes()[type_id] for type_id in types if type_id in homes()), TESTS if check else REST)


@cache
def claimed() -> frozenset[str]:
    """Requirements that the map gives to a section."""
    return frozenset(requirement for spec in specs().values() for requirement in spec.satisfies)

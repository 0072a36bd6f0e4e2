"""The evidence types a requirement may name, and who supplies each of their fields: a check, a person, or a service.

The types are data (`fixtures/frameworks/support/evidence-types.yaml`). `COMPUTED` is the one place that says which fields
are measured; every other field is attested by a named person, or written as a record by the service that did the work.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from apps.core.errors import Invalid
from apps.evidence import declared

# type -> field -> the check that computes it. A measured value always wins over a typed one.
COMPUTED: dict[str, dict[str, str]] = {
    "data_lineage": {
        "sources": "lineage_completeness",
        "transforms_recorded": "lineage_completeness",
        "hashes_present": "lineage_completeness",
        "original_purpose_recorded": "lineage_completeness",
    },
    "datasheet": {"provenance": "data_profile", "splits": "data_profile", "licence": "data_profile"},
    "data_quality": {
        "completeness_checked": "data_quality",
        "errors_checked": "data_quality",
        "representativeness_checked": "representation",
        "groups_covered": "representation",
    },
    "pii_scan": {
        "unresolved_high": "personal_data",
        "fields_scanned": "personal_data",
        "detector_version": "personal_data",
    },
    "deidentification": {"min_k": "singling_out"},
    "bias_examination": {"groups_examined": "protected_attributes", "findings_recorded": "protected_attributes"},
    "performance_report": {"holdout": "performance", "by_group": "performance", "uncertainty": "performance"},
    "fairness_report": {
        "metrics": "fairness",
        "groups": "fairness",
        "ci_reported": "fairness",
        "small_cells_handled": "fairness",
        "intersectional": "fairness",
        "min_impact_ratio": "fairness",
    },
    "adverse_impact": {
        "impact_ratio_by_group": "fairness",
        "significance_tested": "fairness",
        "small_n_flagged": "fairness",
        "stages": "fairness",
    },
    "explainability_report": {
        "global_view": "explainability",
        "local_view": "explainability",
        "method_validated": "explainability",
    },
    "robustness_report": {"perturbation": "robustness", "ood": "robustness"},
    "reproducibility": {
        "code_commit": "reproducibility",
        "data_hash": "reproducibility",
        "environment_lock": "reproducibility",
        "seed": "reproducibility",
    },
}

# Written by the workflow's services when the work is done; nobody may type them in.
RECORDS = frozenset(
    {
        "approval_record", "audit_trail", "findings_register", "challenge_record", "validation_report", "review_record",
        "exception_approval", "technical_dossier",
    }
)  # fmt: skip

# Counted by the product in a report of tests that is handed in as a file (`apps.evidence.testing`); nobody may type the counts in.
REPORTS = frozenset({"integration_tests"})

PYTHON_TYPES: dict[str, Any] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "date": (str,),
}
LONGEST_TEXT = 4000


@dataclass(frozen=True)
class EvidenceType:
    """One entry of the catalogue. `scope` is model_version, model or organisation: how far an item of it reaches."""

    id: str
    title: str
    description: str
    scope: str
    produced_by: str
    fields: dict[str, str]
    field_titles: dict[str, str]
    max_age_days: dict[int, int | None]

    @property
    def computed(self) -> dict[str, str]:
        """Fields that a check measures: field -> check key."""
        return COMPUTED.get(self.id, {})

    @property
    def attested(self) -> list[str]:
        """Fields that a person supplies."""
        return [] if self.is_report else [name for name in self.fields if name not in self.computed]

    @property
    def is_record(self) -> bool:
        """Whether only the product's own services write it."""
        return self.id in RECORDS

    @property
    def is_report(self) -> bool:
        """Whether its fields are counted in a report of tests."""
        return self.id in REPORTS

    def max_age(self, tier: int | None) -> int | None:
        """Days an item stays usable at this tier; no tier yet counts as the strictest."""
        return self.max_age_days[tier or 1]


@cache
def catalogue() -> dict[str, EvidenceType]:
    """Every evidence type by its id."""
    return {
        row["id"]: EvidenceType(
            id=row["id"],
            title=row["title"],
            description=row["description"],
            scope=row["scope"],
            produced_by=row["produced_by"],
            fields=dict(row["fields"]),
            field_titles=dict(row["field_titles"]),
            max_age_days={int(key.removeprefix("tier")): days for key, days in row["max_age_days"].items()},
        )
        for row in declared.types()
    }


def field_title(type_id: str, name: str) -> str:
    """What a field of a type is called where people read it; its own words where the catalogue does not know it."""
    known = catalogue().get(type_id)
    return (known.field_titles.get(name) if known else None) or name.replace("_", " ").capitalize()


def type_named(type_id: str) -> EvidenceType:
    """The type with this id. Raises Invalid with the known ids."""
    found = catalogue().get(type_id)
    if found is None:
        raise Invalid(
            f"There is no evidence type {type_id[:80]!r}. The catalogue lists the known ones.", code="UNKNOWN_TYPE"
        )
    return found


def refuse_wrong_fields(kind: EvidenceType, fields: dict[str, Any]) -> None:
    """Raise Invalid when a field is not one of the type's, its value not of the field's type, or the fields are counted in a report."""
    if kind.is_report:
        raise Invalid(
            f"{kind.title} is counted in a report of tests; its numbers cannot be typed in. Hand in the report in JUnit's XML.",
            code="COUNTED_IN_A_REPORT",
        )
    errors = []
    for name, value in fields.items():
        expected = kind.fields.get(name)
        if expected is None:
            errors.append((name, f"{kind.title} has no field {name}. It has: {', '.join(kind.fields)}."))
        elif not fits(value, expected):
            errors.append((name, f"{name} must be {_article(expected)} {expected}, not {type(value).__name__}."))
    if errors:
        raise Invalid(
            errors=[
                {"pointer": f"/fields/{name}"[:200], "code": "WRONG_FIELD", "detail": text} for name, text in errors
            ]
        )


def fits(value: Any, expected: str) -> bool:
    """Whether a JSON value is of the field type (bool, int, float, str, date)."""
    if not isinstance(value, PYTHON_TYPES[expected]) or (isinstance(value, bool) and expected != "bool"):
        return False
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT and "\x00" not in value and (expected != "date" or _is_date(value))
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    return bool(abs(value) < 2**53)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"

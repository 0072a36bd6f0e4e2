"""What the demo's files say: the cast's statements, the use cases, models, datasets and versions of the story."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.utils import timezone

FOLDER = Path(settings.ROOT) / "fixtures" / "demo"


@cache
def story() -> dict[str, Any]:
    """The story file."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "story.yaml").read_text("utf-8"))
    return found


@cache
def attestations() -> dict[str, dict[str, Any]]:
    """What the people state, by evidence type."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "attestations.yaml").read_text("utf-8"))["attestations"]
    return found


def in_days(days: int) -> str:
    """A day counted from today."""
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def dataset_body(row: dict[str, Any]) -> dict[str, Any]:
    """The registration of a dataset, without its fields, with the end of its terms as a date."""
    return {
        **{key: value for key, value in row.items() if key != "fields"},
        "terms_end_on": in_days(row["terms_end_on"]),
    }


def statement(type_id: str, use_case: dict[str, Any]) -> dict[str, Any]:
    """A statement about a version of this use case, with the two values that depend on it filled in."""
    row = attestations()[type_id]
    fields = dict(row["fields"])
    if type_id == "intake_assessment":
        fields["tier"] = use_case["tier"]
    if type_id == "eu_classification":
        fields["ai_class"] = use_case["facts"]["eu.ai_class"]
    return {"type": type_id, "dated": in_days(0), "fields": fields, "summary": row["summary"]}

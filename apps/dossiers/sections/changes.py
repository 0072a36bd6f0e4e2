"""Changes: what was agreed in advance, what changed against the version before, and the versions of the model."""

from typing import Any

from apps.dossiers import wording
from apps.dossiers.record import VersionRecord
from apps.dossiers.sections.identity import predecessor
from apps.registry.models import ModelVersion
from apps.workflow import queries as workflow

Content = dict[str, Any]
MOST_VERSIONS = 30


def agreed(record: VersionRecord) -> Content:
    """Whether changes were agreed in advance."""
    plan = record.of_type.get("change_plan", [])
    return {"plans": [row.no for row in plan]}


def query(record: VersionRecord) -> Content:
    """The version before, what differs, and every version of the model."""
    version = record.version
    rows = ModelVersion.objects.filter(model=version.model, created_at__lte=record.at).order_by("-created_at", "-id")
    states = workflow.recorded_states(list(rows[:MOST_VERSIONS]))
    return {
        "reason": str(version.get_reason_display()),
        "note": version.reason_note,
        "differences": differences(predecessor(version), version),
        "versions": [
            {
                "version": row.version,
                "registered": wording.utc(row.created_at),
                "reason": str(row.get_reason_display()),
                "state": str(states.get(row.pk, "draft")).replace("_", " "),
                "digest": wording.groups(row.artifact_digest)[:2],
                "is_this": row.pk == version.pk,
            }
            for row in rows[:MOST_VERSIONS]
        ],
    }


def differences(before: ModelVersion | None, version: ModelVersion) -> list[list[str]]:
    """What differs in the registered content."""
    if before is None:
        return []
    pairs = [
        ["Artifact", short(before.artifact_digest), short(version.artifact_digest)],
        ["Features", ", ".join(names(before)), ", ".join(names(version))],
        ["Parameters", str(before.training.get("parameters", "")), str(version.training.get("parameters", ""))],
        ["Metrics reported by training", reported(before), reported(version)],
        ["Code commit", str(before.training.get("code_commit", "")), str(version.training.get("code_commit", ""))],
        ["Output", wording.value_in_words(before.output), wording.value_in_words(version.output)],
    ]
    return [[label, one or "not recorded", two or "not recorded"] for label, one, two in pairs if one != two]


def names(version: ModelVersion) -> list[str]:
    """The names of a version's features."""
    return [row["name"] if isinstance(row, dict) else str(row) for row in version.features]


def reported(version: ModelVersion) -> str:
    """Metrics as the training reported them: stated, not measured here."""
    return ", ".join(
        f"{name} {value:g}"
        for name, value in version.training.get("metrics", {}).items()
        if isinstance(value, int | float)
    )


def short(digest: str) -> str:
    """The first 16 digits of a digest."""
    return " ".join(wording.groups(digest)[:2])

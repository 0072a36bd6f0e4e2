"""Inputs with the reason for each, and what was said against them."""

from typing import Any

from apps.dossiers.record import VersionRecord

Content = dict[str, Any]


def query(record: VersionRecord) -> Content:
    """The features of the version."""
    basis = {item.name: item for item in record.features}
    rows = []
    for feature in record.version.features:
        name = feature["name"] if isinstance(feature, dict) else str(feature)
        reason = feature.get("reason", "") if isinstance(feature, dict) else ""
        traced = basis.get(name)
        verdict = traced.verdict if traced else None
        rows.append(
            {
                "name": name,
                "reason": reason or "no reason given",
                "type": (feature.get("type") or "") if isinstance(feature, dict) else "",
                "classification": str(verdict.classification).replace("_", " ") if verdict else "nothing declared",
                "findings": ", ".join(
                    row.reference for row in record.findings if name in f"{row.title} {row.text}".split()
                )
                or "none",
            }
        )
    return {"features": rows}

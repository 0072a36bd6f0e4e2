"""Limits: what each measurement does not show, and which findings and waivers restrict the use."""

from typing import Any

from apps.dossiers.record import VersionRecord

Content = dict[str, Any]


def query(record: VersionRecord) -> Content:
    """Limits in the words of the checks."""
    return {
        "limits": [
            {"no": row.no, "title": row.item.title, "sentences": list(row.item.limits)}
            for row in record.evidence
            if row.item.limits
        ],
        "open_findings": [
            {"reference": row.reference, "title": row.title, "severity": str(row.get_severity_display())}
            for row in record.findings
            if row.is_open
        ],
    }

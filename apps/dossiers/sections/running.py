"""Where the version runs or ran."""

from typing import Any

from apps.dossiers import wording
from apps.dossiers.record import VersionRecord

Content = dict[str, Any]


def query(record: VersionRecord) -> Content:
    """Deployments, oldest first."""
    return {
        "deployments": [
            {
                "environment": row.environment.name,
                "state": str(row.get_state_display()),
                "digest": wording.groups(row.artifact_digest)[:2],
                "authorised": when(row.authorised_at),
                "started": when(row.started_at),
                "ended": when(row.ended_at, row.end_reason),
            }
            for row in record.deployments
        ]
    }


def when(moment: Any, reason: str = "") -> str:
    """A moment, or that it did not happen."""
    if moment is None:
        return "not yet"
    return f"{wording.utc(moment)} {reason}".strip()

"""Which requirements read an item of evidence, by the newest judgement of its version."""

from datetime import datetime
from typing import Any

from apps.evidence.models import Evidence
from apps.evidence.uses import Use, teller
from apps.policy.models import Assessment

UNASKED = {"not_applicable", "not_yet_effective"}


@teller
def uses_of(item: Evidence, at: datetime | None = None) -> list[Use]:
    """What the newest judgement of the item's version, now or then, made of it."""
    if item.version_id is None:
        return []
    rows = Assessment.objects.filter(version=item.version_id).select_related("policy_version__policy")
    newest = (rows if at is None else rows.filter(at__lte=at)).first()
    if newest is None:
        return []
    return [
        Use(row["outcome"], row["id"], row["title"], row["observed"], row["required"], str(newest.policy_version))
        for row in newest.results
        if row["outcome"] not in UNASKED and reads(row, item)
    ]


def reads(row: dict[str, Any], item: Evidence) -> bool:
    """Whether this result rests on the item."""
    return any(found["id"] == str(item.pk) for found in row.get("evidence", []))

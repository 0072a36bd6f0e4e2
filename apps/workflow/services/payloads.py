"""What a signature is over: one JSON value whose digest a proof of identity is bound to, and that a passkey signs.

docs/formats/signature.md is the specification. It is built before the person proves who they are, and everything that the
signature does afterwards is read back from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import commit_name
from apps.audit import services as audit
from apps.audit.contact_details import require_no_contact_details
from apps.core.models import uuid7
from apps.workflow import processes
from apps.workflow.models import Review, Signature, Step
from apps.workflow.queries.content import meaning_sentence

VERSION = 2
RULES = "part11/2"


@dataclass(frozen=True)
class Statement:
    """What somebody wants to state about what they were shown."""

    meaning: str
    reason: str
    content: str
    conditions: Sequence[dict[str, Any]] = ()
    report: dict[str, Any] = field(default_factory=dict)
    withdraws: Signature | None = None


def payload_for(review: Review, step: Step, actor: User, said: Statement, *, method: str) -> dict[str, Any]:
    """The payload of a signature that is about to be given. In a transaction: it may be the first with this name."""
    replaced = withdrawn_before(review, actor) if said.withdraws is None else None
    return {
        "v": VERSION,
        "type": "signoff",
        "log": audit.log_name(),
        "id": str(uuid7()),
        "review": str(review.pk),
        "reference": review.reference,
        "round": str(step.round),
        "version": str(review.version_id),
        "artifact": review.version.artifact_digest,
        "step": step.key,
        "content": said.content,
        "meaning": said.meaning,
        "meaning_text": meaning_sentence(review, step, said.meaning, said.content),
        "reason": said.reason,
        "report": declared(step, said.report),
        "conditions": [spelled(item) for item in said.conditions],
        "withdraws": str(said.withdraws.pk) if said.withdraws else None,
        "replaces": str(replaced.pk) if replaced else None,
        "signer": {"id": str(actor.pk), "name_c": commit_name(actor), "role": step.role},
        "signed_at": timezone.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "authentication": {"method": str(method)},
        "rules": RULES,
    }


def withdrawn_before(review: Review, actor: User) -> Signature | None:
    """The actor's own withdrawn signature of this round, which a new one takes the place of."""
    rows = Signature.objects.filter(
        review=review, round=review.round, signer=actor, withdrawals__isnull=False, replacements__isnull=True
    )
    found: Signature | None = rows.order_by("-signed_at").first()
    return found


def declared(step: Step, report: dict[str, Any]) -> dict[str, Any]:
    """What the signer of a validation step declared; nothing is filled in for what they left out."""
    if step.kind != processes.VALIDATION or not report:
        return {}
    parts: dict[str, Any] = {key: bool(report[key]) for key in processes.OPINION_PARTS if key in report}
    opinion = require_no_contact_details(str(report.get("opinion") or "").strip(), pointer="/report/opinion")
    return parts | ({"opinion": opinion} if opinion else {})


def spelled(condition: dict[str, Any]) -> dict[str, str]:
    """A condition as the payload holds it."""
    text = require_no_contact_details(str(condition["text"]).strip(), pointer="/conditions")
    found = {"text": text, "owner": str(condition["owner"].pk), "due_on": condition["due_on"].isoformat()}
    return found | ({"severity": str(condition["severity"])} if "severity" in condition else {})


def conditions_in(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions of a payload, with people and dates again."""
    owners = User.objects.in_bulk([UUID(item["owner"]) for item in payload["conditions"]])
    return [
        {**item, "owner": owners[UUID(item["owner"])], "due_on": date.fromisoformat(item["due_on"])}
        for item in payload["conditions"]
    ]


def signed_at(payload: dict[str, Any]) -> datetime:
    """When the person signed, by the server's clock."""
    return datetime.fromisoformat(payload["signed_at"])

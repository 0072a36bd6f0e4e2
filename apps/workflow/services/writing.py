"""The row of a signature and its entry in the log, written from the payload that the person proved their identity for."""

from typing import Any
from uuid import UUID

from apps.accounts.models import Reauthentication, User
from apps.audit import services as audit
from apps.core.errors import Conflict
from apps.core.models import digest_of
from apps.registry.services import involve
from apps.workflow import processes
from apps.workflow.models import Review, Signature, Snapshot, Step
from apps.workflow.services.payloads import signed_at

CAPACITIES = {
    processes.ATTEST: "owns", processes.VALIDATION: "validated", processes.REVIEW: "reviewed", processes.APPROVAL: "approved",
}  # fmt: skip


def write_signature(
    review: Review, step: Step, actor: User, snapshot: Snapshot, proof: Reauthentication, payload: dict[str, Any]
) -> Signature:
    """The immutable row, bound to the content, the person, the time and the meaning; and its entry in the log."""
    if payload["authentication"]["method"] != proof.method:
        raise Conflict("How you prove who you are changed in the meantime. Sign again.", code="PROOF_FOR_OTHER")
    signature = Signature(
        id=UUID(payload["id"]), review=review, step=step, round=step.round, signer=actor,
        name_commitment=payload["signer"]["name_c"], role=payload["signer"]["role"], meaning=payload["meaning"],
        meaning_text=payload["meaning_text"], reason=payload["reason"], snapshot=snapshot, seen_digest=snapshot.digest,
        opinion=payload["report"], payload=payload, authentication=proof.method, assertion=proof.assertion,
        reauthentication=proof.pk, withdraws_id=payload["withdraws"], replaces_id=payload["replaces"],
        signed_at=signed_at(payload),
    )  # fmt: skip
    signature.save()
    verb = "workflow.signature_withdrawn" if signature.withdraws_id else "workflow.signed_off"
    facts = {"meaning": signature.meaning, "step": step.key, "role": step.role, "seen": snapshot.digest,
             "round": str(step.round), "authentication": proof.method, "payload": digest_of(payload)}  # fmt: skip
    audit.record(actor, verb, review, reason=signature.reason, changes=[review.version], row=signature, data=facts)
    if not signature.withdraws_id:
        involve(review.version, actor, CAPACITIES[step.kind])
    return signature

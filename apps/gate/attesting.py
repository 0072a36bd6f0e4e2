"""From a decision to its signed attestation: the log's key signs, so one public key verifies both."""

from typing import Any

from django.conf import settings

from apps.audit import services as audit
from apps.gate import attestation
from apps.gate.doors.asking import rfc3339
from apps.gate.models import Decision


def summary_of(decision: Decision) -> attestation.Summary:
    """What the statement says about this decision."""
    version, environment = decision.version, decision.environment
    if version is None or environment is None:
        raise ValueError("a decision about an unknown version has no attestation")
    inputs = [(f"{settings.BASE_URL}/evidence/{row['id']}/", row["digest"]) for row in decision.evidence]
    return attestation.Summary(
        subject=f"{version.model.slug}@{version.version}",
        artifact_digest=version.artifact_digest,
        base_url=settings.BASE_URL,
        environment=environment.slug,
        model=version.model.slug,
        policy_url=f"{settings.BASE_URL}/policies/versions/{decision.policy_id}",
        policy_digest=decision.policy_digest,
        inputs=inputs,
        is_passed=decision.outcome == "allow",
        decided_at=rfc3339(decision.asked_at) or "",
        decision_id=str(decision.pk),
        expires_at=rfc3339(decision.expires_at),
        nonce=decision.nonce,
        versions=decision.engine,
    )


def attestation_of(decision: Decision) -> dict[str, Any]:
    """The DSSE envelope over the decision's statement, signed with the log's key."""
    signer = audit.ensure_key()
    statement = attestation.statement(summary_of(decision))
    return attestation.envelope(statement, sign=signer.private.sign, key_id=str(signer.verifier))

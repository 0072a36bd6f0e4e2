"""A decision as a signed statement: SLSA Verification Summary (VSA v1) in an in-toto Statement in a DSSE envelope. Pure.

Sources: https://slsa.dev/spec/v1.2/verification_summary, https://github.com/secure-systems-lab/dsse (PAE, envelope).
A VSA has no expiry of its own; ours is an extension field named by a URI, as the specification allows.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/verification_summary/v1"


def pre_authentication_encoding(payload_type: str, body: bytes) -> bytes:
    """DSSE PAE: the bytes that are signed. Lengths are decimal byte counts."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def envelope(statement: Mapping[str, Any], *, sign: Callable[[bytes], bytes], key_id: str) -> dict[str, Any]:
    """The DSSE envelope over a statement. `key_id` is a hint only; verifiers decide by the keys they trust."""
    body = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = sign(pre_authentication_encoding(PAYLOAD_TYPE, body))
    return {
        "payload": base64.b64encode(body).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


@dataclass(frozen=True)
class Summary:
    """What a statement says, in plain values; digests without their "sha256:" prefix are added by `statement`."""

    subject: str
    artifact_digest: str
    base_url: str
    environment: str
    model: str
    policy_url: str
    policy_digest: str
    inputs: Sequence[tuple[str, str]]
    is_passed: bool
    decided_at: str
    decision_id: str
    expires_at: str | None
    nonce: str
    versions: Mapping[str, str]


def bare(digest: str) -> str:
    """The hexadecimal part of "sha256:…"."""
    return digest.removeprefix("sha256:")


def statement(summary: Summary) -> dict[str, Any]:
    """The in-toto Statement with a VSA predicate; `resourceUri` names the environment, so a pass for one is none for another."""
    level = f"IMPRIMATUR_{summary.environment.upper().replace('-', '_')}_ALLOWED"
    extension = f"{summary.base_url}/ext/"
    return {
        "_type": STATEMENT,
        "subject": [{"name": summary.subject, "digest": {"sha256": bare(summary.artifact_digest)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": f"{summary.base_url}/gate", "version": dict(summary.versions)},
            "timeVerified": summary.decided_at,
            "resourceUri": f"{summary.base_url}/environments/{summary.environment}/models/{summary.model}",
            "policy": {"uri": summary.policy_url, "digest": {"sha256": bare(summary.policy_digest)}},
            "inputAttestations": [{"uri": uri, "digest": {"sha256": bare(digest)}} for uri, digest in summary.inputs],
            "verificationResult": "PASSED" if summary.is_passed else "FAILED",
            "verifiedLevels": [level if summary.is_passed else "FAILED"],
            "slsaVersion": "1.2",
            extension + "decisionId": summary.decision_id,
            extension + "expiresAt": summary.expires_at,
            extension + "nonce": summary.nonce,
        },
    }


class NotVerified(Exception):
    """The envelope does not hold: which step failed is the message."""


def verify(
    wrapped: Mapping[str, Any],
    *,
    verifies: Callable[[bytes, bytes], bool],
    artifact_digest: str,
    resource_uri: str,
    now: str,
) -> dict[str, Any]:
    """The VSA steps for a consumer: signature, subject, predicate type, resource, result, expiry. Returns the predicate."""
    if wrapped.get("payloadType") != PAYLOAD_TYPE:
        raise NotVerified("unknown payload type")
    body = base64.b64decode(str(wrapped.get("payload", "")))
    signed = pre_authentication_encoding(PAYLOAD_TYPE, body)
    signatures = [base64.b64decode(str(row.get("sig", ""))) for row in wrapped.get("signatures", [])]
    if not any(verifies(signature, signed) for signature in signatures):
        raise NotVerified("no signature by a trusted key")
    content = json.loads(body)
    if bare(artifact_digest) not in [row["digest"].get("sha256") for row in content["subject"]]:
        raise NotVerified("another artifact")
    predicate: dict[str, Any] = content["predicate"]
    if content["predicateType"] != PREDICATE or predicate["resourceUri"] != resource_uri:
        raise NotVerified("another environment or model")
    if predicate["verificationResult"] != "PASSED":
        raise NotVerified("the decision was deny")
    expires = next((value for key, value in predicate.items() if key.endswith("/ext/expiresAt")), None)
    if expires is not None and expires <= now:
        raise NotVerified(f"expired at {expires}")
    return predicate

"""The signed statement about a decision: DSSE vectors, and the steps a consumer must take."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.gate import attestation
from apps.gate.attestation import NotVerified, Summary

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SUMMARY = Summary(
    subject="consumer-credit@1.0",
    artifact_digest="sha256:" + "9f" * 32,
    base_url="https://gate.example",
    environment="production",
    model="consumer-credit",
    policy_url="https://gate.example/policies/x",
    policy_digest="sha256:" + "ab" * 32,
    inputs=[("https://gate.example/evidence/1/", "sha256:" + "cd" * 32)],
    is_passed=True,
    decided_at="2026-11-23T09:00:00Z",
    decision_id="d1",
    expires_at="2026-11-24T09:00:00Z",
    nonce="7c1f",
    versions={"imprimatur": "0.1.0"},
)
RESOURCE = "https://gate.example/environments/production/models/consumer-credit"


def verifies(signature: bytes, message: bytes) -> bool:
    try:
        PRIVATE.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


def wrap(summary=SUMMARY):
    return attestation.envelope(attestation.statement(summary), sign=PRIVATE.sign, key_id="k")


def check(wrapped, **changes):
    asked = {
        "artifact_digest": SUMMARY.artifact_digest,
        "resource_uri": RESOURCE,
        "now": "2026-11-23T10:00:00Z",
        **changes,
    }
    return attestation.verify(wrapped, verifies=verifies, **asked)


def test_pre_authentication_encoding_is_that_of_the_specification():
    assert attestation.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_known_key_and_payload_give_the_known_signature():
    wrapped = attestation.envelope({"_type": attestation.STATEMENT}, sign=PRIVATE.sign, key_id="k")
    assert wrapped["payload"] == "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
    known = "Fo6jOXP9gw1yxFFqcxT3OROGg9MHJ9G2Ps2yCG4lrdJS8Yli9xdH78rzsGRdX7vN0BvZnteNGPg9F79CG51UDQ=="
    assert wrapped["signatures"] == [{"keyid": "k", "sig": known}]


def test_a_pass_verifies_for_its_artifact_environment_and_time():
    assert check(wrap())["verificationResult"] == "PASSED"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"artifact_digest": "sha256:" + "00" * 32}, "another artifact"),
        ({"resource_uri": RESOURCE.replace("production", "staging")}, "another environment"),
        ({"now": "2026-11-24T09:00:00Z"}, "expired"),
    ],
)
def test_a_pass_is_none_for_other_bytes_another_environment_or_later(changes, said):
    with pytest.raises(NotVerified, match=said):
        check(wrap(), **changes)


def test_a_denial_is_never_a_pass():
    with pytest.raises(NotVerified, match="deny"):
        check(wrap(replace(SUMMARY, is_passed=False)))


def test_a_changed_statement_is_refused_before_it_is_read():
    wrapped = wrap()
    content = json.loads(base64.b64decode(wrapped["payload"]))
    content["predicate"]["verificationResult"] = "PASSED "
    wrapped["payload"] = base64.b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(NotVerified, match="no signature"):
        check(wrapped)


def test_another_payload_type_is_refused():
    with pytest.raises(NotVerified, match="payload type"):
        check({**wrap(), "payloadType": "text/plain"})

"""Example requests and replies of the OpenAPI document. tests/workflow/test_api.py sends each and compares the answer."""

from typing import Any

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
ON = "2026-12-23"
DIGEST = "sha256:" + "9f2c41aa7be0d3c8" * 4
BASE = "http://127.0.0.1:8000/api/v1"
SITE = "http://127.0.0.1:8000"


MEANINGS = {"attest": ["responsible", "authored", "rejected"], "validation": ["reviewed", "approved", "rejected"]}


def step(key: str, title: str, kind: str, role: str, state: str = "waiting", *rules: str) -> dict[str, Any]:
    """A step as the review shows it."""
    is_open = state == "open"
    return {
        "key": key, "title": title, "kind": kind, "role": role, "quorum": 1, "rules": list(rules), "condition": "true",
        "state": state, "opened_at": AT if is_open else None, "due_on": ON if is_open else None, "closed_at": None,
        "claimed_by": None, "meanings": MEANINGS.get(kind, ["approved", "rejected"]),
    }  # fmt: skip


REVIEW = {
    "id": ID, "url": f"{BASE}/reviews/{ID}", "page": f"{SITE}/reviews/{ID}/", "reference": "R-12", "version": ID,
    "version_name": "Retail credit scoring 12", "environment": "production", "tier": 2, "state": "submitted", "round": 1,
    "opened_by": "developer", "submitted_at": AT, "due_on": ON, "decided_at": None, "valid_until": None, "state_reason": "",
    "process": "Tier 2, version 1", "process_digest": DIGEST, "note": "Adds account balances.",
    "steps": [
        step("attest", "Attest", "attest", "model_owner", "open"),
        step("independent_validation", "Validate", "validation", "validator", "waiting", "not_developer"),
        step("approve", "Approve", "approval", "head_of_model_risk", "waiting", "not_developer"),
    ],
    "signatures": [],
    "turn": {
        "role": "model_owner", "role_name": "model owner", "people": ["owner"], "since": AT, "due_on": ON, "is_yours": False,
        "reasons": ["The step Attest is signed by the model owner; you do not hold that role for Credit scoring."],
    },
    "seen_digest": DIGEST, "meanings": ["responsible", "authored", "rejected"], "obstacles": [],
    "standing": {
        "state": "submitted", "code": "APPROVAL_PENDING",
        "sentence": "Version 12 is not approved yet: it was submitted on 25 November 2026.", "valid_until": None, "changes": [],
        "manifest": None,
    },
    "conditions": [], "findings": [],
}  # fmt: skip
SUBMIT = ({"environment": "production", "note": "Adds account balances."}, REVIEW)
SIGN_OFF = (
    {
        "seen_digest": DIGEST, "meaning": "responsible", "reason": "The record is complete and true to my knowledge.",
        "password": "a long pass phrase",
    },
    {
        "id": ID, "url": f"{BASE}/reviews/{ID}/sign-offs/{ID}", "step": "attest", "round": 1, "signer": "owner",
        "printed_name": "Model owner", "role": "model_owner", "meaning": "responsible",
        "meaning_text": "I take responsibility for Retail credit scoring 12 and state that its record is complete and true.",
        "reason": "The record is complete and true to my knowledge.", "seen_digest": DIGEST, "digest": DIGEST,
        "authentication": "password", "proved_by": "password", "assertion": None, "signed_at": AT, "withdraws": None,
        "replaces": None, "review_state": "in_validation",
    },
)  # fmt: skip
WITHDRAW_SIGNATURE = (
    {"reason": "The validation report was about other data.", "password": "a long pass phrase"},
    {**SIGN_OFF[1], "meaning": "withdrawn", "reason": "The validation report was about other data.", "withdraws": ID,
     "meaning_text": "I withdraw my signature under the step Attest of Retail credit scoring 12."},
)  # fmt: skip
CREDENTIAL = "VGhlIGlkIG9mIGEgY3JlZGVudGlhbA"
PREPARE_SIGN_OFF = (
    {"seen_digest": DIGEST, "meaning": "responsible", "reason": "The record is complete and true to my knowledge."},
    {
        "id": ID, "expires_at": AT, "digest": DIGEST,
        "payload": {
            "v": 2, "type": "signoff", "log": "imprimatur.local/log", "id": ID, "review": ID, "reference": "R-12", "round": "1",
            "version": ID, "artifact": DIGEST, "step": "attest", "content": DIGEST, "meaning": "responsible",
            "meaning_text": "I take responsibility for Retail credit scoring 12 and state that its record is complete and true.",
            "reason": "The record is complete and true to my knowledge.", "report": {}, "conditions": [], "withdraws": None,
            "replaces": None, "signer": {"id": ID, "name_c": "hmac-" + DIGEST, "role": "model_owner"},
            "signed_at": "2026-11-25T09:30:00.000000Z", "authentication": {"method": "passkey"}, "rules": "part11/2",
        },
        "options": {"publicKey": {
            "challenge": "nyxBqnvg08ifLEGqe-DTyJ8sQap74NPInyxBqnvg08g", "rpId": "models.example", "userVerification": "required",
            "allowCredentials": [{"type": "public-key", "id": CREDENTIAL}],
        }},
    },
)  # fmt: skip
FINDING_REPLY = {
    "id": ID, "url": f"{BASE}/findings/{ID}", "page": f"{SITE}/findings/{ID}/", "reference": "F-207", "version": ID, "review": ID,
    "severity": "high", "state": "raised", "source": "review", "title": "Ratio for age 61+ rests on 45 cases",
    "text": "Too few cases to say anything about this group.", "requirement": "", "owner": "developer", "due_on": ON,
    "raised_by": "validator", "answered_by": None, "closed_by": None, "created_at": AT, "closed_at": None,
}  # fmt: skip
FINDING = (
    {
        "title": "Ratio for age 61+ rests on 45 cases", "text": "Too few cases to say anything about this group.",
        "severity": "high", "owner": "developer", "due_on": ON,
    },
    FINDING_REPLY,
)  # fmt: skip
ANSWER = (
    {"text": "A new sample with 212 applicants aged 61 and over was drawn."},
    {**FINDING_REPLY, "state": "answered", "answered_by": "developer"},
)
COMMENT = (
    {"text": "After how many days late is a case bad, and over what period?", "kind": "question"},
    {
        "id": ID, "url": f"{BASE}/versions/{ID}/comments/{ID}", "version": ID, "review": ID, "finding": None, "parent": None,
        "kind": "question", "text": "After how many days late is a case bad, and over what period?", "by": "validator",
        "digest": DIGEST, "created_at": AT,
    },
)  # fmt: skip
DATASET_EVENT = (
    {"kind": "reclassified", "fields": ["housing"], "classification": "personal", "reason": "Housing identifies persons."},
    {
        "id": ID, "url": f"{BASE}/datasets/{ID}", "dataset": ID, "kind": "reclassified", "columns": ["housing"],
        "reason": "Housing identifies persons.", "versions": [{"id": ID, "name": "Retail credit scoring 12"}],
        "findings": [{**FINDING_REPLY, "source": "data_event", "raised_by": "privacy"}],
        "suspended": [{key: REVIEW[key] for key in (
            "id", "url", "page", "reference", "version", "version_name", "environment", "tier", "round", "opened_by",
            "submitted_at", "due_on", "decided_at", "valid_until", "state_reason")} | {"state": "suspended"}],
        "running": [{"id": ID, "version": ID, "environment": "production", "started_at": AT}],
        "completeness": {"is_complete": True, "sentence": "Complete for 3 of 3 jobs", "edges": {"explicit": 4}},
    },
)  # fmt: skip

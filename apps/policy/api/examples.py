"""Example requests and replies of the OpenAPI document. tests/policy/test_api.py sends each and compares the answer."""

from typing import Any

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
OTHER = "0199e0d2-7b21-7d5f-8c20-4b6e9d3f8071"
AT = "2026-11-25T09:30:00Z"
BASE = "http://127.0.0.1:8000/api/v1"

FACTS: tuple[dict[str, Any], dict[str, Any]] = (
    {"facts": {"use.domain": "credit", "use.affects_persons": True}, "answers": {"Q3": "high"}},
    {
        "use_case": "retail-credit",
        "url": f"{BASE}/use-cases/retail-credit/facts",
        "facts": {"use.domain": "credit", "use.affects_persons": True},
        "answers": {"Q3": "high"},
        "unanswered_facts": ["org.sector", "org.jurisdictions"],
        "unanswered_questions": ["Q4", "Q5", "Q6", "Q7", "Q8", "Q9", "Q10", "Q11", "Q12", "Q13", "Q14"],
        "proposed_tier": None,
        "tier": None,
        "is_tier_confirmed": False,
        "is_blocked": False,
        "sentence": "No tier yet: Q4, Q5, Q6, Q7, Q8, Q9, Q10, Q11, Q12, Q13, Q14 not answered.",
        "arithmetic": {"materiality": 20, "inherent": 0},
    },
)
TIER: tuple[dict[str, Any], dict[str, Any]] = (
    {"tier": 2, "reason": "As proposed: people are affected and a person decides with the score in front."},
    {
        **FACTS[1],
        "unanswered_questions": [],
        "proposed_tier": 2,
        "tier": 2,
        "is_tier_confirmed": True,
        "sentence": "Materiality 53 (medium) and inherent risk 41 (medium) give tier 3; raised to tier 2 because of: AI Act high-risk.",
    },
)
WAIVER: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "version": OTHER,
        "environment": "production",
        "requirement": "HOUSE-RATIO",
        "reason": "The ratio of applicants over 60 rests on 45 cases; more data arrive in January.",
        "compensating_control": "Every refusal of an applicant over 60 is reviewed by a person.",
        "ends_on": "2026-12-31",
    },
    {
        "id": ID,
        "url": f"{BASE}/waivers/{ID}",
        "reference": "W-E7F60",
        "version": OTHER,
        "environment": "production",
        "requirement": "HOUSE-RATIO",
        "requirement_title": "Lowest approval ratio of a protected group",
        "reason": "The ratio of applicants over 60 rests on 45 cases; more data arrive in January.",
        "compensating_control": "Every refusal of an applicant over 60 is reviewed by a person.",
        "state": "requested",
        "starts_at": None,
        "ends_on": "2026-12-31",
        "requested_by": "owner",
        "decided_by": None,
        "decided_at": None,
        "decision_reason": "",
        "withdrawn_by": None,
        "withdrawn_at": None,
        "withdrawal_reason": "",
        "created_at": AT,
    },
)
DECISION: tuple[dict[str, Any], dict[str, Any]] = (
    {"reason": "The control is in place and the time is short."},
    {**WAIVER[1], "state": "granted", "starts_at": AT, "decided_by": "risk", "decided_at": AT,
     "decision_reason": "The control is in place and the time is short."},
)  # fmt: skip
REJECTION: tuple[dict[str, Any], dict[str, Any]] = (
    {"reason": "The control does not limit the harm to those concerned."},
    {**WAIVER[1], "state": "rejected", "decided_by": "risk", "decided_at": AT,
     "decision_reason": "The control does not limit the harm to those concerned."},
)  # fmt: skip
WITHDRAWAL: tuple[dict[str, Any], dict[str, Any]] = (
    {"reason": "The new data arrived and the ratio holds without it."},
    {**WAIVER[1], "state": "withdrawn", "withdrawn_by": "owner", "withdrawn_at": AT,
     "withdrawal_reason": "The new data arrived and the ratio holds without it."},
)  # fmt: skip
FRAMEWORK_CHANGE: tuple[dict[str, Any], dict[str, Any]] = (
    {"is_on": True, "reason": "The board adopted the framework for all tiers."},
    {"id": ID, "slug": "nist-ai-rmf", "is_on": True, "is_early": False, "reason": "The board adopted the framework for all tiers.",
     "state": "requested", "requested_by": "risk", "decided_by": None, "decided_at": None, "created_at": AT},
)  # fmt: skip

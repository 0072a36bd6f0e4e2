"""Example requests and replies of the OpenAPI document. tests/examination/test_api.py sends each and compares the answer."""

from typing import Any

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
DIGEST = "sha256:" + "9f2c41aa7be0d3c8" * 4
BASE = "http://127.0.0.1:8000/api/v1"

SAMPLE: tuple[dict[str, Any], dict[str, Any]] = (
    {"title": "Denials of the third quarter", "size": 25, "least": 2, "seed": "2026-Q3", "filter": {"environment": "production"}},
    {
        "id": ID, "url": f"{BASE}/samples/{ID}", "page": f"http://127.0.0.1:8000/samples/{ID}/", "reference": "S-E7F60",
        "title": "Denials of the third quarter", "digest": DIGEST, "seed": "2026-Q3", "size": 25, "least": 2,
        "filter": {"environment": "production", "drawn_at": "2026-11-25T09:30:00.000000Z"}, "population": 412,
        "population_digest": DIGEST,
        "strata": [{"tier": "2", "outcome": "deny", "population": 412, "taken": 25}], "taken": 25, "drawn_by": "auditor",
        "drawn_at": AT,
    },
)  # fmt: skip

ASKED: dict[str, Any] = {
    "id": ID, "url": f"{BASE}/requests/{ID}", "reference": "A-E7F60", "title": "Minutes of the model committee",
    "text": "The minutes in which version 12 was discussed.", "due_on": "2999-12-05", "state": "open", "is_overdue": False,
    "asked_by": "auditor", "assigned_to": "owner", "created_at": AT, "accepted_by": None, "accepted_at": None, "answers": [],
}  # fmt: skip
SAID = {"id": ID, "text": "Section 4 of the minutes.", "link": "https://files.example/minutes.pdf", "by": "owner", "at": AT,
        "digest": DIGEST}  # fmt: skip
ASK = (
    {"title": "Minutes of the model committee", "text": "The minutes in which version 12 was discussed.",
     "due_on": "2999-12-05", "assigned_to": "owner"},
    ASKED,
)  # fmt: skip
ANSWER = (
    {"text": "Section 4 of the minutes.", "link": "https://files.example/minutes.pdf"},
    {**ASKED, "state": "answered", "answers": [SAID]},
)
ACCEPTED = (
    {"reason": "Read section 4."},
    {**ASKED, "state": "accepted", "answers": [SAID], "accepted_by": "auditor", "accepted_at": AT},
)
RETURNED = ({"reason": "The signatures are missing."}, {**ASKED, "answers": [SAID]})

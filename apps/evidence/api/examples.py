"""Example requests and replies of the OpenAPI document. tests/evidence/test_api.py sends each and compares the answer."""

import hashlib

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
DIGEST = "sha256:5e9fb6b77a04322db62252007e23a358aac38a9a269a37e0b6c9bf48bca3c54b"
BASE = "http://127.0.0.1:8000"

CHECKS = (
    {"checks": ["fairness"], "params": {"fairness": {"by": ["sex"], "limit": 0.8}}},
    {
        "runs": [
            {
                "id": ID,
                "check": "fairness",
                "params": {"by": ["sex"], "limit": 0.8},
                "state": "waiting",
                "error": "",
                "error_code": "",
                "created_at": AT,
                "started_at": None,
                "finished_at": None,
            }
        ],
        "jobs": [{"id": ID, "url": f"{BASE}/api/v1/jobs/{ID}"}],
    },
)

FIELDS = {"assumptions": True, "limits": True, "compensating_controls": True, "user_acknowledged": True}
_EVIDENCE = {
    "id": ID,
    "url": f"{BASE}/api/v1/evidence/{ID}",
    "page": f"{BASE}/evidence/{ID}/",
    "title": "Limitations statement",
    "summary": "Not for applicants without a credit history; scores are reviewed by a person.",
    "types": {"limitations": FIELDS},
    "check": "",
    "source": "attested",
    "standing": "waiting",
    "dated": "2025-03-31",
    "received_at": AT,
    "valid_until": "2027-05-24",
    "produced_by": "Developer",
    "digest": DIGEST,
    "result_digest": "",
    "version": ID,
    "metrics": [],
    "tables": [],
    "figures": [],
    "limits": [],
    "inputs": [],
    "method": {},
    "files": [],
    "marks": [],
}
EVIDENCE = (
    {
        "type": "limitations",
        "fields": FIELDS,
        "summary": "Not for applicants without a credit history; scores are reviewed by a person.",
        "dated": "2025-03-31",
        "valid_until": "2027-05-24",
    },
    _EVIDENCE,
)

REPORT = '<testsuite name="service"><testcase name="answers within a second" time="0.4"/></testsuite>'
TESTS = (
    {"report": REPORT, "name": "integration.xml", "dated": "2025-03-31"},
    {
        **_EVIDENCE,
        "title": "Integration tests",
        "summary": "1 of 1 tests succeeded. None failed.",
        "types": {"integration_tests": {"tests": 1, "succeeded": 1, "failed": 0, "skipped": 0}},
        "source": "submitted",
        "valid_until": None,
        "metrics": [
            {"key": key, "label": label, "unit": unit, "digits": digits, "value": value, "low": None, "high": None}
            for key, label, unit, digits, value in (
                ("tests", "Tests", "tests", 0, 1),
                ("succeeded", "Succeeded", "tests", 0, 1),
                ("failed", "Failed", "tests", 0, 0),
                ("skipped", "Skipped", "tests", 0, 0),
                ("seconds", "Time of all tests", "s", 1, 0.4),
            )
        ],
        "tables": [
            {
                "key": "suites",
                "title": "Tests by suite",
                "note": "",
                "columns": [
                    {"key": "suite", "label": "Suite", "kind": "text", "digits": 3},
                    {"key": "tests", "label": "Tests", "kind": "count", "digits": 3},
                    {"key": "succeeded", "label": "Succeeded", "kind": "count", "digits": 3},
                    {"key": "failed", "label": "Failed", "kind": "count", "digits": 3},
                    {"key": "skipped", "label": "Skipped", "kind": "count", "digits": 3},
                    {"key": "seconds", "label": "Seconds", "kind": "number", "digits": 1},
                ],
                "rows": [
                    {
                        "suite": "service",
                        "tests": 1,
                        "succeeded": 1,
                        "failed": 0,
                        "skipped": 0,
                        "seconds": 0.4,
                        "flagged": False,
                    }
                ],
            }
        ],
        "limits": [
            "The tests were run elsewhere: this is what their report says.",
            "What a test printed is in the file, not here.",
        ],
        "files": [
            {
                "name": "integration.xml",
                "sha256": hashlib.sha256(REPORT.encode()).hexdigest(),
                "size": len(REPORT),
                "media_type": "application/xml",
            }
        ],
    },
)

MARK = (
    {"reason": "Read and compared with the model card."},
    {
        **_EVIDENCE,
        "standing": "accepted",
        "marks": [
            {
                "id": ID,
                "kind": "accepted",
                "reason": "Read and compared with the model card.",
                "by": "Validator",
                "created_at": AT,
                "digest": DIGEST,
            }
        ],
    },
)

DOCUMENT = (
    {
        "section": "features",
        "title": "Why these features",
        "body": "Income and duration are known at the time of the decision.",
    },
    {
        "id": ID,
        "section": "features",
        "title": "Why these features",
        "body": "Income and duration are known at the time of the decision.",
        "author": "Developer",
        "created_at": AT,
        "digest": DIGEST,
    },
)

"""Example requests and replies of the OpenAPI document. tests/dossiers/test_api.py sends each and compares the answer."""

from typing import Any

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
JOB = "0199e0d2-7b21-7d5f-8c20-4b6e9d3f8071"
BASE = "http://127.0.0.1:8000/api/v1"

DOSSIER: tuple[dict[str, Any], dict[str, Any]] = (
    {"order": "sr_26_2", "profile": "outside", "names": False, "texts": True},
    {"id": ID, "url": f"{BASE}/dossiers/{ID}", "reference": "D-119", "job": f"{BASE}/jobs/{JOB}"},
)

WORD: tuple[dict[str, Any], dict[str, Any]] = (
    {},
    {"job": f"{BASE}/jobs/{JOB}", "file": f"{BASE}/dossiers/{ID}/docx"},
)

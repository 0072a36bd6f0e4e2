"""Example requests and replies of the OpenAPI document. tests/registry/test_api.py sends each and compares the answer."""

from apps.registry.artifacts import manifest_digest

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
ROOT = "http://127.0.0.1:8000"
BASE = f"{ROOT}/api/v1"

KPI = {
    "name": "default_rate",
    "target": 0.03,
    "measure": "Share of accepted applications in arrears after 12 months",
    "unit": "share",
    "baseline_name": "Rule book 2024",
    "baseline_value": 0.041,
    "direction": "lower",
}
USE_CASE = (
    {
        "title": "Retail credit",
        "purpose": "Supports the decision on consumer credit up to 20 000 EUR. Not for business credit.",
        "objective": "Fewer defaults at the same acceptance rate",
        "people_affected": "About 40 000 applicants a year",
        "kpis": [KPI],
    },
    {
        "id": ID,
        "url": f"{BASE}/use-cases/retail-credit",
        "page": f"{ROOT}/use-cases/retail-credit/",
        "slug": "retail-credit",
        "title": "Retail credit",
        "purpose": "Supports the decision on consumer credit up to 20 000 EUR. Not for business credit.",
        "objective": "Fewer defaults at the same acceptance rate",
        "people_affected": "About 40 000 applicants a year",
        "owner": "owner",
        "facts": {},
        "tier": None,
        "proposed_tier": None,
        "is_tier_confirmed": False,
        "tier_confirmed_by": None,
        "tier_confirmed_at": None,
        "tier_reason": "",
        "kpis": [KPI],
        "created_at": AT,
    },
)
MODEL = (
    {"name": "Retail credit scoring", "use_case": "retail-credit", "purpose": "Scores applications"},
    {
        "id": ID,
        "url": f"{BASE}/models/retail-credit-scoring",
        "page": f"{ROOT}/models/retail-credit-scoring/",
        "slug": "retail-credit-scoring",
        "name": "Retail credit scoring",
        "use_case": "retail-credit",
        "purpose": "Scores applications",
        "owner": "owner",
        "state": "registered",
        "proposed_state": "",
        "created_at": AT,
    },
)
FILES = [{"path": "model.onnx", "sha256": "4b" * 32, "size": 48213}]
LINK = {
    "namespace": "postgres://bank.example:5432",
    "name": "risk.applications",
    "version": "2026-10",
    "role": "train",
    "uri": "file:///srv/data/applications-2026-10.parquet",
    "sha256": "9f" * 32,
    "target": "defaulted",
    "prediction": "",
    "score": "",
}
TRAINING = {
    "run_id": "0199e0d2-0000-7000-8000-000000000001",
    "code_commit": "3f9c2d1",
    "environment_lock": "sha256:" + "7a" * 32,
    "seed": 17,
    "parameters": {"max_depth": 4},
    "metrics": {"auc": 0.791},
}
FEATURES = [
    {"name": "income", "type": "float", "reason": "Ability to repay"},
    {"name": "duration", "type": "int", "reason": "Length of the obligation"},
]
OUTPUT = {"kind": "binary_classification", "positive": "1", "threshold": 0.5}
SUMMARY = {
    "id": ID,
    "url": f"{BASE}/versions/{ID}",
    "page": f"{ROOT}/models/retail-credit-scoring/versions/3.1.0/",
    "model": "retail-credit-scoring",
    "use_case": "retail-credit",
    "version": "3.1.0",
    "artifact_digest": manifest_digest(FILES),
    "artifact_format": "onnx",
    "reason": "drift",
    "created_by": "developer",
    "created_at": AT,
}
LINKED = {"id": ID, "dataset": ID, **LINK}
VERSION = (
    {
        "version": "3.1.0",
        "artifact": {"uri": "file:///srv/models/credit/3.1.0", "format": "onnx", "files": FILES},
        "image": "",
        "training": TRAINING,
        "features": FEATURES,
        "datasets": [LINK],
        "output": OUTPUT,
        "reason": "drift",
        "reason_note": "Population stability index of income above 0.2 since August",
    },
    {
        **SUMMARY,
        "artifact_uri": "file:///srv/models/credit/3.1.0",
        "artifact_files": FILES,
        "aliases": [
            {"kind": "file", "digest": "sha256:" + "4b" * 32},
            {"kind": "manifest", "digest": manifest_digest(FILES)},
        ],
        "image": "",
        "training": TRAINING,
        "features": FEATURES,
        "datasets": [LINKED],
        "endpoint": {},
        "output": OUTPUT,
        "reason_note": "Population stability index of income above 0.2 since August",
        "digest": "sha256:" + "c1" * 32,
    },
)
SCORED = (
    {**LINK, "role": "scored", "version": "2026-11", "score": "score"},
    {**LINKED, "role": "scored", "version": "2026-11", "score": "score"},
)
ENVIRONMENT = (
    {"name": "Production", "is_production": True, "mode": "enforce"},
    {
        "id": ID,
        "url": f"{BASE}/environments/production",
        "slug": "production",
        "name": "Production",
        "is_production": True,
        "mode": "enforce",
        "created_at": AT,
    },
)
FIELDS = (
    {
        "fields": [{"name": "sex", "classification": "personal", "protected": True, "privileged": "male"}],
        "reason": "First review",
    },
    [
        {
            "id": ID,
            "name": "sex",
            "type": "",
            "ordinal": 0,
            "classification": "personal",
            "protected": True,
            "privileged": "male",
            "masked": False,
            "is_declared": True,
            "description": "",
        }
    ],
)
DEPLOYMENT = {
    "id": ID,
    "url": f"{BASE}/deployments/{ID}",
    "version": ID,
    "model": "retail-credit-scoring",
    "version_name": "3.1.0",
    "environment": "production",
    "artifact_digest": manifest_digest(FILES),
    "state": "active",
    "decision": ID,
    "authorised_at": AT,
    "started_at": AT,
    "ended_at": None,
    "end_reason": "",
}
STARTED = ({}, DEPLOYMENT)
ENDED = (
    {"reason": "Replaced by 3.2.0"},
    {**DEPLOYMENT, "state": "ended", "ended_at": AT, "end_reason": "Replaced by 3.2.0"},
)

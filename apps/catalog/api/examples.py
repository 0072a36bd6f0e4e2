"""Example requests and replies of the OpenAPI document. tests/catalog/test_api.py sends each and compares the answer."""

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
BASE = "http://127.0.0.1:8000/api/v1"

TERMS = {
    "terms": "Contract with the credit bureau, clause 4",
    "permitted_purposes": ["credit scoring"],
    "terms_end_on": "2027-06-30",
    "lawful_basis": "Art. 6(1)(b) GDPR: contract",
    "retention": "Ten years after the end of the contract",
}
DESCRIPTION = {
    "namespace": "postgres://bank.example:5432",
    "name": "risk.applications",
    "title": "Credit applications",
    "description": "One row per application",
    "kind": "table",
    "provenance": "Application system of the branches",
    "collection": "Entered by clerks since 2019",
}
DATASET = (
    {**DESCRIPTION, **TERMS},
    {
        "id": ID,
        "url": f"{BASE}/datasets/{ID}",
        **DESCRIPTION,
        "state": "active",
        "is_governed": True,
        "owner": "steward",
        **TERMS,
        "created_at": AT,
    },
)
CHANGED_TERMS = (
    {**TERMS, "terms_end_on": "2028-06-30", "reason": "Contract extended"},
    {**DATASET[1], "terms_end_on": "2028-06-30"},
)
VERSION = (
    {
        "key": "2026-10",
        "sha256": "9f" * 32,
        "uri": "file:///srv/data/applications-2026-10.parquet",
        "rows": 1000,
        "valid_from": AT,
    },
    {
        "id": ID,
        "url": f"{BASE}/datasets/{ID}/versions/{ID}",
        "dataset": ID,
        "key": "2026-10",
        "origin": "declared",
        "sha256": "9f" * 32,
        "uri": "file:///srv/data/applications-2026-10.parquet",
        "rows": 1000,
        "schema_hash": "",
        "valid_from": AT,
    },
)

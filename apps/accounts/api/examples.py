"""Example requests and replies of the OpenAPI document. tests/accounts/test_api.py sends each and compares the answer."""

ID = "0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60"
AT = "2026-11-25T09:30:00Z"
BASE = "http://127.0.0.1:8000/api/v1"

USER = (
    {
        "username": "validator2",
        "printed_name": "Second validator",
        "email": "",
        "kind": "person",
        "password": "a long pass phrase",
    },
    {
        "id": ID,
        "url": f"{BASE}/users/{ID}",
        "username": "validator2",
        "printed_name": "Second validator",
        "email": "",
        "kind": "person",
        "reports_to": None,
        "is_active": True,
        "roles": [],
        "created_at": AT,
        "identity_verified_by": None,
        "identity_verified_at": None,
        "identity_method": "",
    },
)
IDENTITY = (
    {"method": "in_person", "reason": "Met at the head office and compared the staff card"},
    {
        **USER[1],
        "identity_verified_by": "compliance",
        "identity_verified_at": AT,
        "identity_method": "in_person",
    },
)
CONFIRMED = (
    {"rights": ["validator for retail-credit"], "reason": "Compared with the list of staff of 1 November"},
    {
        "id": ID,
        "url": f"{BASE}/users/{ID}",
        "username": "validator2",
        "kind": "person",
        "rights": ["validator for retail-credit"],
        "identity_verified_at": AT,
        "identity_is_due": True,
        "rights_confirmed_at": AT,
        "rights_confirmed_by": "admin",
        "rights_are_due": False,
    },
)
ERASURE = (
    {"basis": "asked", "reason": "Request 17 of 2026"},
    {
        "id": ID,
        "url": f"{BASE}/erasures/{ID}",
        "person": f"{BASE}/users/{ID}",
        "basis": "asked",
        "reason": "Request 17 of 2026",
        "state": "open",
        "requested_by": "privacy",
        "created_at": AT,
        "decided_by": None,
        "decided_at": None,
    },
)
ERASED = (
    {"username": "leaver"},
    {**ERASURE[1], "state": "erased", "decided_by": "compliance", "decided_at": AT},
)
ROLE = (
    {
        "user": "validator2",
        "role": "validator",
        "use_case": "retail-credit",
        "ends_at": None,
        "reason": "Stands in until spring",
    },
    {
        "id": ID,
        "url": f"{BASE}/roles/{ID}",
        "user": "validator2",
        "role": "validator",
        "use_case": "retail-credit",
        "starts_at": AT,
        "ends_at": None,
        "granted_by": "admin",
        "reason": "Stands in until spring",
        "revoked_at": None,
    },
)
TOKEN = (
    {"name": "Laptop", "scopes": ["read", "registry:write"], "environment": "", "expires_at": None},
    {
        "id": ID,
        "url": f"{BASE}/tokens/{ID}",
        "prefix": "imp_Zk3vQ9xT_",
        "user": "admin",
        "name": "Laptop",
        "scopes": ["read", "registry:write"],
        "environment": "",
        "expires_at": "2027-02-23T09:30:00Z",
        "last_used_at": None,
        "revoked_at": None,
        "created_at": AT,
        "token": "imp_Zk3vQ9xT_0000000000000000000000000000000000000000",
    },
)
FACTS = (
    {"facts": {"org.sector": "bank", "org.jurisdictions": ["EU"]}, "reason": "Set up"},
    [
        {"name": "org.jurisdictions", "value": ["EU"], "set_by": "admin", "set_at": AT},
        {"name": "org.sector", "value": "bank", "set_by": "admin", "set_at": AT},
    ],
)

"""Who takes part in the demo: accounts named by role, their tokens, and the hand-over file."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.models import Role, User
from apps.audit import services as audit

PEOPLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "developer": ("Model developer", (Role.DEVELOPER,)),
    "owner": ("Model owner", (Role.MODEL_OWNER,)),
    "validator": ("Validator", (Role.VALIDATOR,)),
    "reviewer": ("Reviewer", (Role.REVIEWER,)),
    "privacy": ("Privacy officer", (Role.PRIVACY_OFFICER, Role.DATA_STEWARD)),
    "risk": ("Risk officer, head of model risk", (Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK, Role.RISK_COMMITTEE)),
    "risk2": ("Risk officer, compliance", (Role.RISK_OFFICER, Role.COMPLIANCE)),
    "auditor": ("Auditor", (Role.AUDITOR,)),
    "security": ("Security officer", (Role.SECURITY,)),
    "executive": ("Accountable executive", (Role.ACCOUNTABLE_EXECUTIVE,)),
}
ADMINISTRATOR = "admin"
PIPELINE = "pipeline"
PERSON_SCOPES = [
    "read",
    "registry:write",
    "evidence:write",
    "workflow:write",
    "dossiers:write",
    "audit:read",
    "gate:ask",
]
PIPELINE_SCOPES = ["read", "registry:write", "lineage:write", "evidence:write", "gate:ask"]
HANDED_OVER = ("developer", "owner", "validator", "privacy", "risk", "risk2", "auditor", ADMINISTRATOR)


def gather(folder: Path) -> dict[str, Any]:
    """Everyone's names, passwords and tokens; the accounts are made on the first call.

    The file is written before the accounts are committed: a crash in between leaves a file without accounts, which
    the next call replaces, and never accounts whose passwords nobody knows.
    """
    kept = folder / "cast.json"
    if not User.objects.filter(username=ADMINISTRATOR).exists():
        with transaction.atomic():
            write_private(kept, make())
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def make() -> dict[str, Any]:
    """Make every account with its roles and one token each."""
    password = secrets.token_urlsafe(12)
    admin = accounts.create_first_administrator(ADMINISTRATOR, printed_name="Administrator", password=password)
    audit.record(
        admin, "console.demo_started", "organisation:self", reason="Demo data: no real customer, no real decision."
    )
    found = {ADMINISTRATOR: {"username": ADMINISTRATOR, "password": password}}
    manager = None
    for username, (printed_name, roles) in PEOPLE.items():
        secret = secrets.token_urlsafe(12)
        user = accounts.create_user(username, printed_name=printed_name, password=secret, actor=admin)
        for role in roles:
            accounts.grant_role(user, role=role, reason="Demo", actor=admin)
        found[username] = {"username": username, "password": secret}
        if username == "owner":
            manager = user
    developer = User.objects.get(username="developer")
    accounts.set_reporting_line(developer, reports_to=manager, reason="Demo", actor=admin)
    for entry in found.values():
        user = User.objects.get(username=entry["username"])
        scopes = [*PERSON_SCOPES, "admin"] if user == admin else PERSON_SCOPES
        entry["token"] = accounts.issue_token(user, name="Demo", scopes=scopes, actor=user).text
    service = accounts.create_user(PIPELINE, printed_name="Credit pipeline", kind=User.Kind.SERVICE, actor=admin)
    accounts.grant_role(service, role=Role.SERVICE, reason="Demo", actor=admin)
    token = accounts.issue_token(service, name="Credit pipeline", scopes=PIPELINE_SCOPES, actor=admin).text
    return {"users": found, "pipeline_token": token}


def hand_over(folder: Path, content: dict[str, Any]) -> None:
    """Write `access.json`, readable by its owner only; the people beyond the contract's eight stay out of it."""
    shown = {**content, "users": {name: content["users"][name] for name in HANDED_OVER}}
    write_private(folder / "access.json", shown)


def write_private(path: Path, content: Any) -> None:
    """JSON in a file that only its owner reads, replaced in one step."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.chmod(0o600)
    draft.write_text(json.dumps(content, indent=1))
    draft.replace(path)

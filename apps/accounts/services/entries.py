"""What this app writes into the log: no reason with contact details, because entries are kept for ever."""

from typing import Any

from apps.accounts.contact_details import require_no_contact_details
from apps.audit import services as audit


def record(actor: Any, verb: str, subject: Any, *, reason: str = "", **more: Any) -> Any:
    """Write an entry. Raises Invalid when the reason holds an e-mail address or a phone number."""
    return audit.record(actor, verb, subject, reason=require_no_contact_details(reason), **more)

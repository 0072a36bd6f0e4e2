"""Checking what people write: a reason is kept for ever and printed."""

from apps.audit.contact_details import require_no_contact_details
from apps.core.errors import Invalid

SHORTEST_REASON = 3
SHORTEST_SIGNED = 20
LONGEST = 4000


def clean_reason(text: str, *, pointer: str = "/reason", shortest: int = SHORTEST_REASON) -> str:
    """The text without surrounding space. Raises Invalid when it is too short, too long, holds a NUL or contact details."""
    cleaned = (text or "").strip()
    if len(cleaned) < shortest:
        sentence = f"Write a reason of at least {shortest} characters; this one has {len(cleaned)}."
    elif len(cleaned) > LONGEST:
        sentence = f"Write at most {LONGEST} characters; this text has {len(cleaned)}."
    elif "\x00" in cleaned:
        sentence = "The text holds a NUL character."
    else:
        return require_no_contact_details(cleaned, pointer=pointer)
    raise Invalid(errors=[{"pointer": pointer, "code": "WRONG_TEXT", "detail": sentence}])

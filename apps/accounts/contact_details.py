"""Contact details in texts that are kept for ever: found before a text enters the log, and refused with a sentence. Pure.

People are named by role or user name there; where somebody can be reached belongs into their account, which can be erased.
"""

import re

from apps.core.errors import Invalid

EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", re.UNICODE)
PHONE = re.compile(
    r"(?<![\w.:/-])(?:"
    r"\+\d{1,3}(?:[ ().\-/]{0,2}\d){6,13}"  # +49 30 1234567
    r"|\(0\d{1,4}\)(?:[ .\-/]?\d){5,10}"  # (030) 1234567
    r"|0\d{2,4}[ /](?:\d[ .\-/]?){5,9}\d"  # 030 1234567, 0171/1234567
    r"|\(?[2-9]\d{2}\)?[ .\-]\d{3}[ .\-]\d{4}"  # 212 555 0100
    r")(?![\w-])"
)


def contact_detail_in(text: str) -> str:
    """What kind of contact detail a text holds ("an e-mail address", "a phone number"); empty when it holds none."""
    if EMAIL.search(text):
        return "an e-mail address"
    return "a phone number" if PHONE.search(text) else ""


def require_no_contact_details(text: str, *, pointer: str = "/reason") -> str:
    """The text. Raises Invalid when it holds an e-mail address or a phone number; what it holds is not repeated."""
    if kind := contact_detail_in(text or ""):
        sentence = (
            f"This text holds {kind}. It is kept for ever and cannot be erased later: name people by their role or user "
            "name, and leave contact details in their account."
        )
        raise Invalid(errors=[{"pointer": pointer, "code": "CONTACT_DETAIL", "detail": sentence}])
    return text

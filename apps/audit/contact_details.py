"""Contact details in what is about to be kept for ever: refused where somebody has just typed them, else put out of sight. Pure.

People are named by role or user name in the log; where somebody can be reached belongs into their account, which can be erased.
docs/trust.md says why a text is refused in one case and masked in the other.
"""

import re
from typing import Any

from apps.core.errors import Invalid

EMAIL = re.compile(r"(?<![\w.+-])(?<!//)(?!git@)[\w.+-]+@[\w-]{1,63}(?:\.[\w-]{1,63})*?\.[^\W\d_][\w-]{1,62}(?![\w-])")
PHONE = re.compile(
    r"(?<![\w.:/-])(?:"
    r"\+\d{1,3}(?:[ ().\-/]{0,2}\d){6,13}"  # +49 30 1234567
    r"|\(0\d{1,4}\)(?:[ .\-/]?\d){5,10}"  # (030) 1234567
    r"|0\d{2,4}[ /](?:\d[ .\-/]?){5,9}\d"  # 030 1234567, 0171/1234567
    r"|\(?[2-9]\d{2}\)?[ .\-]\d{3}[ .\-]\d{4}"  # 212 555 0100
    r")(?![\w-])"
)
PHONE_BEGINS = re.compile(r"\+\d|\(0\d|0\d{2,4}[ /]\d|[2-9]\d\d\)?[ .\-]\d{3}[ .\-]\d")
OPAQUE = re.compile(
    r"[\w+/=:.-]{40,}", re.ASCII
)  # a digest, key or token in one piece: nothing to read, and not to be changed
AN_ADDRESS, A_NUMBER = "an e-mail address", "a phone number"
MASKS = ((EMAIL, "[e-mail address]"), (PHONE, "[phone number]"))


def contact_detail_in(text: str) -> str:
    """What kind of contact detail a text holds ("an e-mail address", "a phone number"); empty when it holds none."""
    if "@" in text and EMAIL.search(text):
        return AN_ADDRESS
    return A_NUMBER if PHONE_BEGINS.search(text) and not OPAQUE.fullmatch(text) and PHONE.search(text) else ""


def require_no_contact_details(text: str, *, pointer: str = "/reason") -> str:
    """The text. Raises Invalid when it holds an e-mail address or a phone number; what it holds is not repeated."""
    if kind := contact_detail_in(text or ""):
        sentence = (
            f"This text holds {kind}. It is kept for ever and cannot be erased later: name people by their role or user "
            "name, and leave contact details in their account."
        )
        raise Invalid(errors=[{"pointer": pointer, "code": "CONTACT_DETAIL", "detail": sentence}])
    return text


def masked(value: Any, path: str, places: list[str]) -> Any:
    """A JSON value with a word in the place of each contact detail; `places` gets the pointer of every text that was changed.

    Names of members stay as they are: programs give them.
    """
    if isinstance(value, str):
        if not contact_detail_in(value):
            return value
        places.append(path)
        for pattern, word in MASKS:
            value = pattern.sub(word, value)
        return value
    if isinstance(value, dict):
        return {key: masked(part, f"{path}/{key}", places) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(part, f"{path}/{position}", places) for position, part in enumerate(value)]
    return value

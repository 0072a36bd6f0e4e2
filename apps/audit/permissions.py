"""Who reads which entries. The log knows no roles: who reads everything is declared by an app that does."""

from typing import Any

from apps.core.permissions import refusals

READ_EVERYTHING = "audit.read_everything"


def reads_everything(user: Any) -> bool:
    """Whether this user may read every entry; others read the entries of what they did themselves."""
    return not refusals(user, READ_EVERYTHING)

"""Who may prove what to whom."""

from typing import Any

from apps.accounts.queries import sees_everything
from apps.core.permissions import permit


def sees_every_use_case(user: Any, obj: Any) -> bool:
    """The whole log is read by people whose role is not limited to some use cases."""
    return sees_everything(user)


permit("audit.read_everything", sees_every_use_case)

"""Who may have a dossier made, and who may read the whole log with it."""

from typing import Any

from apps.accounts.queries import sees_everything, visible_use_cases
from apps.core.permissions import permit


def sees_every_use_case(user: Any, obj: Any) -> bool:
    """The whole log is read by people whose role is not limited to some use cases."""
    return sees_everything(user)


def sees_this_version(user: Any, obj: Any) -> bool:
    """You have no role for this use case, so you see neither its versions nor their dossiers."""
    slugs = visible_use_cases(user)
    return slugs is None or obj.use_case.slug in slugs


permit("audit.read_everything", sees_every_use_case)
permit("dossiers.request", sees_this_version)
permit("dossiers.download", sees_this_version)

"""Who may have a dossier made, and who may take it home."""

from typing import Any

from apps.accounts.queries import visible_use_cases
from apps.core.permissions import permit


def sees_this_version(user: Any, obj: Any) -> bool:
    """You have no role for this use case, so you see neither its versions nor their dossiers."""
    slugs = visible_use_cases(user)
    return slugs is None or obj.use_case.slug in slugs


permit("dossiers.request", sees_this_version)
permit("dossiers.download", sees_this_version)

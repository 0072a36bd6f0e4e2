"""Who may state lineage by hand, and who may run the projection again."""

from __future__ import annotations

from apps.accounts.permissions import holds_role_somewhere, is_not_auditor_only, is_person
from apps.core.permissions import permit

permit("lineage.send", is_not_auditor_only)
permit(
    "lineage.declare", is_person, holds_role_somewhere("data_steward", "privacy_officer", "model_owner", "developer")
)
permit("lineage.rename", is_person, holds_role_somewhere("data_steward", "administrator"))
permit("lineage.replay", holds_role_somewhere("data_steward", "administrator"))

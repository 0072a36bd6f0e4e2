"""Everything that changes accounts. Each call authorises, changes and records in one transaction."""

from apps.accounts.services.organisation import set_organisation_fact
from apps.accounts.services.roles import grant_role, revoke_role
from apps.accounts.services.signing import consume_reauthentication, reauthenticate
from apps.accounts.services.tokens import IssuedToken, issue_token, revoke_token, use_token
from apps.accounts.services.users import (
    create_first_administrator,
    create_user,
    deactivate_user,
    reactivate_user,
    record_failed_sign_in,
    record_password_change,
    record_sign_in,
    record_sign_out,
    set_password,
    set_reporting_line,
    set_theme,
    verify_identity,
)

__all__ = [
    "IssuedToken",
    "consume_reauthentication",
    "create_first_administrator",
    "create_user",
    "deactivate_user",
    "grant_role",
    "issue_token",
    "reactivate_user",
    "reauthenticate",
    "record_failed_sign_in",
    "record_password_change",
    "record_sign_in",
    "record_sign_out",
    "revoke_role",
    "revoke_token",
    "set_organisation_fact",
    "set_password",
    "set_reporting_line",
    "set_theme",
    "use_token",
    "verify_identity",
]

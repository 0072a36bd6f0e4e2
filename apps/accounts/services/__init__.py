"""Everything that changes accounts. Each call authorises, changes and records in one transaction."""

from apps.accounts.services.erasing import confirm_erasure, confirmation_refusals, decline_erasure, request_erasure
from apps.accounts.services.organisation import set_organisation_fact
from apps.accounts.services.passkeys import (
    PasskeyAnswer,
    challenge_options,
    enrol_passkey,
    open_challenge,
    reauthenticate_by_passkey,
    revoke_passkey,
)
from apps.accounts.services.personal import commit_name, erase_person, repeat_erasures
from apps.accounts.services.rechecking import confirm_rights
from apps.accounts.services.roles import grant_role, revoke_role
from apps.accounts.services.signing import consume_reauthentication, reauthenticate, signing_method, signing_obstacle
from apps.accounts.services.telling import plan_telling_accounts_due, tell_accounts_due, tell_signing_locked
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
    "PasskeyAnswer",
    "challenge_options",
    "commit_name",
    "confirm_erasure",
    "confirm_rights",
    "confirmation_refusals",
    "consume_reauthentication",
    "create_first_administrator",
    "create_user",
    "deactivate_user",
    "decline_erasure",
    "enrol_passkey",
    "erase_person",
    "grant_role",
    "issue_token",
    "open_challenge",
    "plan_telling_accounts_due",
    "reactivate_user",
    "reauthenticate",
    "reauthenticate_by_passkey",
    "record_failed_sign_in",
    "record_password_change",
    "record_sign_in",
    "record_sign_out",
    "repeat_erasures",
    "request_erasure",
    "revoke_passkey",
    "revoke_role",
    "revoke_token",
    "set_organisation_fact",
    "set_password",
    "set_reporting_line",
    "set_theme",
    "signing_method",
    "signing_obstacle",
    "tell_accounts_due",
    "tell_signing_locked",
    "use_token",
    "verify_identity",
]

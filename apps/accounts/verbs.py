"""How entries about accounts read, and how people and tokens are called."""

from collections.abc import Mapping

from apps.accounts.models import Passkey, Token, User
from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register

register(
    {
        "accounts.user_created": "made the account of",
        "accounts.user_deactivated": "deactivated",
        "accounts.user_reactivated": "reactivated",
        "accounts.password_set": "set the password of",
        "accounts.password_changed": "changed the own password,",
        "accounts.identity_verified": "verified the identity of",
        "accounts.rights_confirmed": "confirmed the roles of",
        "accounts.accounts_due_told": "wrote that accounts are to be confirmed in",
        "accounts.reporting_line_set": "set the reporting line of",
        "accounts.role_granted": "granted a role to",
        "accounts.role_revoked": "ended a role of",
        "accounts.token_issued": "issued",
        "accounts.token_revoked": "revoked",
        "accounts.signed_in": "signed in,",
        "accounts.signed_out": "signed out,",
        "accounts.sign_in_failed": "refused a sign-in of",
        "accounts.reauthenticated": "confirmed who they are,",
        "accounts.reauthentication_failed": "failed to confirm who they are,",
        "accounts.signing_locked": "was locked out of signing,",
        "accounts.passkey_enrolled": "enrolled",
        "accounts.passkey_revoked": "ended",
        "accounts.erasure_requested": "asked to erase the name of",
        "accounts.erasure_confirmed": "confirmed that the name is erased of",
        "accounts.erasure_declined": "declined to erase the name of",
        "accounts.person_erased": "erased the name of",
        "accounts.erasure_repeated": "erased again, after a restore, the name of",
        "accounts.organisation_fact_set": "answered a fact about",
    }
)


@names("user", "service")
def user_names(keys: set[str]) -> Mapping[str, Name]:
    """People and service accounts by their printed names."""
    found = User.objects.filter(pk__in=uuids_among(keys)).only("pk", "printed_name")
    return {str(user.pk): Name(user.printed_name) for user in found}


@names("token")
def token_names(keys: set[str]) -> Mapping[str, Name]:
    """Tokens by what they were issued for."""
    found = Token.objects.filter(pk__in=uuids_among(keys)).only("pk", "name")
    return {str(token.pk): Name(f"token {token.name}") for token in found}


@names("passkey")
def passkey_names(keys: set[str]) -> Mapping[str, Name]:
    """Passkeys by whose they are."""
    found = Passkey.objects.filter(pk__in=uuids_among(keys)).select_related("user")
    return {str(passkey.pk): Name(f"a passkey of {passkey.user}") for passkey in found}


@names("organisation")
def organisation_name(keys: set[str]) -> Mapping[str, Name]:
    """There is one organisation."""
    return dict.fromkeys(keys, Name("the organisation"))

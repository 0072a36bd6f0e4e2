"""Tables of accounts: people, roles and tokens; what proves who is signing; what keeps names erasable."""

from apps.accounts.models.people import (
    IdentityMethod,
    OrganisationFact,
    Role,
    RoleAssignment,
    RoleAssignmentQuerySet,
    Token,
    TokenQuerySet,
    User,
    UserManager,
    UserQuerySet,
)
from apps.accounts.models.personal import Erasure, PersonalKey, PersonalValue
from apps.accounts.models.proofs import (
    FailedReauthentication,
    FormerPassword,
    Passkey,
    Reauthentication,
    SigningChallenge,
)

__all__ = [
    "Erasure",
    "FailedReauthentication",
    "FormerPassword",
    "IdentityMethod",
    "OrganisationFact",
    "Passkey",
    "PersonalKey",
    "PersonalValue",
    "Reauthentication",
    "Role",
    "RoleAssignment",
    "RoleAssignmentQuerySet",
    "SigningChallenge",
    "Token",
    "TokenQuerySet",
    "User",
    "UserManager",
    "UserQuerySet",
]

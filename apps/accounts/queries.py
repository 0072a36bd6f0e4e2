"""Who holds which role now, who sees what, and what is true of the organisation."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.accounts import commitments
from apps.accounts.models import (
    OrganisationFact,
    Passkey,
    PersonalValue,
    Role,
    RoleAssignment,
    Token,
    User,
)
from apps.core.errors import Invalid

_Held = frozenset[tuple[str, str]]  # role, and the slug of the use case it is for; an empty slug is everything
_read_once: ContextVar[dict[UUID, _Held] | None] = ContextVar("roles_read_once", default=None)


def as_uuid(text: Any) -> UUID | None:
    """The UUID that a text spells, or None."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def uuids_among(texts: Iterable[str]) -> list[UUID]:
    """Those of the texts that spell a UUID."""
    return [key for key in map(as_uuid, texts) if key is not None]


def slug_of(use_case: Any) -> str:
    """The slug of a use case given as a slug, as a UseCase or as nothing ("")."""
    return use_case if isinstance(use_case, str) else getattr(use_case, "slug", "")


@contextmanager
def roles_read_once() -> Iterator[None]:
    """Inside, the roles of a user are read from the database once. Only for work that changes nothing, such as a page."""
    token = _read_once.set({})
    try:
        yield
    finally:
        _read_once.reset(token)


def _held(user: Any) -> _Held:
    """Roles that hold now, each with its scope."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    read = _read_once.get()
    if read is not None and user.pk in read:
        return read[user.pk]
    rows = RoleAssignment.objects.current().filter(user=user)
    found = frozenset(rows.values_list("role", "use_case_slug"))
    if read is not None:
        read[user.pk] = found
    return found


def roles_of(user: Any, use_case: Any = None) -> frozenset[str]:
    """Roles that hold now for this use case; without a use case, those that hold for everything."""
    scopes = {"", slug_of(use_case)}
    return frozenset(role for role, scope in _held(user) if scope in scopes)


def roles_anywhere(user: Any) -> frozenset[str]:
    """Roles that hold now for at least one use case or for everything."""
    return frozenset(role for role, _scope in _held(user))


def roles_by_scope(user: Any) -> dict[str, frozenset[str]]:
    """The roles that hold now, by the slug of the use case they are for ("" for everything)."""
    held = _held(user)
    return {scope: frozenset(role for role, of in held if of == scope) for scope in {of for _role, of in held}}


def holds(user: Any, *roles: str, use_case: Any = None) -> bool:
    """Whether the user holds one of these roles now for this use case."""
    return not roles_of(user, use_case).isdisjoint(roles)


def people_with(role: str, use_case: Any = None) -> QuerySet[User]:
    """Active persons who hold this role now for this use case."""
    scopes = Q(use_case_slug="") | Q(use_case_slug=slug_of(use_case))
    holders = RoleAssignment.objects.current().filter(scopes, role=role).values("user")
    return User.objects.active().people().filter(pk__in=holders)


def visible_use_cases(user: Any) -> frozenset[str] | None:
    """Slugs of the use cases this user may see; None means all of them."""
    slugs = frozenset(scope for _role, scope in _held(user))
    return None if "" in slugs else slugs


def sees_everything(user: Any) -> bool:
    """Whether the user holds a role that is not limited to use cases."""
    return visible_use_cases(user) is None


def organisation_facts() -> dict[str, Any]:
    """Answered facts about the organisation, by dotted name. What nobody answered is absent."""
    return dict(OrganisationFact.objects.values_list("name", "value"))


def token_scopes(request: Any) -> frozenset[str] | None:
    """Scopes of the token that the request came with; None when it came with a session."""
    token = getattr(request, "auth", None)
    scopes = getattr(token, "scopes", None)
    return None if scopes is None else frozenset(scopes)


def token_environment(request: Any) -> str:
    """The slug of the environment that the request's token is limited to; empty when it is not limited."""
    return getattr(getattr(request, "auth", None), "environment_slug", "")


def user_named(username: str, pointer: str = "/user") -> User:
    """The active user with this name. Raises Invalid pointing at the place in the request."""
    found: User | None = User.objects.active().filter(username__iexact=username).first()
    if found is None:
        sentence = f"There is no active account with the user name {username[:150]!r}."
        raise Invalid(errors=[{"pointer": pointer, "code": "UNKNOWN_USER", "detail": sentence}])
    return found


def users_for(user: Any) -> QuerySet[User]:
    """Accounts this user may see: all for those who see everything, otherwise their own."""
    rows = User.objects.select_related("reports_to", "identity_verified_by").prefetch_related("assignments")
    return rows if sees_everything(user) else rows.filter(pk=user.pk)


def assignments_for(user: Any) -> QuerySet[RoleAssignment]:
    """Role assignments this user may see: all for those who see everything, otherwise their own."""
    rows = RoleAssignment.objects.select_related("user", "granted_by")
    return rows if sees_everything(user) else rows.filter(user=user.pk)


def tokens_for(user: Any) -> QuerySet[Token]:
    """Tokens this user may see: all for administrators, otherwise their own."""
    rows = Token.objects.select_related("user")
    return rows if holds(user, Role.ADMINISTRATOR) else rows.filter(user=user.pk)


def signing_session(request: Any) -> str:
    """What a proof of identity is bound to beside the person: this session (its digest), or this token."""
    token = getattr(request, "auth", None)
    if isinstance(token, Token):
        return f"token:{token.pk}"
    key = getattr(getattr(request, "session", None), "session_key", None) or ""
    return "session:" + hashlib.sha256(key.encode()).hexdigest()


def passkeys_of(user: Any) -> QuerySet[Passkey]:
    """The passkeys of a person, ended ones too."""
    rows: QuerySet[Passkey] = Passkey.objects.filter(user=user.pk)
    return rows


def openings(wanted: Iterable[str]) -> dict[str, dict[str, str]]:
    """What opens these commitments, as a bundle discloses it: `{"salt", "value"}` each. Those of erased people are absent."""
    rows = PersonalValue.objects.filter(commitment__in=set(wanted)).select_related("user__personal_key")
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        holder = getattr(row.user, "personal_key", None)
        opening = commitments.unseal(bytes(row.sealed), bytes(holder.key), row.commitment) if holder else None
        if opening is not None:
            found[row.commitment] = opening.as_json()
    return found


def names_behind(wanted: Iterable[str]) -> dict[str, str]:
    """The printed names that these commitments stand for. Those of erased people are absent."""
    return {commitment: opening["value"] for commitment, opening in openings(wanted).items()}

"""Tokens: issued once, stored as a hash, limited in scope and time, revoked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Token, User
from apps.accounts.permissions import SCOPES
from apps.accounts.tokens import TokenText, new_token_text, read_token_text
from apps.audit.services import record
from apps.core import moment
from apps.core.errors import Invalid, NotAuthenticated, WrongState
from apps.core.permissions import authorise

DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=366)
NOTED_EVERY = timedelta(minutes=1)
NOBODY = TokenText("00000000", "0" * 40)


@dataclass(frozen=True)
class IssuedToken:
    """A token and its text, which nobody can read again."""

    token: Token
    text: str


@transaction.atomic
def issue_token(
    user: User,
    *,
    name: str,
    scopes: Sequence[str],
    environment_slug: str = "",
    expires_at: datetime | None = None,
    actor: User,
) -> IssuedToken:
    """Make a token for oneself, or as an administrator for a service account. The answer alone carries its text."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        wrong = f"There is no scope {', '.join(unknown)}." if unknown else "A token needs at least one scope."
        raise Invalid(
            errors=[{"pointer": "/scopes", "code": "UNKNOWN_SCOPE", "detail": f"{wrong} Scopes: {', '.join(SCOPES)}."}]
        )
    now = timezone.now()
    expires_at = expires_at or now + DEFAULT_LIFE
    if not now < expires_at <= now + LONGEST_LIFE:
        ends = moment.day_in_words(expires_at)
        sentence = f"A token ends after now and within {LONGEST_LIFE.days} days; {ends} does not."
        raise Invalid(errors=[{"pointer": "/expires_at", "code": "TOKEN_LIFE", "detail": sentence}])
    text = new_token_text()
    token = Token(
        key=text.key,
        secret_digest=text.secret_digest,
        user=user,
        name=name,
        scopes=sorted(set(scopes)),
        environment_slug=environment_slug,
        issued_by=actor,
        expires_at=expires_at,
    )
    authorise(actor, "accounts.issue_token", token)
    if not user.is_active:
        raise WrongState(f"{user} is deactivated. Reactivate the account first.")
    token.save()
    issued = {"user": user.audit_ref, "scopes": token.scopes, "environment": environment_slug}
    record(actor, "accounts.token_issued", token, data={**issued, "expires_at": expires_at.isoformat()})
    return IssuedToken(token, str(text))


@transaction.atomic
def revoke_token(token: Token, *, reason: str = "", actor: User) -> Token:
    """Make a token useless now."""
    token = Token.objects.locked(token.pk)
    authorise(actor, "accounts.revoke_token", token)
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = timezone.now(), actor
        token.save(update_fields=["revoked_at", "revoked_by"])
        record(actor, "accounts.token_revoked", token, data={"user": token.user.audit_ref}, reason=reason)
    return token


def use_token(text: str) -> Token:
    """The token with this text, if it opens something now; NotAuthenticated with a sentence otherwise."""
    given = read_token_text(text)
    token = Token.objects.select_related("user").filter(key=given.key).first() if given else None
    matches = (given or NOBODY).opens(token.secret_digest if token else "")
    if token is None or not matches:
        raise NotAuthenticated("This token is not known here. Check that it was copied whole.", code="TOKEN_UNKNOWN")
    now = timezone.now()
    if token.revoked_at is not None:
        raise NotAuthenticated(
            f"This token was revoked on {moment.day_in_words(token.revoked_at)}. Ask for a new one.",
            code="TOKEN_REVOKED",
        )
    if token.expires_at <= now:
        raise NotAuthenticated(
            f"This token ended on {moment.day_in_words(token.expires_at)}. Ask for a new one.", code="TOKEN_EXPIRED"
        )
    if not token.user.is_active:
        raise NotAuthenticated("The account of this token is deactivated.", code="ACCOUNT_DEACTIVATED")
    if token.last_used_at is None or token.last_used_at < now - NOTED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - NOTED_EVERY)
        Token.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token

"""Who is calling: `Authorization: Bearer imp_…`, or a session; and whether the token's scopes cover the call."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts.models import Token, User
from apps.accounts.queries import token_scopes
from apps.accounts.services import use_token
from apps.core.errors import NotAllowed, NotAuthenticated


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. A token of a person acts as that person; what it may not do, its scopes leave out."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """The user and token of the request, None when it carries no Bearer header, AuthenticationFailed otherwise."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("Send the header as `Authorization: Bearer TOKEN`, with one space."))
        try:
            token = use_token(parts[1].decode("latin-1"))
        except NotAuthenticated as refused:
            raise AuthenticationFailed(refused.detail) from refused
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="imprimatur"'


class SignedInWithScope(BasePermission):
    """Everyone signs in. A token also needs the scope the view asks for: `required_scopes`, `read` for reading if unsaid."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the call may reach the view; the view's service asks for roles."""
        if not request.user or not request.user.is_authenticated:
            return False
        if not hasattr(view, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        scopes = token_scopes(request)
        if scopes is None:
            return True
        method = "GET" if request.method in SAFE_METHODS else request.method or ""
        needed = getattr(view, "required_scopes", {}).get(method, "read" if method == "GET" else "")
        if needed and needed in scopes:
            return True
        if not needed:
            raise NotAllowed(_("No token may make this call. Sign in and use the page."), code="NO_TOKEN_ACCEPTED")
        held = ", ".join(sorted(scopes)) or _("none")
        sentence = _(
            "This token may not make this call: it needs the scope %(needed)s and has %(held)s. "
            "An administrator, or the person it belongs to, issues one with that scope."
        )
        raise NotAllowed(sentence % {"needed": needed, "held": held}, code="SCOPE_MISSING", required_scope=needed)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the token in the OpenAPI document."""

    target_class = "apps.accounts.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The OpenAPI security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "imp_<key>_<secret>"}

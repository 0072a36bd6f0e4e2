"""The JSON door of who somebody is: identity verified by a second person, and one's own passkeys."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import examples
from apps.accounts.api import serializers as shapes
from apps.accounts.models import Passkey, User
from apps.accounts.openapi import describe
from apps.accounts.queries import passkeys_of, users_for
from apps.accounts.rechecks import accounts_to_confirm, with_confirmations
from apps.core.errors import NotFound
from apps.core.rest import ApiView, ViewSet

WRITES = {"GET": "read", "POST": "workflow:write"}


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class Identities(ApiView):
    """Who holds an account, verified by somebody else."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe(
        "Verify an identity",
        sends=shapes.IdentityRequest,
        answers=shapes.UserReply,
        refuses=(404, 409, 422),
        example=examples.IDENTITY,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say how you made sure who holds this account; until somebody did, it signs nothing. Not for one's own account."""
        body = read(shapes.IdentityRequest, request)
        user = users_for(request.user).filter(pk=pk).first()
        if user is None:
            raise NotFound("There is no such account, or you may not see it.")
        verified = services.verify_identity(user, actor=request.user, **body)
        return Response(shapes.UserReply(verified, context={"request": request}).data)


class Rechecks(ViewSet):
    """Accounts whose holder or whose roles are to be confirmed again, and the act of confirming."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "admin", "POST": "workflow:write"}
    serializer_class = shapes.RecheckReply

    def get_queryset(self) -> QuerySet[User]:
        """Those that this caller may see."""
        return accounts_to_confirm(self.request.user)

    @describe("Accounts to confirm", answers=shapes.RecheckReply(many=True))
    def list(self, request: Request) -> Response:
        """Active accounts that nobody confirmed for ACCOUNT_RECHECK_DAYS days."""
        return self.page_of(self.get_queryset(), shapes.RecheckReply)

    @describe(
        "Confirm the roles of an account",
        sends=shapes.ConfirmRequest,
        answers=shapes.RecheckReply,
        refuses=(404, 409, 422),
        example=examples.CONFIRMED,
    )
    def confirm(self, request: Request, pk: UUID) -> Response:
        """Say that an account is still needed with these roles. Not for one's own account."""
        body = read(shapes.ConfirmRequest, request)
        user = users_for(request.user).filter(pk=pk).first()
        if user is None:
            raise NotFound("There is no such account, or you may not see it.")
        services.confirm_rights(user, seen=body["rights"], reason=body["reason"], actor=request.user)
        row = with_confirmations(users_for(request.user)).get(pk=pk)
        return Response(shapes.RecheckReply(row, context=self.get_serializer_context()).data)


class OwnPasskeys(ViewSet):
    """One's own passkeys. They are enrolled on the profile page, where the browser asks the authenticator."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.PasskeyReply

    def get_queryset(self) -> QuerySet[Passkey]:
        """The caller's own."""
        return passkeys_of(self.request.user)

    def find(self, pk: UUID) -> Passkey:
        """The caller's passkey with this id. Raises NotFound."""
        passkey = self.get_queryset().filter(pk=pk).first()
        if passkey is None:
            raise NotFound("You have no such passkey.")
        return passkey

    def reply(self, passkey: Passkey) -> Response:
        """One passkey as an answer."""
        return Response(shapes.PasskeyReply(passkey, context=self.get_serializer_context()).data)

    @describe("Passkeys", answers=shapes.PasskeyReply(many=True))
    def list(self, request: Request) -> Response:
        """One's own passkeys, ended ones too."""
        return self.page_of(self.get_queryset(), shapes.PasskeyReply)

    @describe("One passkey", answers=shapes.PasskeyReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of one's own passkeys."""
        return self.reply(self.find(pk))

    @describe("End a passkey", sends=shapes.ReasonRequest, answers=shapes.PasskeyReply, refuses=(404, 422))
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a passkey now. What was signed with it keeps holding."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        return self.reply(services.revoke_passkey(self.find(pk), reason=reason, actor=request.user))

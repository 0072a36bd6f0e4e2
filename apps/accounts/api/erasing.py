"""The JSON door of erasing people: one asks, a second one confirms or declines."""

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import examples
from apps.accounts.api import serializers as shapes
from apps.accounts.api.identity import read
from apps.accounts.erasures import erasure_for, erasures_for
from apps.accounts.models import Erasure
from apps.accounts.openapi import describe
from apps.accounts.queries import users_for
from apps.core.errors import NotFound
from apps.core.rest import ViewSet


class Erasures(ViewSet):
    """Requests to erase people."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "admin", "POST": "admin"}
    serializer_class = shapes.ErasureReply
    filterset_fields = ("state", "basis")

    def get_queryset(self) -> QuerySet[Erasure]:
        """Those that this caller may see."""
        return erasures_for(self.request.user)

    def reply(self, erasure: Erasure, status: int = 200) -> Response:
        """One request as an answer."""
        return Response(shapes.ErasureReply(erasure, context=self.get_serializer_context()).data, status=status)

    @describe("Requests to erase people", answers=shapes.ErasureReply(many=True))
    def list(self, request: Request) -> Response:
        """Requests, newest first, for those who see everything."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.ErasureReply)

    @describe("One request to erase a person", answers=shapes.ErasureReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One request."""
        return self.reply(erasure_for(request.user, pk))

    @describe(
        "Ask to erase a person",
        sends=shapes.ErasureRequest,
        answers=shapes.ErasureReply,
        status=201,
        refuses=(404, 409, 422),
        example=examples.ERASURE,
    )
    def create(self, request: Request, pk: UUID) -> Response:
        """Ask a second person to erase this one. Nothing is erased yet. 409 where the law keeps the name."""
        body = read(shapes.ErasureRequest, request)
        user = users_for(request.user).filter(pk=pk).first()
        if user is None:
            raise NotFound("There is no such account, or you may not see it.")
        return self.reply(services.request_erasure(user, actor=request.user, **body), 201)

    @describe(
        "Confirm that a person is erased",
        sends=shapes.ErasureConfirmation,
        answers=shapes.ErasureReply,
        refuses=(404, 409, 422),
        example=examples.ERASED,
    )
    def confirm(self, request: Request, pk: UUID) -> Response:
        """As a second person: erase now, for ever. Every digest, signature and proof holds as before."""
        body = read(shapes.ErasureConfirmation, request)
        return self.reply(services.confirm_erasure(erasure_for(request.user, pk), actor=request.user, **body))

    @describe(
        "Decline to erase a person",
        sends=shapes.ReasonRequest,
        answers=shapes.ErasureReply,
        refuses=(404, 409, 422),
    )
    def decline(self, request: Request, pk: UUID) -> Response:
        """Say no to a request, or take back one's own."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        return self.reply(services.decline_erasure(erasure_for(request.user, pk), reason=reason, actor=request.user))

"""The JSON door of accounts: people, roles, tokens, facts about the organisation."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import examples
from apps.accounts.api import serializers as shapes
from apps.accounts.models import OrganisationFact, RoleAssignment, Token, User
from apps.accounts.openapi import describe
from apps.accounts.queries import assignments_for, tokens_for, user_named, users_for
from apps.core.errors import NotFound
from apps.core.rest import ApiView, ViewSet

ADMIN = {"GET": "admin", "POST": "admin", "PUT": "admin"}


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class Me(ApiView):
    """Who is calling."""

    @describe("Who the token or session belongs to", answers=shapes.UserReply)
    def get(self, request: Request) -> Response:
        """The caller, with the roles that hold now."""
        return Response(shapes.UserReply(request.user, context={"request": request}).data)


class Users(ViewSet):
    """People and service accounts."""

    required_scopes: ClassVar[dict[str, str]] = ADMIN
    serializer_class = shapes.UserReply
    filterset_fields = ("kind", "is_active", "username")

    def get_queryset(self) -> QuerySet[User]:
        """The accounts that this caller may see."""
        return users_for(self.request.user)

    def reply(self, user: User, status: int = 200) -> Response:
        """One account as an answer."""
        return Response(shapes.UserReply(user, context=self.get_serializer_context()).data, status=status)

    def find(self, pk: UUID) -> User:
        """The account with this id. Raises NotFound."""
        user = self.get_queryset().filter(pk=pk).first()
        if user is None:
            raise NotFound("There is no such account, or you may not see it.")
        return user

    @describe("Accounts", answers=shapes.UserReply(many=True))
    def list(self, request: Request) -> Response:
        """All accounts for administrators and those who see everything; otherwise one's own."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.UserReply)

    @describe("One account", answers=shapes.UserReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One account with its current roles."""
        return self.reply(self.find(pk))

    @describe(
        "Make an account",
        sends=shapes.UserRequest,
        answers=shapes.UserReply,
        status=201,
        refuses=(409, 422),
        example=examples.USER,
    )
    def create(self, request: Request) -> Response:
        """Make an account of a person or of a service. Its name is never given to anybody else."""
        body = read(shapes.UserRequest, request)
        above = body.pop("reports_to", None)
        reports_to = user_named(above, "/reports_to") if above else None
        return self.reply(services.create_user(reports_to=reports_to, actor=request.user, **body), 201)

    @describe("Deactivate an account", sends=shapes.ReasonRequest, answers=shapes.UserReply, refuses=(404, 409, 422))
    def deactivate(self, request: Request, pk: UUID) -> Response:
        """Close an account. Nothing that it did goes away."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        return self.reply(services.deactivate_user(self.find(pk), reason=reason, actor=request.user))

    @describe("Reactivate an account", sends=shapes.ReasonRequest, answers=shapes.UserReply, refuses=(404, 409, 422))
    def reactivate(self, request: Request, pk: UUID) -> Response:
        """Open a closed account again for the same person."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        return self.reply(services.reactivate_user(self.find(pk), reason=reason, actor=request.user))

    @describe("Set a password", sends=shapes.PasswordRequest, answers=shapes.UserReply, refuses=(404, 422))
    def password(self, request: Request, pk: UUID) -> Response:
        """Set a password for somebody. Signing waits until a second person verifies the identity."""
        password = read(shapes.PasswordRequest, request)["password"]
        return self.reply(services.set_password(self.find(pk), password=password, actor=request.user))

    @describe("Set the reporting line", sends=shapes.ReportingRequest, answers=shapes.UserReply, refuses=(404, 422))
    def reporting_line(self, request: Request, pk: UUID) -> Response:
        """Say to whom somebody reports."""
        body = read(shapes.ReportingRequest, request)
        above = user_named(body["reports_to"], "/reports_to") if body["reports_to"] else None
        user = services.set_reporting_line(self.find(pk), reports_to=above, reason=body["reason"], actor=request.user)
        return self.reply(user)


class Roles(ViewSet):
    """Who holds which role, for what, until when."""

    required_scopes: ClassVar[dict[str, str]] = ADMIN
    serializer_class = shapes.AssignmentReply
    filterset_fields = ("role", "user__username", "use_case_slug")

    def get_queryset(self) -> QuerySet[RoleAssignment]:
        """The assignments that this caller may see."""
        return assignments_for(self.request.user)

    def find(self, pk: UUID) -> RoleAssignment:
        """The assignment with this id. Raises NotFound."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound("There is no such role assignment, or you may not see it.")
        return row

    def reply(self, row: RoleAssignment, status: int = 200) -> Response:
        """One assignment as an answer."""
        return Response(shapes.AssignmentReply(row, context=self.get_serializer_context()).data, status=status)

    @describe("Role assignments", answers=shapes.AssignmentReply(many=True))
    def list(self, request: Request) -> Response:
        """Role assignments, ended ones too."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.AssignmentReply)

    @describe("One role assignment", answers=shapes.AssignmentReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One role assignment."""
        return self.reply(self.find(pk))

    @describe(
        "Grant a role",
        sends=shapes.AssignmentRequest,
        answers=shapes.AssignmentReply,
        status=201,
        refuses=(409, 422),
        example=examples.ROLE,
    )
    def create(self, request: Request) -> Response:
        """Grant a role. Administrators never hold a role that decides."""
        body = read(shapes.AssignmentRequest, request)
        user = user_named(body.pop("user"), "/user")
        row = services.grant_role(user, use_case_slug=body.pop("use_case"), actor=request.user, **body)
        return self.reply(row, 201)

    @describe("End a role", sends=shapes.ReasonRequest, answers=shapes.AssignmentReply, refuses=(404, 409, 422))
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a role now."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        return self.reply(services.revoke_role(self.find(pk), reason=reason, actor=request.user))


class Tokens(ViewSet):
    """Tokens, without their secrets."""

    answers_secret = True

    required_scopes: ClassVar[dict[str, str]] = ADMIN
    serializer_class = shapes.TokenReply
    filterset_fields = ("user__username",)

    def get_queryset(self) -> QuerySet[Token]:
        """The tokens that this caller may see."""
        return tokens_for(self.request.user)

    def find(self, pk: UUID) -> Token:
        """The token with this id. Raises NotFound."""
        token = self.get_queryset().filter(pk=pk).first()
        if token is None:
            raise NotFound("There is no such token, or you may not see it.")
        return token

    @describe("Tokens", answers=shapes.TokenReply(many=True))
    def list(self, request: Request) -> Response:
        """One's own tokens; all of them for administrators."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.TokenReply)

    @describe("One token", answers=shapes.TokenReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One token, without its secret."""
        return Response(shapes.TokenReply(self.find(pk), context=self.get_serializer_context()).data)

    @describe(
        "Issue a token",
        sends=shapes.TokenRequest,
        answers=shapes.IssuedTokenReply,
        status=201,
        refuses=(409, 422),
        example=examples.TOKEN,
    )
    def create(self, request: Request) -> Response:
        """Issue a token for oneself, or as an administrator for a service account. The answer alone carries its text."""
        body = read(shapes.TokenRequest, request)
        username = body.pop("user", "")
        user = user_named(username, "/user") if username else request.user
        issued = services.issue_token(user, environment_slug=body.pop("environment"), actor=request.user, **body)
        context = {**self.get_serializer_context(), "text": issued.text}
        return Response(shapes.IssuedTokenReply(issued.token, context=context).data, status=201)

    @describe("Revoke a token", sends=shapes.ReasonRequest, answers=shapes.TokenReply, refuses=(404, 422))
    def revoke(self, request: Request, pk: UUID) -> Response:
        """Make a token useless now."""
        reason = read(shapes.ReasonRequest, request)["reason"]
        token = services.revoke_token(self.find(pk), reason=reason, actor=request.user)
        return Response(shapes.TokenReply(token, context=self.get_serializer_context()).data)


class OrganisationFacts(ApiView):
    """What is true of the organisation as a whole."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read", "PUT": "admin"}

    @describe("Facts about the organisation", answers=shapes.FactReply(many=True))
    def get(self, request: Request) -> Response:
        """Every answered fact, with who answered it."""
        rows = OrganisationFact.objects.select_related("set_by")
        return Response(shapes.FactReply(rows, many=True).data)

    @describe(
        "Answer facts about the organisation",
        sends=shapes.FactRequest,
        answers=shapes.FactReply(many=True),
        refuses=(422,),
        example=examples.FACTS,
    )
    def put(self, request: Request) -> Response:
        """Answer facts. Every clearance is judged again before the gate answers from it."""
        body = read(shapes.FactRequest, request)
        with transaction.atomic():
            for name, value in body["facts"].items():
                services.set_organisation_fact(name, value, reason=body["reason"], actor=request.user)
        return self.get(request)

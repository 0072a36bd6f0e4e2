"""Use cases and models."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.accounts.queries import user_named
from apps.core import moment
from apps.core.rest import ViewSet
from apps.registry import past, services
from apps.registry.api import examples, replies
from apps.registry.api import serializers as shapes
from apps.registry.api.views.bodies import WRITES, read
from apps.registry.models import Model, UseCase
from apps.registry.queries import model_for, use_case_for


def name_owner(body: dict[str, Any]) -> dict[str, Any]:
    """The body with the owner looked up by user name."""
    return {**body, "owner": user_named(body["owner"], "/owner")} if "owner" in body else body


@moment.shows_past
class UseCases(ViewSet):
    """Use cases, now or, with `as_at`, as they were."""

    changing: ClassVar[frozenset[str]] = frozenset({"tier", "owner__username"})

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = replies.UseCaseReply
    filterset_fields = ("tier", "owner__username")

    def get_queryset(self) -> QuerySet[UseCase]:
        """The use cases that this caller may see."""
        rows = UseCase.objects.visible_to(self.request.user)
        return rows.select_related("owner", "tier_confirmed_by").prefetch_related("kpis")

    def reply(self, use_case: UseCase, status: int = 200) -> Response:
        """One use case as an answer."""
        return Response(replies.UseCaseReply(use_case, context=self.get_serializer_context()).data, status=status)

    @describe("Use cases", answers=replies.UseCaseReply(many=True))
    def list(self, request: Request) -> Response:
        """Use cases, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.UseCaseReply, then=past.use_case_at)

    @describe("One use case", answers=replies.UseCaseReply, refuses=(404,))
    def retrieve(self, request: Request, name: str) -> Response:
        """One use case, by slug or id."""
        return self.reply(use_case_for(request.user, name, at=moment.of(request)))

    @describe(
        "Register a use case",
        sends=shapes.UseCaseRequest,
        answers=replies.UseCaseReply,
        status=201,
        refuses=(409, 422),
        example=examples.USE_CASE,
    )
    def create(self, request: Request) -> Response:
        """Enter what a model is to be used for."""
        body = name_owner(read(shapes.UseCaseRequest, request))
        kpis = [services.KpiTarget(**kpi) for kpi in body.pop("kpis")]
        return self.reply(services.create_use_case(**body, kpis=kpis, actor=request.user), 201)

    @describe("Change a use case", sends=shapes.UseCaseChange, answers=replies.UseCaseReply, refuses=(404, 422))
    def partial_update(self, request: Request, name: str) -> Response:
        """Change title, purpose, objective, people affected or owner. What is left out stays."""
        body = name_owner(read(shapes.UseCaseChange, request))
        reason = body.pop("reason")
        use_case = use_case_for(request.user, name)
        return self.reply(services.change_use_case(use_case, changes=body, reason=reason, actor=request.user))

    @describe("Replace the measures", sends=shapes.KpisRequest, answers=replies.UseCaseReply, refuses=(404, 422))
    def kpis(self, request: Request, name: str) -> Response:
        """Replace the measures of a use case with these."""
        body = read(shapes.KpisRequest, request)
        use_case = use_case_for(request.user, name)
        kpis = [services.KpiTarget(**kpi) for kpi in body["kpis"]]
        services.set_kpis(use_case, kpis=kpis, reason=body["reason"], actor=request.user)
        return self.reply(use_case_for(request.user, use_case.slug))


@moment.shows_past
class Models(ViewSet):
    """Models, now or, with `as_at`, as they were."""

    changing: ClassVar[frozenset[str]] = frozenset({"state", "owner__username"})

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = replies.ModelReply
    filterset_fields = ("use_case__slug", "state", "owner__username")

    def get_queryset(self) -> QuerySet[Model]:
        """The models that this caller may see."""
        return Model.objects.visible_to(self.request.user).select_related("use_case", "owner")

    def reply(self, model: Model, status: int = 200) -> Response:
        """One model as an answer."""
        return Response(replies.ModelReply(model, context=self.get_serializer_context()).data, status=status)

    @describe("Models", answers=replies.ModelReply(many=True))
    def list(self, request: Request) -> Response:
        """Models, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.ModelReply, then=past.model_at)

    @describe("One model", answers=replies.ModelReply, refuses=(404,))
    def retrieve(self, request: Request, name: str) -> Response:
        """One model, by slug or id."""
        return self.reply(model_for(request.user, name, at=moment.of(request)))

    @describe(
        "Register a model",
        sends=shapes.ModelRequest,
        answers=replies.ModelReply,
        status=201,
        refuses=(404, 409, 422),
        example=examples.MODEL,
    )
    def create(self, request: Request) -> Response:
        """Enter a model into the inventory. Its owner is the use case's unless another is named."""
        body = name_owner(read(shapes.ModelRequest, request))
        use_case = use_case_for(request.user, body.pop("use_case"))
        return self.reply(services.create_model(use_case, **body, actor=request.user), 201)

    @describe("Hand a model over", sends=shapes.OwnerRequest, answers=replies.ModelReply, refuses=(404, 422))
    def owner(self, request: Request, name: str) -> Response:
        """Name another owner. Both stay involved in every version there is."""
        body = name_owner(read(shapes.OwnerRequest, request))
        return self.reply(services.change_model_owner(model_for(request.user, name), **body, actor=request.user))

    @describe("Propose a state", sends=shapes.StateRequest, answers=replies.ModelReply, refuses=(404, 409, 422))
    def propose_state(self, request: Request, name: str) -> Response:
        """As owner, propose where a model should stand in the inventory."""
        body = read(shapes.StateRequest, request)
        return self.reply(services.propose_model_state(model_for(request.user, name), **body, actor=request.user))

    @describe("Confirm a state", sends=shapes.StateRequest, answers=replies.ModelReply, refuses=(404, 409, 422))
    def confirm_state(self, request: Request, name: str) -> Response:
        """As model risk, confirm the state that the owner proposed."""
        body = read(shapes.StateRequest, request)
        return self.reply(services.confirm_model_state(model_for(request.user, name), **body, actor=request.user))

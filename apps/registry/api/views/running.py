"""Environments and deployments."""

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.core import moment
from apps.core.rest import ViewSet
from apps.registry import past, services
from apps.registry.api import examples, replies
from apps.registry.api import serializers as shapes
from apps.registry.api.views.bodies import WRITES, read
from apps.registry.models import Deployment, Environment
from apps.registry.queries import deployment_for, environment_for


class Environments(ViewSet):
    """Places where versions run."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = replies.EnvironmentReply
    filterset_fields = ("is_production", "mode")

    def get_queryset(self) -> QuerySet[Environment]:
        """The environments that this caller may see."""
        return Environment.objects.visible_to(self.request.user)

    def reply(self, environment: Environment, status: int = 200) -> Response:
        """One environment as an answer."""
        return Response(
            replies.EnvironmentReply(environment, context=self.get_serializer_context()).data, status=status
        )

    @describe("Environments", answers=replies.EnvironmentReply(many=True))
    def list(self, request: Request) -> Response:
        """Environments, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.EnvironmentReply)

    @describe("One environment", answers=replies.EnvironmentReply, refuses=(404,))
    def retrieve(self, request: Request, name: str) -> Response:
        """One environment, by slug or id."""
        return self.reply(environment_for(request.user, name))

    @describe(
        "Add an environment",
        sends=shapes.EnvironmentRequest,
        answers=replies.EnvironmentReply,
        status=201,
        refuses=(409, 422),
        example=examples.ENVIRONMENT,
    )
    def create(self, request: Request) -> Response:
        """Add a place where versions run."""
        return self.reply(
            services.create_environment(**read(shapes.EnvironmentRequest, request), actor=request.user), 201
        )

    @describe(
        "Change an environment", sends=shapes.EnvironmentChange, answers=replies.EnvironmentReply, refuses=(404, 422)
    )
    def partial_update(self, request: Request, name: str) -> Response:
        """Change how strictly the gate guards it. Every clearance for it is judged again."""
        body = read(shapes.EnvironmentChange, request)
        return self.reply(services.change_environment(environment_for(request.user, name), **body, actor=request.user))


class DeploymentFilter(filters.FilterSet):
    """Deployments by where, what and how they stand."""

    environment = filters.CharFilter(field_name="environment__slug")
    model = filters.CharFilter(field_name="version__model__slug")
    version = filters.UUIDFilter(field_name="version_id")

    class Meta:
        model = Deployment
        fields = ("state", "artifact_digest")


@moment.shows_past
class Deployments(ViewSet):
    """Versions in environments over time. The gate creates them; pipelines report what happened."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "gate:ask"}
    serializer_class = replies.DeploymentReply
    changing: ClassVar[frozenset[str]] = frozenset({"state"})
    filterset_class = DeploymentFilter

    def get_queryset(self) -> QuerySet[Deployment]:
        """The deployments that this caller may see."""
        return Deployment.objects.visible_to(self.request.user).select_related("version__model", "environment")

    def reply(self, deployment: Deployment) -> Response:
        """One deployment as an answer."""
        return Response(replies.DeploymentReply(deployment, context=self.get_serializer_context()).data)

    @describe("Deployments", answers=replies.DeploymentReply(many=True))
    def list(self, request: Request) -> Response:
        """Deployments, newest first."""
        rows = self.filter_queryset(self.get_queryset())
        return self.page_of(rows, replies.DeploymentReply, then=past.deployment_at)

    @describe("One deployment", answers=replies.DeploymentReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One deployment."""
        found, at = deployment_for(request.user, pk), moment.of(request)
        return self.reply(found if at is None else past.deployment_at(found, at))

    @describe(
        "Report the start",
        sends=shapes.NothingRequest,
        answers=replies.DeploymentReply,
        refuses=(404, 409, 422),
        example=examples.STARTED,
    )
    def started(self, request: Request, pk: UUID) -> Response:
        """The pipeline reports that the version runs now. Twice is as good as once."""
        read(shapes.NothingRequest, request)
        return self.reply(services.start_deployment(deployment_for(request.user, pk), actor=request.user))

    @describe(
        "Report the end",
        sends=shapes.EndRequest,
        answers=replies.DeploymentReply,
        refuses=(404, 409, 422),
        example=examples.ENDED,
    )
    def ended(self, request: Request, pk: UUID) -> Response:
        """The pipeline reports that the version runs there no longer. Twice is as good as once."""
        reason = read(shapes.EndRequest, request)["reason"]
        return self.reply(services.end_deployment(deployment_for(request.user, pk), reason=reason, actor=request.user))

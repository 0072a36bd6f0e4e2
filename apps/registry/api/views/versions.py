"""Versions, the data they are tied to, who touched them; and what the columns of a dataset hold."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.catalog.queries import dataset_for
from apps.catalog.services import FieldDeclaration
from apps.core import moment
from apps.core.rest import ApiView, ViewSet
from apps.registry import past, services
from apps.registry.api import examples, replies
from apps.registry.api import serializers as shapes
from apps.registry.api.views.bodies import WRITES, read
from apps.registry.content import Registration
from apps.registry.models import ModelVersion
from apps.registry.queries import involvements_of, model_for, version_for, version_named, versions_for


class VersionFilter(filters.FilterSet):
    """`digest` finds a version by manifest, single file or image."""

    model = filters.CharFilter(field_name="model__slug")
    use_case = filters.CharFilter(field_name="model__use_case__slug")
    digest = filters.CharFilter(field_name="aliases__digest", distinct=True)

    class Meta:
        model = ModelVersion
        fields = ("version", "artifact_format", "reason")


def as_registration(body: dict[str, Any]) -> Registration:
    """The body of a registration in the words of the service."""
    artifact = body.pop("artifact", None) or {}
    for name in ("training", "endpoint", "output"):
        body[name] = dict(body.get(name) or {})
    return Registration(**body, **{name: value for name, value in artifact.items() if value})


@moment.shows_past
class Versions(ViewSet):
    """Versions of all models. A version never changes; with `as_at` those that there were, in their use case as it was."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = replies.VersionSummary
    filterset_class = VersionFilter

    def get_queryset(self) -> QuerySet[ModelVersion]:
        """The versions that this caller may see; those of one model where the address names it."""
        rows = versions_for(self.request.user)
        name = self.kwargs.get("model")
        return rows if name is None else rows.filter(model=model_for(self.request.user, name))

    def reply(self, version: ModelVersion, status: int = 200) -> Response:
        """One version, whole."""
        return Response(replies.VersionReply(version, context=self.get_serializer_context()).data, status=status)

    @describe("Versions", answers=replies.VersionSummary(many=True))
    def list(self, request: Request, model: str | None = None) -> Response:
        """Versions, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.VersionSummary, then=past.version_at)

    @describe("One version", answers=replies.VersionReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One version with everything that is bound to it."""
        return self.reply(version_for(request.user, pk, at=moment.of(request)))

    @describe("One version by name", answers=replies.VersionReply, refuses=(404,))
    def named(self, request: Request, model: str, version: str) -> Response:
        """One version of a model, by the names of both."""
        return self.reply(version_named(request.user, model, version, at=moment.of(request)))

    @describe(
        "Register a version",
        sends=shapes.VersionRequest,
        answers=replies.VersionReply,
        status=201,
        also={200: replies.VersionReply},
        refuses=(404, 409, 422),
        example=examples.VERSION,
    )
    def create(self, request: Request, model: str) -> Response:
        """Bind a version to its bytes. 201 when it is new, 200 when exactly this was registered before."""
        found = model_for(request.user, model)
        registration = as_registration(read(shapes.VersionRequest, request))
        version, is_new = services.register_once(found, registration=registration, actor=request.user)
        return self.reply(version, 201 if is_new else 200)


class VersionDatasets(ApiView):
    """The data a version is tied to."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Datasets of a version", answers=replies.LinkReply(many=True), refuses=(404,))
    def get(self, request: Request, pk: UUID) -> Response:
        """What the version was trained on, tested on, and scored."""
        links = version_for(request.user, pk).dataset_links.select_related("dataset_version__dataset")
        return Response(replies.LinkReply(links, many=True).data)

    @describe(
        "Tie a version to more data",
        sends=shapes.LinkRequest,
        answers=replies.LinkReply,
        status=201,
        refuses=(404, 409, 422),
        example=examples.SCORED,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Name one more state of a dataset, for example what the version scored. Links are never taken away."""
        body = read(shapes.LinkRequest, request)
        link = services.link_dataset(version_for(request.user, pk), link=body, actor=request.user)
        return Response(replies.LinkReply(link).data, status=201)


class VersionInvolvement(ApiView):
    """Who did what to a version."""

    @describe("Who did what to a version", answers=replies.InvolvementReply(many=True), refuses=(404,))
    def get(self, request: Request, pk: UUID) -> Response:
        """Involvement is written by events and never taken back; segregation of duties reads it."""
        rows = involvements_of(version_for(request.user, pk))
        return Response(replies.InvolvementReply(rows, many=True).data)


class DatasetFields(ApiView):
    """What the columns of a dataset hold."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Columns of a dataset", answers=replies.FieldReply(many=True), refuses=(404,))
    def get(self, request: Request, pk: UUID) -> Response:
        """Known columns, in their order, with what was declared of them."""
        return Response(replies.FieldReply(dataset_for(request.user, pk).fields.all(), many=True).data)

    @describe(
        "Declare columns",
        sends=shapes.FieldsRequest,
        answers=replies.FieldReply(many=True),
        refuses=(404, 422),
        example=examples.FIELDS,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Say what columns hold; columns that are not named keep what was declared of them."""
        body = read(shapes.FieldsRequest, request)
        said = [FieldDeclaration(**row) for row in body["fields"]]
        dataset = dataset_for(request.user, pk)
        rows = services.declare_dataset_fields(dataset, fields=said, reason=body["reason"], actor=request.user)
        return Response(replies.FieldReply(rows, many=True).data)

"""The JSON door of the catalog: datasets, their terms and versions."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.accounts.queries import user_named
from apps.catalog import past, services
from apps.catalog.api import examples
from apps.catalog.api import serializers as shapes
from apps.catalog.models import Dataset, DatasetVersion
from apps.catalog.queries import dataset_for
from apps.core import moment
from apps.core.errors import NotFound
from apps.core.rest import ViewSet

WRITES = {"GET": "read", "POST": "registry:write", "PUT": "registry:write"}
TERMS = ("terms", "permitted_purposes", "terms_end_on", "lawful_basis", "retention")


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def take_terms(body: dict[str, Any]) -> services.Terms:
    """The terms out of a body, which keeps the rest."""
    terms = {name: body.pop(name) for name in TERMS}
    return services.Terms(**{**terms, "permitted_purposes": tuple(terms["permitted_purposes"])})


@moment.shows_past
class Datasets(ViewSet):
    """Datasets, now or, with `as_at`, as they were."""

    changing: ClassVar[frozenset[str]] = frozenset({"state", "is_governed", "kind", "owner__username"})

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.DatasetReply
    filterset_fields = ("namespace", "name", "state", "is_governed", "kind", "owner__username")

    def get_queryset(self) -> QuerySet[Dataset]:
        """The datasets that this caller may see."""
        return Dataset.objects.visible_to(self.request.user).select_related("owner")

    def reply(self, dataset: Dataset, status: int = 200) -> Response:
        """One dataset as an answer."""
        return Response(shapes.DatasetReply(dataset, context=self.get_serializer_context()).data, status=status)

    @describe("Datasets", answers=shapes.DatasetReply(many=True))
    def list(self, request: Request) -> Response:
        """Datasets, newest first; the ungoverned ones too, which only lineage named."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.DatasetReply, then=past.dataset_at)

    @describe("One dataset", answers=shapes.DatasetReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One dataset."""
        found, at = dataset_for(request.user, pk), moment.of(request)
        return self.reply(found if at is None else past.dataset_at(found, at))

    @describe(
        "Register a dataset",
        sends=shapes.DatasetRequest,
        answers=shapes.DatasetReply,
        status=201,
        refuses=(409, 422),
        example=examples.DATASET,
    )
    def create(self, request: Request) -> Response:
        """Take responsibility for a dataset; one that lineage named before becomes governed."""
        body = read(shapes.DatasetRequest, request)
        terms, owner = take_terms(body), body.pop("owner", "")
        named = user_named(owner, "/owner") if owner else None
        return self.reply(services.register_dataset(**body, terms=terms, owner=named, actor=request.user), 201)

    @describe(
        "Replace the terms of use",
        sends=shapes.TermsChange,
        answers=shapes.DatasetReply,
        refuses=(404, 422),
        example=examples.CHANGED_TERMS,
    )
    def terms(self, request: Request, pk: UUID) -> Response:
        """Replace all terms. Every clearance that rests on this dataset is judged again."""
        body = read(shapes.TermsChange, request)
        terms = take_terms(body)
        dataset = dataset_for(request.user, pk)
        return self.reply(services.change_terms(dataset, terms=terms, reason=body["reason"], actor=request.user))


class DatasetVersions(ViewSet):
    """States of a dataset."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.DatasetVersionReply
    filterset_fields = ("key", "origin", "sha256")

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        """The states of the dataset in the address."""
        if "dataset" not in self.kwargs:
            return DatasetVersion.objects.none()
        return DatasetVersion.objects.filter(dataset=dataset_for(self.request.user, self.kwargs["dataset"]))

    def reply(self, version: DatasetVersion, status: int = 200) -> Response:
        """One state as an answer."""
        return Response(shapes.DatasetVersionReply(version, context=self.get_serializer_context()).data, status=status)

    @describe("Versions of a dataset", answers=shapes.DatasetVersionReply(many=True), refuses=(404,))
    def list(self, request: Request, dataset: UUID) -> Response:
        """Known states, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.DatasetVersionReply)

    @describe("One version of a dataset", answers=shapes.DatasetVersionReply, refuses=(404,))
    def retrieve(self, request: Request, dataset: UUID, pk: UUID) -> Response:
        """One state of a dataset."""
        version = self.get_queryset().filter(pk=pk).first()
        if version is None:
            raise NotFound("This dataset has no version with that id.")
        return self.reply(version)

    @describe(
        "Declare a version",
        sends=shapes.DatasetVersionRequest,
        answers=shapes.DatasetVersionReply,
        status=201,
        refuses=(404, 409, 422),
        example=examples.VERSION,
    )
    def create(self, request: Request, dataset: UUID) -> Response:
        """Name a state of a dataset, with the hash of its bytes. The same key with other bytes is a conflict."""
        body = read(shapes.DatasetVersionRequest, request)
        key = body.pop("key")
        found = dataset_for(request.user, dataset)
        return self.reply(services.declare_version(found, key, actor=request.user, **body), 201)

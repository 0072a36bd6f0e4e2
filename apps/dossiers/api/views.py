"""The JSON door of dossiers: ask, follow, download, and the trust file."""

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe, refused
from apps.core.rest import ApiView, ViewSet
from apps.dossiers import queries, services
from apps.dossiers.api import examples
from apps.dossiers.api import serializers as shapes
from apps.dossiers.downloads import handed_out
from apps.dossiers.models import Dossier
from apps.registry.queries import environment_for, version_for

SCOPES: dict[str, str] = {"GET": "read", "POST": "dossiers:write"}


class VersionDossiers(ViewSet):
    """Dossiers about one version."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    serializer_class = shapes.DossierReply
    filter_backends = []

    def get_queryset(self) -> QuerySet[Dossier]:
        """Dossiers of the version, newest first."""
        if getattr(self, "swagger_fake_view", False):
            return Dossier.objects.none()
        version = version_for(self.request.user, self.kwargs["pk"])
        return queries.dossiers_for(self.request.user).filter(version=version)

    @describe("Dossiers about a version", answers=shapes.DossierReply(many=True), refuses=(404,))
    def list(self, request: Request, pk: UUID) -> Response:
        """A cursor page of dossiers."""
        return self.page_of(self.get_queryset(), shapes.DossierReply)

    @describe(
        "Ask for a dossier", sends=shapes.DossierRequest, answers=shapes.DossierAsked, status=202, refuses=(404, 409, 422),
        example=examples.DOSSIER,
    )  # fmt: skip
    def create(self, request: Request, pk: UUID) -> Response:
        """Made in the background from the record as it stands now; the job says how far it is."""
        form = shapes.DossierRequest(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        place = environment_for(request.user, wanted["environment"]) if wanted["environment"] else None
        version = version_for(request.user, pk)
        dossier = services.request_dossier(
            version, actor=request.user, order=wanted["order"], environment=place, profile=wanted["profile"],
            has_names=wanted["names"], has_texts=wanted["texts"],
        )  # fmt: skip
        answer = {
            "id": dossier.pk, "url": request.build_absolute_uri(f"/api/v1/dossiers/{dossier.pk}"), "reference": dossier.reference,
            "job": request.build_absolute_uri(f"/api/v1/jobs/{dossier.job_id}"),
        }  # fmt: skip
        return Response(shapes.DossierAsked(answer).data, status=202)


class Dossiers(ViewSet):
    """Every dossier the caller may see."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    serializer_class = shapes.DossierReply
    filter_backends = []

    def get_queryset(self) -> QuerySet[Dossier]:
        """Dossiers by who may see them."""
        if getattr(self, "swagger_fake_view", False):
            return Dossier.objects.none()
        return queries.dossiers_for(self.request.user)

    @describe("Dossiers", answers=shapes.DossierReply(many=True))
    def list(self, request: Request) -> Response:
        """A cursor page, newest first."""
        return self.page_of(self.get_queryset(), shapes.DossierReply)

    @describe("One dossier", answers=shapes.DossierReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far it is; once issued, its pages and digests."""
        dossier = queries.dossier_for(request.user, pk)
        return Response(shapes.DossierReply(dossier, context={"request": request}).data)


class DossierWord(ApiView):
    """The content as a Word document for editing."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES

    @describe(
        "Ask for the Word document", sends=shapes.WordRequest, answers=shapes.WordAsked, status=202, refuses=(404, 409, 422),
        example=examples.WORD,
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """Written in the background from the content of the sealed dossier; unsealed, and marked so on every page."""
        form = shapes.WordRequest(data=request.data)
        form.is_valid(raise_exception=True)
        job = services.request_word(queries.dossier_for(request.user, pk), actor=request.user)
        address = request.build_absolute_uri
        answer = {"job": address(f"/api/v1/jobs/{job.pk}"), "file": address(f"/api/v1/dossiers/{pk}/docx")}
        return Response(shapes.WordAsked(answer).data, status=202)


class DossierFile(ApiView):
    """The sealed PDF, the bundle, or the Word document."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    kind = "pdf"

    @extend_schema(
        summary="Download",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **refused(404, 409)},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The bytes whose digest the log names; the log notes who took them."""
        return handed_out(queries.dossier_for(request.user, pk), kind=self.kind, actor=request.user)


class Trust(ApiView):
    """The trust file."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES

    @describe("Trust file", answers=shapes.TrustReply)
    def get(self, request: Request) -> HttpResponse:
        """Public keys and certificates in canonical JSON, byte for byte: the fingerprint is printed in each dossier."""
        content = services.trust_file()
        return HttpResponse(content, content_type="application/json")

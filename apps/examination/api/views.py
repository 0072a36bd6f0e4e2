"""The JSON door of the auditor's room: traces, samples, requests, and what one read."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.accounts.queries import user_named
from apps.audit.models import Entry
from apps.core.rest import ApiView, CursorPage, ViewSet
from apps.examination import exporting, queries, services, tracing
from apps.examination.api import examples
from apps.examination.api import serializers as shapes
from apps.examination.models import InformationRequest, Sample

TIMED = {"GET": "read", "POST": "workflow:write"}


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class TraceOf(ApiView):
    """What a deployment, a decision or a version rests on."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @describe("Trace of a deployment, a decision or a version", answers=shapes.TraceReply, refuses=(404,))
    def get(self, request: Request, kind: str, pk: UUID) -> Response:
        """From what runs back to decision, signatures, evidence, policy and waivers; each record is hashed again."""
        found = tracing.trace_of(kind, pk, user=request.user)
        services.note_reading(found.decision or found.version, about=kind, actor=request.user)
        return Response(shapes.TraceReply(found).data)


class Samples(ViewSet):
    """Samples of decisions."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "audit:read", "POST": "audit:read"}
    serializer_class = shapes.SampleReply
    filter_backends = []

    def get_queryset(self) -> QuerySet[Sample]:
        """The samples that this caller may see."""
        return queries.samples_for(self.request.user)

    @describe("Samples", answers=shapes.SampleReply(many=True))
    def list(self, request: Request) -> Response:
        """Samples, newest first."""
        return self.page_of(self.get_queryset(), shapes.SampleReply)

    @describe("One sample with its rows and totals", answers=shapes.SampleWhole, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """The decisions drawn, each with its links; reading them is told to the log."""
        sample = queries.sample_for(request.user, pk)
        services.note_export(sample, kind="json", actor=request.user)
        return Response(shapes.SampleWhole(exporting.as_document(sample, settings.BASE_URL)).data)

    @describe(
        "Draw a sample", sends=shapes.SampleRequest, answers=shapes.SampleReply, status=201, refuses=(422,),
        example=examples.SAMPLE,
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        """Stratified by tier and outcome, by a seed that is stored. The same seed and population give the same sample."""
        body = read(shapes.SampleRequest, request)
        wanted = dict(body.pop("filter"))
        sample = services.draw_sample(**body, wanted=wanted, actor=request.user)
        return Response(shapes.SampleReply(sample, context=self.get_serializer_context()).data, status=201)


class InformationRequests(ViewSet):
    """Requests of the audit."""

    required_scopes: ClassVar[dict[str, str]] = TIMED
    serializer_class = shapes.InformationReply
    filterset_fields = ("state", "assigned_to__username", "due_on")

    def get_queryset(self) -> QuerySet[InformationRequest]:
        """The requests that this caller may see."""
        return queries.requests_for(self.request.user).prefetch_related("answers__by")

    def get_serializer_context(self) -> dict[str, Any]:
        """With the day it is, for what is overdue."""
        return {**super().get_serializer_context(), "today": queries.today()}

    def reply(self, pk: Any, status: int = 200) -> Response:
        """One request as it is in the database now."""
        asked = queries.request_for(self.request.user, pk)
        return Response(shapes.InformationReply(asked, context=self.get_serializer_context()).data, status=status)

    @describe("Requests of the audit", answers=shapes.InformationReply(many=True))
    def list(self, request: Request) -> Response:
        """Requests, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.InformationReply)

    @describe("One request", answers=shapes.InformationReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One request with its answers."""
        return self.reply(pk)

    @describe("Ask for something", sends=shapes.AskRequest, answers=shapes.InformationReply, status=201, refuses=(422,),
              example=examples.ASK)  # fmt: skip
    def create(self, request: Request) -> Response:
        """Ask a person for something until a day."""
        body = read(shapes.AskRequest, request)
        body["assigned_to"] = user_named(body["assigned_to"], "/assigned_to")
        return self.reply(services.ask(**body, actor=request.user).pk, 201)

    @describe("Answer a request", sends=shapes.AnswerRequest, answers=shapes.InformationReply, status=201,
              refuses=(404, 409, 422), example=examples.ANSWER)  # fmt: skip
    def answer(self, request: Request, pk: UUID) -> Response:
        """Answer with a text, a link, or both."""
        body = read(shapes.AnswerRequest, request)
        services.answer(queries.request_for(request.user, pk), **body, actor=request.user)
        return self.reply(pk, 201)

    @describe("Accept an answer", sends=shapes.VerdictRequest, answers=shapes.InformationReply, refuses=(404, 409, 422),
              example=examples.ACCEPTED)  # fmt: skip
    def accept(self, request: Request, pk: UUID) -> Response:
        """The answer is what was asked for; the request is closed."""
        body = read(shapes.VerdictRequest, request)
        services.accept_answer(queries.request_for(request.user, pk), **body, actor=request.user)
        return self.reply(pk)

    @describe("Return an answer", sends=shapes.VerdictRequest, answers=shapes.InformationReply, refuses=(404, 409, 422),
              example=examples.RETURNED)  # fmt: skip
    def send_back(self, request: Request, pk: UUID) -> Response:
        """Something is missing; the request is open again."""
        body = read(shapes.VerdictRequest, request)
        services.return_answer(queries.request_for(request.user, pk), **body, actor=request.user)
        return self.reply(pk)


class Readings(ViewSet):
    """What the caller read and downloaded."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}
    serializer_class = shapes.ReadingReply
    pagination_class = CursorPage
    filter_backends = []

    def get_queryset(self) -> QuerySet[Entry]:
        """Entries about the caller's own downloads and exports."""
        if getattr(self, "swagger_fake_view", False):
            return Entry.objects.none()
        return queries.readings(self.request.user)

    @describe("What you read and downloaded", answers=shapes.ReadingReply(many=True))
    def list(self, request: Request) -> Response:
        """From the log, newest first."""
        return self.page_of(self.get_queryset(), shapes.ReadingReply)

"""The JSON door of evidence: checks, evidence, marks, documents, and the catalogues behind them."""

import json
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.core import moment
from apps.core.errors import BadRequest, NotFound
from apps.core.rest import ApiView, StrictJSONParser, ViewSet
from apps.evidence import checks, queries, services, testing
from apps.evidence.api import examples
from apps.evidence.api import serializers as shapes
from apps.evidence.downloads import download
from apps.evidence.models import Document, Evidence, EvidenceMark
from apps.registry.queries import version_for

WRITES: dict[str, str] = {"GET": "read", "POST": "evidence:write"}
MARKS = {"accept": services.accept, "flag": services.flag, "withdraw": services.withdraw}


def read(shape: Any, body: Any) -> dict[str, Any]:
    """The checked body; ValidationError with pointers otherwise."""
    form = shape(data=body)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def evidence_for(user: Any, pk: UUID) -> Evidence:
    """The item with this id, if the user may see it. Raises NotFound."""
    marks = Prefetch("marks", queryset=EvidenceMark.objects.select_related("by").order_by("created_at", "id"))
    rows = (
        Evidence.objects.visible_to(user)
        .select_related("produced_by", "version__model__use_case")
        .prefetch_related(marks)
    )
    found: Evidence | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such evidence, or you may not see it.")
    return found


class VersionChecks(ApiView):
    """Ask for checks on a version."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Check runs of a version", answers=shapes.RunReply(many=True), refuses=(404,))
    def get(self, request: Request, pk: UUID) -> Response:
        """The newest run of each check."""
        return Response(shapes.RunReply(queries.latest_runs(version_for(request.user, pk)), many=True).data)

    @describe(
        "Ask for checks", sends=shapes.ChecksRequest, answers=shapes.RunsReply, status=202, refuses=(404, 409, 422),
        example=examples.CHECKS,
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """Measure in the background; checks asked for together read each file together."""
        body = read(shapes.ChecksRequest, request.data)
        runs = services.request_checks(version_for(request.user, pk), actor=request.user, **body)
        jobs = {str(run.job_id): request.build_absolute_uri(f"/api/v1/jobs/{run.job_id}") for run in runs}
        answer = {"runs": runs, "jobs": [{"id": key, "url": url} for key, url in jobs.items()]}
        return Response(shapes.RunsReply(answer).data, status=202)


@moment.shows_past
class VersionEvidence(ViewSet):
    """Evidence of one version, with its marks of now or, with `as_at`, of then."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.EvidenceSummary
    parser_classes = [StrictJSONParser, MultiPartParser]

    def get_queryset(self) -> QuerySet[Evidence]:
        """Every item bound to the version, newest first."""
        if getattr(self, "swagger_fake_view", False):
            return Evidence.objects.none()
        return queries.with_marks(
            queries.evidence_of(version_for(self.request.user, self.kwargs["pk"])), moment.of(self.request)
        )

    @describe("Evidence of a version", answers=shapes.EvidenceSummary(many=True), refuses=(404,))
    def list(self, request: Request, pk: UUID) -> Response:
        """Computed results, submissions, statements and records."""
        return self.page_of(self.get_queryset(), shapes.EvidenceSummary)

    @describe(
        "Hand in evidence", sends=shapes.EvidenceRequest, answers=shapes.EvidenceReply, status=201,
        refuses=(404, 409, 413, 422), example=examples.EVIDENCE,
    )  # fmt: skip
    def create(self, request: Request, pk: UUID) -> Response:
        """JSON, or multipart with the same JSON as `body` and any number of `files`."""
        version = version_for(request.user, pk)
        files = request.FILES.getlist("files")
        body = read(shapes.EvidenceRequest, body_of(request))
        if files or not request.user.is_person:
            item = services.submit(version, actor=request.user, files=files, **body)
        else:
            item = services.attest(version, actor=request.user, **body)
        return Response(reply(item, request), status=201)


def body_of(request: Any) -> Any:
    """The JSON of the request: the whole body, or the part called `body`."""
    if not str(request.content_type).startswith("multipart/"):
        return request.data
    try:
        return json.loads(request.data.get("body", ""))
    except (ValueError, TypeError) as broken:
        raise BadRequest("The part `body` is not JSON.", code="NOT_JSON") from broken


def reply(item: Evidence, request: Request) -> Any:
    """One item, whole."""
    return shapes.EvidenceReply(item, context={"request": request}).data


class VersionTests(ApiView):
    """Reports of tests."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe(
        "Hand in a report of tests", sends=shapes.TestsRequest, answers=shapes.EvidenceReply, status=201,
        refuses=(404, 409, 413, 422), example=examples.TESTS,
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """JUnit XML. Tests are counted by suite, the file is kept, and somebody else accepts it."""
        body = read(shapes.TestsRequest, request.data)
        report = body.pop("report").encode()
        item = testing.submit_tests(version_for(request.user, pk), report=report, actor=request.user, **body)
        return Response(reply(item, request), status=201)


class OneEvidence(ApiView):
    """One item of evidence."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("One item of evidence", answers=shapes.EvidenceReply, refuses=(404,))
    def get(self, request: Request, pk: UUID) -> Response:
        """Metrics, tables, figures, what was read and how."""
        return Response(reply(evidence_for(request.user, pk), request))


class EvidenceFile(ApiView):
    """A file that was handed in."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("A file of an item", answers=OpenApiTypes.BINARY, refuses=(404,))
    def get(self, request: Request, pk: UUID, sha256: str) -> FileResponse:
        """The bytes as they came, as a download."""
        return download(evidence_for(request.user, pk), sha256, actor=request.user)


class MarkView(ApiView):
    """Accept, flag or withdraw an item."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    verb = "accept"

    @describe(
        "Mark an item of evidence", sends=shapes.MarkRequest, answers=shapes.EvidenceReply, status=201, refuses=(404, 409, 422),
        example=examples.MARK,
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """The mark is added; nothing is changed. It binds at once."""
        body = read(shapes.MarkRequest, request.data)
        MARKS[self.verb](evidence_for(request.user, pk), actor=request.user, **body)
        return Response(reply(evidence_for(request.user, pk), request), status=201)


class VersionDocuments(ViewSet):
    """Hand-written reasons of a version."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.DocumentReply

    def get_queryset(self) -> QuerySet[Document]:
        """Every text, newest first."""
        if getattr(self, "swagger_fake_view", False):
            return Document.objects.none()
        version = version_for(self.request.user, self.kwargs["pk"])
        return Document.objects.filter(version=version).select_related("author")

    @describe("Hand-written reasons", answers=shapes.DocumentReply(many=True), refuses=(404,))
    def list(self, request: Request, pk: UUID) -> Response:
        """Texts with their authors and times."""
        return self.page_of(self.get_queryset(), shapes.DocumentReply)

    @describe(
        "Write down reasons",
        sends=shapes.DocumentRequest,
        answers=shapes.DocumentReply,
        status=201,
        refuses=(404, 422),
        example=examples.DOCUMENT,
    )
    def create(self, request: Request, pk: UUID) -> Response:
        """Plain text; a newer one with the same section and title replaces it in print."""
        body = read(shapes.DocumentRequest, request.data)
        document = services.write_document(version_for(request.user, pk), actor=request.user, **body)
        return Response(shapes.DocumentReply(document).data, status=201)


class EvidenceTypes(ApiView):
    """The catalogue of evidence types."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Evidence types", answers=shapes.TypeReply(many=True))
    def get(self, request: Request) -> Response:
        """Every type with its fields and who supplies each."""
        rows = [
            {
                "id": kind.id, "title": kind.title, "description": kind.description, "scope": kind.scope,
                "produced_by": kind.produced_by, "is_record": kind.is_record,
                "fields": [
                    {"name": name, "title": kind.field_titles[name], "type": of, "computed_by": kind.computed.get(name)}
                    for name, of in kind.fields.items()
                ],
            }
            for kind in queries.catalogue().values()
        ]  # fmt: skip
        return Response(rows)


class CheckList(ApiView):
    """The checks there are."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Checks", answers=shapes.CheckReply(many=True))
    def get(self, request: Request) -> Response:
        """Every check with what it reads, measures and fills."""
        rows = [
            {
                "key": check.key, "title": check.title, "description": check.words, "reads": list(check.reads),
                "needs_endpoint": check.scores, "fills": list(check.fills), "params": check.Params().as_dict(),
                "parameters": check.Params.described(),
                "metrics": [{"key": metric.key, "label": metric.label, "unit": metric.unit} for metric in check.metrics],
            }
            for check in checks.registry().values()
        ]  # fmt: skip
        return Response(rows)

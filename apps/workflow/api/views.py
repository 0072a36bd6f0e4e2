"""The JSON door of the workflow: an action validates its input, calls one service and answers with one shape."""

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.accounts.queries import user_named
from apps.catalog.queries import dataset_for
from apps.core import moment
from apps.core.errors import NotFound
from apps.core.rest import ApiView, ViewSet
from apps.policy import services as policy
from apps.registry.queries import environment_for, version_for
from apps.workflow import past, processes, queries, services
from apps.workflow.api import examples, replies
from apps.workflow.api import serializers as shapes
from apps.workflow.models import Comment, Finding, Review, Signature, printed_names

WRITES = {"GET": "read", "POST": "workflow:write"}


def read(shape: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request; ValidationError with pointers otherwise."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@dataclass
class Extra:
    """What the answer about one review needs beside its row."""

    standing: queries.Standing
    turn: queries.Turn | None = None
    seen_digest: str | None = None
    meanings: tuple[str, ...] = ()
    obstacles: list[str] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    conditions: list[Any] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def extra_for(review: Review, user: Any) -> Extra:
    """Judge the review as its page does, and keep what is shown so that it can be signed."""
    extra = Extra(
        standing=queries.standing_approval(review.version, environment=review.environment),
        turn=queries.whose_turn(review, user),
        signatures=list(review.signatures.select_related("step", "signer", "review")),
        conditions=list(review.conditions.select_related("finding", "owner")),
        findings=list(queries.visible_findings(user).open().filter(version=review.version).order_by("number")),
    )
    printed_names(extra.signatures)
    step = review.open_step
    if step is not None:
        judgement = policy.assess(review.version, review.environment, at=timezone.now(), stage="approve")
        is_last = review.last_step is not None and review.last_step.pk == step.pk
        extra.seen_digest = services.present(review, judgement=judgement).digest
        extra.meanings = processes.meanings_for(step.kind, is_last=is_last)
        extra.obstacles = queries.obstacles(review, judgement) if is_last else []
    return extra


class WorkflowSet(ViewSet):
    """What the collections of this app share."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    def review_reply(self, pk: Any, status: int = 200) -> Response:
        """One review, whole, as it is in the database now."""
        review = queries.review_for(self.request.user, pk)
        context = {**self.get_serializer_context(), "extra": extra_for(review, self.request.user)}
        return Response(replies.ReviewReply(review, context=context).data, status=status)

    def reply(self, shape: Any, row: Any, status: int = 200) -> Response:
        """One row as an answer."""
        return Response(shape(row, context=self.get_serializer_context()).data, status=status)


class Reviews(WorkflowSet):
    """Reviews."""

    serializer_class = replies.ReviewSummary
    filterset_fields = ("state", "version", "environment__slug", "process__tier", "version__model__slug")

    def get_queryset(self) -> QuerySet[Review]:
        """The reviews that this caller may see."""
        return queries.reviews_for(self.request.user)

    @describe("Reviews", answers=replies.ReviewSummary(many=True))
    def list(self, request: Request) -> Response:
        """Reviews, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.ReviewSummary)

    @describe("One review", answers=replies.ReviewReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """State, steps, whose turn and why, and the `seen_digest` that a signature names."""
        return self.review_reply(pk)

    @describe(
        "Request changes", sends=shapes.ReviewReasonRequest, answers=replies.ReviewReply, refuses=(404, 409, 422),
    )  # fmt: skip
    def request_changes(self, request: Request, pk: UUID) -> Response:
        """Give the turn back to the developer with a question."""
        body = read(shapes.ReviewReasonRequest, request)
        services.request_changes(queries.review_for(request.user, pk), actor=request.user, reason=body["reason"])
        return self.review_reply(pk)

    @describe(
        "Withdraw from review", sends=shapes.ReviewReasonRequest, answers=replies.ReviewReply, refuses=(404, 409, 422)
    )
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Take the version out of review."""
        body = read(shapes.ReviewReasonRequest, request)
        services.withdraw(queries.review_for(request.user, pk), actor=request.user, reason=body["reason"])
        return self.review_reply(pk)

    @describe("Look at the open step", answers=replies.ReviewReply, refuses=(404, 409))
    def claim(self, request: Request, pk: UUID) -> Response:
        """Say that one looks at the open step; the claim releases itself."""
        services.claim(queries.review_for(request.user, pk), actor=request.user)
        return self.review_reply(pk)

    @describe(
        "Record a finding", sends=shapes.FindingRequest, answers=replies.FindingReply, status=201, refuses=(404, 422),
        example=examples.FINDING,
    )  # fmt: skip
    def findings(self, request: Request, pk: UUID) -> Response:
        """Record that something is wrong or unproven about the version."""
        body = read(shapes.FindingRequest, request)
        review = queries.review_for(request.user, pk)
        owner = user_named(body.pop("owner"), "/owner") if "owner" in body else None
        body["requirement_id"] = body.pop("requirement")
        body.setdefault("text", body["title"])
        found = services.raise_finding(review.version, actor=request.user, owner=owner, review=review, **body)
        return self.reply(replies.FindingReply, found, 201)

    @describe(
        "Comment", sends=shapes.CommentRequest, answers=replies.CommentReply, status=201, refuses=(404, 422),
        example=examples.COMMENT,
    )  # fmt: skip
    def comments(self, request: Request, pk: UUID) -> Response:
        """A comment, a question, an answer, an outcome or dissent in the challenge log."""
        body = read(shapes.CommentRequest, request)
        review = queries.review_for(request.user, pk)
        key = body.pop("parent")
        parent = queries.comments_on(review.version).filter(pk=key).first() if key else None
        if key and parent is None:
            raise NotFound("There is no such comment about this version.")
        said = services.comment(review.version, actor=request.user, review=review, parent=parent, **body)
        return self.reply(replies.CommentReply, said, 201)


@moment.shows_past
class Findings(WorkflowSet):
    """Findings over all versions, now or, with `as_at`, as they were."""

    changing: ClassVar[frozenset[str]] = frozenset({"state", "owner__username"})

    serializer_class = replies.FindingReply
    filterset_fields = ("state", "severity", "version", "source", "owner__username")

    def get_queryset(self) -> QuerySet[Finding]:
        """The findings that this caller may see."""
        return queries.visible_findings(self.request.user)

    @describe("Findings", answers=replies.FindingReply(many=True))
    def list(self, request: Request) -> Response:
        """Findings, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.FindingReply, then=past.finding_at)

    @describe("One finding", answers=replies.FindingReply, refuses=(404,))
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One finding."""
        return self.reply(replies.FindingReply, queries.finding_for(request.user, pk, at=moment.of(request)))

    @describe(
        "Answer a finding", sends=shapes.TextRequest, answers=replies.FindingReply, refuses=(404, 409, 422),
        example=examples.ANSWER,
    )  # fmt: skip
    def answer(self, request: Request, pk: UUID) -> Response:
        """Say what was done or why it is so."""
        body = read(shapes.TextRequest, request)
        services.answer_finding(queries.finding_for(request.user, pk), actor=request.user, text=body["text"])
        return self.retrieve(request, pk)

    @describe(
        "Verify and close a finding",
        sends=shapes.ReviewReasonRequest,
        answers=replies.FindingReply,
        refuses=(404, 409, 422),
    )
    def close(self, request: Request, pk: UUID) -> Response:
        """Verify the answer. Not by who developed the version, and not by who answered."""
        body = read(shapes.ReviewReasonRequest, request)
        services.close_finding(queries.finding_for(request.user, pk), actor=request.user, reason=body["reason"])
        return self.retrieve(request, pk)

    @describe(
        "Return a finding", sends=shapes.ReviewReasonRequest, answers=replies.FindingReply, refuses=(404, 409, 422)
    )
    def hand_back(self, request: Request, pk: UUID) -> Response:
        """The answer does not do: the turn goes back to the owner."""
        body = read(shapes.ReviewReasonRequest, request)
        services.return_finding(queries.finding_for(request.user, pk), actor=request.user, reason=body["reason"])
        return self.retrieve(request, pk)


class VersionComments(WorkflowSet):
    """The challenge log of a version."""

    serializer_class = replies.CommentReply
    filterset_fields = ("kind",)

    def get_queryset(self) -> QuerySet[Comment]:
        """Everything said about the version in the address."""
        if "version" not in self.kwargs:
            return Comment.objects.none()
        return queries.comments_on(version_for(self.request.user, self.kwargs["version"]))

    @describe("Challenge log of a version", answers=replies.CommentReply(many=True), refuses=(404,))
    def list(self, request: Request, version: UUID) -> Response:
        """Everything said about a version, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), replies.CommentReply)

    @describe("One comment", answers=replies.CommentReply, refuses=(404,))
    def retrieve(self, request: Request, version: UUID, pk: UUID) -> Response:
        """One word of the challenge log."""
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound("There is no such comment about this version.")
        return self.reply(replies.CommentReply, found)


class VersionMoves(WorkflowSet):
    """What may be done with a version: submit it, and with its approval: suspend, revoke, reinstate."""

    serializer_class = replies.ReviewSummary

    def get_queryset(self) -> QuerySet[Review]:
        """Nothing is listed here."""
        return Review.objects.none()

    @describe(
        "Submit for approval", sends=shapes.SubmitRequest, answers=replies.ReviewReply, status=201, refuses=(404, 409, 422),
        example=examples.SUBMIT,
    )  # fmt: skip
    def submit(self, request: Request, pk: UUID) -> Response:
        """Submit a version; answers with the review. 422 `NOT_READY_TO_SUBMIT` lists exactly what is missing."""
        body = read(shapes.SubmitRequest, request)
        environment = environment_for(request.user, body["environment"]) if "environment" in body else None
        version = version_for(request.user, pk)
        review = services.submit(version, actor=request.user, environment=environment, note=body["note"])
        return self.review_reply(review.pk, 201)

    def moved(self, request: Request, pk: UUID, act: Any) -> Response:
        """Call one of the services that take a version and a reason."""
        body = read(shapes.MoveRequest, request)
        environment = environment_for(request.user, body["environment"]) if "environment" in body else None
        review = act(version_for(request.user, pk), actor=request.user, reason=body["reason"], environment=environment)
        return self.review_reply(review.pk)

    @describe("Suspend an approval", sends=shapes.MoveRequest, answers=replies.ReviewReply, refuses=(404, 409, 422))
    def suspend(self, request: Request, pk: UUID) -> Response:
        """Take the approval out of force at once, with a finding."""
        return self.moved(request, pk, services.suspend)

    @describe("Revoke an approval", sends=shapes.MoveRequest, answers=replies.ReviewReply, refuses=(404, 409, 422))
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End the approval for good."""
        return self.moved(request, pk, services.revoke)

    @describe("Reinstate an approval", sends=shapes.MoveRequest, answers=replies.ReviewReply, refuses=(404, 409, 422))
    def reinstate(self, request: Request, pk: UUID) -> Response:
        """A new decision by approvers of the same rank, with a new manifest."""
        return self.moved(request, pk, services.reinstate)


class DatasetEvents(ApiView):
    """Events of a dataset."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe(
        "Report what happened to a dataset", sends=shapes.DatasetEventRequest, answers=replies.DatasetEventReply, status=201,
        refuses=(404, 422), example=examples.DATASET_EVENT,
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        """List what it touches, open a finding on every version under review or approved, suspend as the process says."""
        body = read(shapes.DatasetEventRequest, request)
        dataset = dataset_for(request.user, pk)
        outcome = services.report_data_event(dataset, actor=request.user, **body)
        context = {"request": request}
        return Response(replies.DatasetEventReply(outcome, context=context).data, status=201)

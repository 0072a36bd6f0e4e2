"""The JSON door of signing: by password in one call, by passkey in two."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.accounts.passkeys import relying_party_of
from apps.accounts.queries import signing_session, user_named
from apps.accounts.services import PasskeyAnswer
from apps.core.errors import NotFound
from apps.workflow import queries, services
from apps.workflow.api import examples, replies
from apps.workflow.api import serializers as shapes
from apps.workflow.api.views import WorkflowSet, read
from apps.workflow.models import Review, Signature
from apps.workflow.services import Statement


def with_owners(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions whose owners are people instead of user names."""
    return [
        {**row, "owner": user_named(row["owner"], f"/conditions/{index}/owner")} for index, row in enumerate(conditions)
    ]


def statement_in(body: dict[str, Any], meaning: str) -> Statement:
    """What a caller means to sign."""
    return Statement(
        meaning, body["reason"], body["seen_digest"], with_owners(body.get("conditions", [])), body.get("report", {})
    )


class Signing(WorkflowSet):
    """Signatures of a review."""

    serializer_class = replies.SignatureReply

    def get_queryset(self) -> QuerySet[Review]:
        """The reviews that this caller may see."""
        return queries.reviews_for(self.request.user)

    def signed(self, signature: Signature) -> Response:
        """A new signature as an answer."""
        return self.reply(replies.SignOffReply, queries.signature_for(self.request.user, signature.pk), 201)

    def finish(self, review: Review, body: dict[str, Any], said: Statement | None) -> Signature:
        """The signature that was prepared and that a passkey has answered."""
        given = body["passkey"]
        answer = PasskeyAnswer(given["challenge"], given["response"], relying_party_of(self.request))
        actor, session = self.request.user, signing_session(self.request)
        return services.sign_prepared(review, actor=actor, answer=answer, session=session, said=said)

    def sign(self, review: Review, body: dict[str, Any], meaning: str) -> Signature:
        """A signature by password or by passkey, whichever the body carries."""
        if "passkey" in body:
            return self.finish(review, body, statement_in(body, meaning))
        conditions = with_owners(body.pop("conditions", []))
        session = signing_session(self.request)
        return services.sign_off(
            review, actor=self.request.user, meaning=meaning, conditions=conditions, session=session, **body
        )

    @describe(
        "Sign the open step", sends=shapes.SignOffRequest, answers=replies.SignOffReply, status=201, refuses=(404, 409, 422),
        example=examples.SIGN_OFF,
    )  # fmt: skip
    def sign_offs(self, request: Request, pk: UUID) -> Response:
        """Add a signature over what was shown. 409 `CONTENT_CHANGED` carries the difference and the current digest."""
        body = read(shapes.SignOffRequest, request)
        return self.signed(self.sign(queries.review_for(request.user, pk), body, body.pop("meaning")))

    @describe(
        "Prepare a signature by passkey", sends=shapes.PrepareSignOffRequest, answers=replies.PreparedReply, status=201,
        refuses=(404, 409, 422), example=examples.PREPARE_SIGN_OFF,
    )  # fmt: skip
    def prepare(self, request: Request, pk: UUID) -> Response:
        """Fix what is signed, and get the challenge for the browser; then send the same words with the passkey's answer."""
        body = read(shapes.PrepareSignOffRequest, request)
        opened = services.prepare_sign_off(
            queries.review_for(request.user, pk), actor=request.user, said=statement_in(body, body["meaning"]),
            session=signing_session(request), party=relying_party_of(request),
        )  # fmt: skip
        return self.reply(replies.PreparedReply, opened, 201)

    @describe("One signature", answers=replies.SignatureReply, refuses=(404,))
    def signature(self, request: Request, pk: UUID, signature: UUID) -> Response:
        """One signature of a review."""
        found = queries.signature_for(request.user, signature)
        if found.review_id != pk:
            raise NotFound("This review has no such signature.")
        return self.reply(replies.SignatureReply, found)

    @describe(
        "Withdraw one's signature", sends=shapes.WithdrawSignatureRequest, answers=replies.SignOffReply, status=201,
        refuses=(404, 409, 422), example=examples.WITHDRAW_SIGNATURE,
    )  # fmt: skip
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """A new signature that withdraws the caller's own. An approval that relied on it is suspended."""
        body = read(shapes.WithdrawSignatureRequest, request)
        review = queries.review_for(request.user, pk)
        if "passkey" in body:
            return self.signed(self.finish(review, body, None))
        session = signing_session(request)
        return self.signed(services.withdraw_signature(review, actor=request.user, session=session, **body))

    @describe(
        "Prepare a withdrawal by passkey", sends=shapes.ReviewReasonRequest, answers=replies.PreparedReply, status=201,
        refuses=(404, 409, 422),
    )  # fmt: skip
    def prepare_withdrawal(self, request: Request, pk: UUID) -> Response:
        """Fix the withdrawal of one's own signature, and get the challenge for the browser."""
        body = read(shapes.ReviewReasonRequest, request)
        opened = services.prepare_withdrawal(
            queries.review_for(request.user, pk), actor=request.user, reason=body["reason"],
            session=signing_session(request), party=relying_party_of(request),
        )  # fmt: skip
        return self.reply(replies.PreparedReply, opened, 201)

    @describe("Reject", sends=shapes.ProofRequest, answers=replies.ReviewReply, refuses=(404, 409, 422))
    def reject(self, request: Request, pk: UUID) -> Response:
        """Sign against the version. Final, except in a committee, where it is a vote."""
        self.sign(queries.review_for(request.user, pk), read(shapes.ProofRequest, request), "rejected")
        return self.review_reply(pk)

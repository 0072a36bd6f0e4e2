"""The native door: OpenID AuthZEN Authorization API 1.0, single and batch. A deny is HTTP 200; an HTTP error is no decision."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.errors import BadRequest
from apps.core.rest import Problem
from apps.gate import services
from apps.gate.doors.asking import answer, final, question_from, read_json

MOST_QUESTIONS = 100
SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")

QUESTION = OpenApiExample(
    "May these bytes run in production?",
    request_only=True,
    value={
        "subject": {"type": "pipeline", "id": "ci:credit/main", "properties": {"run_id": "123456"}},
        "action": {"name": "deploy"},
        "resource": {"type": "model_version", "id": "sha256:" + "9f2c41aa" * 8},
        "context": {"environment": "production", "nonce": "7c1f", "dry_run": False},
    },
)
ANSWER = OpenApiExample(
    "Not yet",
    response_only=True,
    value={
        "decision": False,
        "context": {
            "id": "0193a5c2-9f1e-7c3a-8b52-6f1d2c3b4a59",
            "outcome": "deny",
            "mode": "enforce",
            "environment": "production",
            "reason_user": {"403": "Not allowed in Production: 2 of 9 requirements are not met."},
            "codes": ["APPROVAL_MISSING", "EVIDENCE_MISSING"],
        },
    },
)


# DRF's stubs type `context` as the serializer's own mapping; AuthZEN has a field of that name.
class Question(serializers.Serializer[Any]):
    """An AuthZEN evaluation request."""

    subject = serializers.JSONField(help_text="Who or what deploys: type, id, properties")
    action = serializers.JSONField(help_text="name: deploy, scale, restart or keep_running")
    resource = serializers.JSONField(help_text="type model_version and id, the digest of the artifact")
    context = serializers.JSONField(required=False, help_text="environment, nonce, dry_run")  # type: ignore[assignment]


class Answer(serializers.Serializer[Any]):
    """An AuthZEN evaluation response."""

    decision = serializers.BooleanField()
    context = serializers.JSONField()  # type: ignore[assignment]


class Questions(serializers.Serializer[Any]):
    """An AuthZEN batch: `evaluations` with defaults beside them, and `options.evaluations_semantic`."""

    subject = serializers.JSONField(required=False)
    action = serializers.JSONField(required=False)
    resource = serializers.JSONField(required=False)
    context = serializers.JSONField(required=False)  # type: ignore[assignment]
    evaluations = serializers.JSONField(required=False, help_text="A list of evaluations")
    options = serializers.JSONField(required=False)


class Answers(serializers.Serializer[Any]):
    """Answers in the order of the questions."""

    evaluations = Answer(many=True)


class Evaluation(APIView):
    """One question, one answer."""

    required_scopes = {"POST": "gate:ask"}

    @extend_schema(
        operation_id="access_evaluation",
        request=Question,
        responses={200: Answer, (400, "application/problem+json"): Problem, (403, "application/problem+json"): Problem},
        examples=[QUESTION, ANSWER],
    )
    def post(self, request: Request) -> HttpResponse:
        """May these bytes run in this environment now?"""
        question = question_from(request, read_json(request._request), door="authzen")
        return final(answer(services.decide(question, asker=request.user)))


class Evaluations(APIView):
    """A batch of questions, answered in the same order."""

    required_scopes = {"POST": "gate:ask"}

    @extend_schema(
        operation_id="access_evaluations",
        request=Questions,
        responses={
            200: Answers,
            (400, "application/problem+json"): Problem,
            (403, "application/problem+json"): Problem,
        },
        examples=[OpenApiExample("Two versions", request_only=True, value={**QUESTION.value, "evaluations": [{}, {}]})],
    )
    def post(self, request: Request) -> HttpResponse:
        """Several questions at once; defaults beside `evaluations` fill what an evaluation leaves out."""
        body = read_json(request._request)
        rows = body.get("evaluations")
        if not rows:
            question = question_from(request, body, door="authzen")
            return final(answer(services.decide(question, asker=request.user)))
        return final(b'{"evaluations":[%s]}' % b",".join(answer(row) for row in decide_all(request, body, rows)))


def decide_all(request: Request, body: dict[str, Any], rows: Any) -> list[Any]:
    """The decisions of a batch, by the semantic asked for. Every question is read before the first is decided."""
    options = body.get("options") or {}
    semantic = options.get("evaluations_semantic", SEMANTICS[0]) if isinstance(options, dict) else None
    if semantic not in SEMANTICS:
        raise BadRequest(f"`options.evaluations_semantic` must be one of {', '.join(SEMANTICS)}.", code="SEMANTIC")
    if not isinstance(rows, list) or len(rows) > MOST_QUESTIONS or not all(isinstance(row, dict) for row in rows):
        raise BadRequest(f"`evaluations` must be a list of at most {MOST_QUESTIONS} objects.", code="EVALUATIONS")
    defaults: dict[str, Any] = {key: body[key] for key in ("subject", "action", "resource", "context") if key in body}
    questions = [question_from(request, {**defaults, **row}, door="authzen") for row in rows]
    decisions = []
    for question in questions:
        decisions.append(services.decide(question, asker=request.user))
        is_last = {SEMANTICS[1]: not decisions[-1].is_allowed, SEMANTICS[2]: decisions[-1].is_allowed}.get(
            semantic, False
        )
        if is_last:
            break
    return decisions


def configuration(request: Any) -> JsonResponse:
    """`/.well-known/authzen-configuration`: where the two calls are."""
    base = settings.BASE_URL
    return JsonResponse(
        {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        }
    )

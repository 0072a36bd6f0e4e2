"""The door for `curl -f`: 200 allow, 403 deny, 503 no decision. The same question, the status is the answer."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.rest import Problem
from apps.gate import services
from apps.gate.doors.asking import answer, final, question_from, read_json
from apps.gate.doors.authzen import ANSWER, QUESTION, Answer, Question
from apps.gate.models import Decision


class Enforce(APIView):
    """Blocks a pipeline by its exit code."""

    required_scopes = {"POST": "gate:ask"}

    @extend_schema(
        operation_id="gate_enforce",
        request=Question,
        responses={200: Answer, (403, "application/problem+json"): Problem, (503, "application/problem+json"): Problem},
        examples=[QUESTION, ANSWER],
    )
    def post(self, request: Request) -> HttpResponse:
        """200 when the bytes may run, 403 with the decision inside when they may not."""
        question = question_from(request, read_json(request._request), door="enforce")
        decision = services.decide(question, asker=request.user)
        if decision.is_allowed:
            return final(answer(decision))
        return final(refusal(request, decision), status=403, content_type="application/problem+json")


def refusal(request: Request, decision: Decision) -> bytes:
    """A deny as problem+json, with the whole decision in it."""
    return answer(
        decision,
        type="/problems/gate-denied",
        title="The gate denies this deployment",
        status=403,
        detail=decision.sentence,
        instance=request.path,
        code=decision.codes[0] if decision.codes else "INTERNAL",
        request_id=decision.request_id,
    )

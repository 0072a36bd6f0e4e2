"""The decision log over HTTP, and each decision as a signed attestation."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import moment
from apps.core.errors import NotFound
from apps.core.rest import ApiView, Problem, ViewSet
from apps.gate import queries
from apps.gate.api.serializers import DecisionFilter, DecisionRow
from apps.gate.attesting import attestation_of
from apps.gate.models import Decision


@moment.shows_past
@extend_schema_view(
    list=extend_schema(summary="The decision log"), retrieve=extend_schema(summary="One decision, whole")
)
class Decisions(ViewSet):
    """Every question that the gate was asked, newest first."""

    queryset = Decision.objects.none()
    serializer_class = DecisionRow
    filterset_class = DecisionFilter
    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    def get_queryset(self) -> Any:
        return queries.until(queries.decisions_for(self.request.user), moment.of(self.request))

    def list(self, request: Request) -> Response:
        """A cursor page of decisions."""
        return self.page_of(self.filter_queryset(queries.decisions_listed(request.user)), DecisionRow)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One decision with everything that was recorded."""
        return Response(DecisionRow(self.get_object(), context={"is_whole": True}).data)


class Attestation(ApiView):
    """SLSA Verification Summary in a DSSE envelope, signed when it is asked for."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT, (404, "application/problem+json"): Problem})
    def get(self, request: Request, pk: str) -> Response:
        """The signed statement about this decision."""
        decision = queries.decisions_for(request.user).filter(pk=pk).first()
        if decision is None or decision.version_id is None or decision.environment_id is None:
            raise NotFound("There is no attestation for this decision: it names no registered version and environment.")
        return Response(attestation_of(decision), content_type="application/json")

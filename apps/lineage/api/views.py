"""The JSON door of lineage: the OpenLineage receiver, the graph and the impact."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import InterfaceError, OperationalError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import BadRequest
from apps.core.rest import ApiView, Problem
from apps.lineage import queries, services
from apps.lineage.api.parsers import RawParser
from apps.lineage.api.serializers import BatchAnswer, GraphAnswer, GraphQuery, ImpactAnswer, ImpactQuery
from apps.lineage.queries.graph import as_answer
from apps.lineage.queries.nodes import dataset_node, version_node
from apps.lineage.services.intake import MAX_BATCH_BYTES, MAX_EVENT_BYTES

WAIT_SECONDS = 5.0
WAIT = OpenApiParameter(
    "wait", str, enum=["projected"], description="Answer when the events are in the graph, at most 5 s"
)
NODE = "dataset:postgres://warehouse:5432:bank.features.credit_features"
EVENT_EXAMPLE = OpenApiExample(
    "A run completed",
    request_only=True,
    value={
        "eventType": "COMPLETE",
        "eventTime": "2026-02-01T08:00:35Z",
        "producer": "https://example.org/ml-platform/0.1.0",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "176ba2f1-f45c-5062-9f81-5db0793737e0"},
        "job": {"namespace": "ml-platform", "name": "build_features"},
        "inputs": [{"namespace": "postgres://warehouse:5432", "name": "bank.public.customers"}],
        "outputs": [{"namespace": "postgres://warehouse:5432", "name": "bank.features.credit_features"}],
    },
)


def settle(request: Request, digests: list[str]) -> None:
    """Project what was just stored; the events are safe already, so a database that goes away now is no refusal."""
    try:
        if request.query_params.get("wait") == "projected":
            services.project_until(digests, seconds=WAIT_SECONDS)
        else:
            services.project_inline()
    except (OperationalError, InterfaceError):
        return


class Receiver(ApiView):
    """`POST /api/v1/lineage`: one OpenLineage event."""

    parser_classes = [RawParser]
    required_scopes: ClassVar[dict[str, str]] = {"POST": "lineage:write"}
    most_bytes = MAX_EVENT_BYTES

    @extend_schema(
        operation_id="lineage_receive",
        summary="Receive one OpenLineage event",
        description="201 with an empty body once the event is durable, also when it came before. gzip is accepted.",
        parameters=[WAIT],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={201: OpenApiResponse(description="Stored"), 400: Problem, 413: Problem, 503: Problem},
        examples=[EVENT_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Store, answer, project."""
        digest = services.receive(body_of(request), actor=request.user)
        settle(request, [digest])
        return Response(status=201)


class BatchReceiver(ApiView):
    """`POST /api/v1/lineage/batch`: an array of events, each on its own."""

    parser_classes = [RawParser]
    required_scopes: ClassVar[dict[str, str]] = {"POST": "lineage:write"}
    most_bytes = MAX_BATCH_BYTES

    @extend_schema(
        operation_id="lineage_receive_batch",
        summary="Receive a batch of OpenLineage events",
        description="At most 1,000 events and 50 MB. A bad event harms no other; the answer names it.",
        parameters=[WAIT],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: BatchAnswer, 400: Problem, 413: Problem, 503: Problem},
        examples=[
            OpenApiExample("Two events", request_only=True, value=[EVENT_EXAMPLE.value, EVENT_EXAMPLE.value]),
            OpenApiExample(
                "One was refused",
                response_only=True,
                status_codes=["200"],
                value={
                    "status": "partial_success",
                    "summary": {"received": 2, "successful": 1, "failed": 1, "retriable": 0, "non_retriable": 1},
                    "failed_events": [
                        {"index": 1, "reason": "'abc' is not a UUID.", "pointer": "/run/runId", "retriable": False}
                    ],
                },
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Store all that can be read, answer per event, project."""
        receipt = services.receive_batch(body_of(request), actor=request.user)
        settle(request, receipt.digests)
        return Response(batch_answer(receipt))


def body_of(request: Request) -> bytes:
    """The unpacked bytes of the request."""
    body = request.data
    if not isinstance(body, bytes) or not body:
        raise BadRequest("The body is empty. Send an OpenLineage event as JSON.", code="JSON_INVALID")
    return body


def batch_answer(receipt: services.BatchReceipt) -> dict[str, Any]:
    """The answer that the OpenLineage specification gives to a batch."""
    good, bad = len(receipt.digests), len(receipt.failed)
    status = "success" if not bad else "partial_success" if good else "failure"
    return {
        "status": status,
        "summary": {"received": good + bad, "successful": good, "failed": bad, "retriable": 0, "non_retriable": bad},
        "failed_events": [
            {"index": index, "reason": reason, "pointer": pointer, "retriable": False}
            for index, reason, pointer in receipt.failed
        ],
    }


class GraphView(ApiView):
    """`GET /api/v1/lineage/graph`."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(
        operation_id="lineage_graph",
        summary="The lineage around a node",
        parameters=[GraphQuery],
        responses={200: GraphAnswer, 400: Problem, 404: Problem},
        examples=[
            OpenApiExample(
                "One step",
                response_only=True,
                value={
                    "root": NODE,
                    "nodes": [
                        {"id": NODE, "type": "dataset", "name": "bank.features.credit_features",
                         "namespace": "postgres://warehouse:5432", "title": "Credit features",
                         "fields": [{"name": "age", "type": "INT", "classification": "personal"}]},
                    ],
                    "edges": [
                        {"from": "dataset:postgres://warehouse:5432:bank.public.customers", "to": NODE, "type": "dataset",
                         "basis": "column", "job": "job:ml-platform:build_features",
                         "first_seen": "2026-02-01T08:00:28Z", "last_seen": "2026-02-01T08:00:35Z"},
                    ],
                    "truncated": False,
                    "beyond": 0,
                },
            )
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Datasets, columns, edges with their basis, and the model versions that hang on them."""
        asked = GraphQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        node = queries.find_node(values["node"], user=request.user)
        found = queries.graph(
            node,
            direction=values["direction"],
            depth=values["depth"],
            as_of=values.get("as_of"),
            user=request.user,
        )
        return Response(as_answer(found))


class ImpactView(ApiView):
    """`GET /api/v1/lineage/impact`."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(
        operation_id="lineage_impact",
        summary="Model versions and deployments that a change of data reaches",
        description="Never an empty list without a statement of completeness.",
        parameters=[ImpactQuery],
        responses={200: ImpactAnswer, 400: Problem, 404: Problem},
    )
    def get(self, request: Request) -> Response:
        """Hits with path and strength, and how complete that is."""
        asked = ImpactQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        node = queries.find_node(values["node"], user=request.user)
        if values.get("column") and node.dataset is not None:
            node = queries.column_of(node.dataset, values["column"])
        found = queries.impact(node, user=request.user, version=values.get("version", ""), as_of=values.get("as_of"))
        return Response(impact_answer(found))


def impact_answer(found: queries.Impact) -> dict[str, Any]:
    """The impact in the API's words."""
    said = found.completeness
    return {
        "node": found.node.id,
        "sentence": found.sentence,
        "hits": [hit_answer(hit) for hit in found.hits],
        "hidden": found.hidden,
        "unlinked_models": [dataset_node(dataset) for dataset in found.unlinked_models],
        "reached": found.reached,
        "truncated": found.is_truncated,
        "completeness": {
            "known": said.is_known,
            "complete": said.is_complete,
            "sentence": said.sentence,
            "edges": said.edges,
            "jobs": said.jobs,
            "jobs_with_errors": said.jobs_with_errors,
            "jobs_unfinished": said.jobs_unfinished,
            "oldest_seen": said.oldest_seen,
        },
    }


def hit_answer(hit: Any) -> dict[str, Any]:
    """One affected model version with where it runs."""
    return {
        "id": version_node(hit.version.pk),
        "type": "model_version",
        "model": hit.version.model.slug,
        "version": hit.version.version,
        "title": str(hit.version),
        "strength": hit.strength,
        "basis": hit.basis,
        "depth": hit.depth,
        "path": hit.path,
        "roles": hit.roles,
        "owner": str(hit.version.model.owner),
        "deployments": [
            {"id": str(row.pk), "environment": row.environment.slug, "state": row.state, "since": row.started_at}
            for row in hit.deployments
        ],
    }

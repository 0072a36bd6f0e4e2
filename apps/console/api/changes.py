"""The differences between two versions over HTTP, as the page of changes shows them."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.console import comparison
from apps.console.queries import versions as version_queries
from apps.core import moment
from apps.core.rest import ApiView
from apps.registry.queries import version_for


class DifferenceRow(serializers.Serializer[Any]):
    """What it is, before, after, and the change in a word."""

    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    change = serializers.CharField()


class SectionRow(serializers.Serializer[Any]):
    """Differences of one kind, and how many rows are equal."""

    key = serializers.CharField()
    title = serializers.CharField()
    equal = serializers.IntegerField()
    rows = DifferenceRow(many=True)


class ChangesReply(serializers.Serializer[Any]):
    """Two versions side by side. `before` is null for the first version of a model."""

    before = serializers.CharField(allow_null=True)
    after = serializers.CharField()
    summary = serializers.CharField()
    sections = SectionRow(many=True)


@moment.shows_past
class Changes(ApiView):
    """What differs between a version and another one of its model."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @describe(
        "Changes of a version",
        answers=ChangesReply,
        refuses=(404,),
        parameters=[
            OpenApiParameter("with", str, description="The other version; left out: the one in production, or before."),
            OpenApiParameter("all", bool, description="Rows that are equal too."),
        ],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Measured numbers, requirements, training, features, data and approval: what differs, now or as it stood."""
        at = moment.of(request)
        shown = version_for(request.user, pk, at=at)
        others = version_queries.siblings(shown, at=at)
        other = version_queries.other_version(shown, request.query_params.get("with", ""), others, at)
        show_all = request.query_params.get("all", "") in {"1", "true"}
        sections = version_queries.compared(shown, other, show_equal=show_all, at=at) if other else []
        found = {
            "before": other.version if other else None,
            "after": shown.version,
            "summary": comparison.summary(sections),
            "sections": [section for section in sections if section.rows],
        }
        return Response(ChangesReply(found).data)

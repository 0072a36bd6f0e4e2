"""A decision as JSON."""

import json
from typing import Any

import django_filters
from rest_framework import serializers

from apps.gate.doors.asking import answer
from apps.gate.models import Decision


class DecisionFilter(django_filters.FilterSet):
    """?outcome=&environment=&version=&code=&asked_after=&asked_before="""

    environment = django_filters.CharFilter(field_name="environment__slug")
    version = django_filters.UUIDFilter(field_name="version_id")
    code = django_filters.CharFilter(field_name="codes", lookup_expr="contains")
    asked_after = django_filters.IsoDateTimeFilter(field_name="asked_at", lookup_expr="gte")
    asked_before = django_filters.IsoDateTimeFilter(field_name="asked_at", lookup_expr="lt")

    class Meta:
        model = Decision
        fields = ["outcome", "door", "is_allowed", "is_dry_run"]


class DecisionRow(serializers.ModelSerializer[Decision]):
    """One row of the log; `answer` and the facts only when one decision is asked for."""

    environment = serializers.CharField(source="environment_given")
    version = serializers.UUIDField(source="version_id", allow_null=True)
    model = serializers.CharField(source="version.model.slug", default=None)
    asked_by = serializers.CharField(source="asked_by.username", default=None)
    answer = serializers.SerializerMethodField()

    class Meta:
        model = Decision
        fields = [
            "id", "digest", "asked_at", "judged_at", "expires_at", "door", "action", "asked_by", "environment", "mode", "outcome",
            "is_allowed", "is_dry_run", "codes", "sentence", "artifact_digest", "resolved_by", "version", "model", "policy_name",
            "policy_version", "policy_digest", "assessment_id", "assessment_digest", "deployment_id", "request_id", "timing", "answer",
        ]  # fmt: skip

    def get_answer(self, decision: Decision) -> dict[str, Any] | None:
        """What the caller was told."""
        return json.loads(answer(decision)) if self.context.get("is_whole") else None

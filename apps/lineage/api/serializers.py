"""The words of the lineage API: what questions may hold and what answers look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.lineage.queries.graph import DEPTHS


class GraphQuery(serializers.Serializer[Any]):
    """Parameters of the graph."""

    node = serializers.CharField(
        max_length=4000, help_text="dataset:{namespace}:{name}, datasetField:…, job:… or version:{id}"
    )
    direction = serializers.ChoiceField(choices=["up", "down", "both"], default="both")
    depth = serializers.IntegerField(min_value=DEPTHS[0], max_value=DEPTHS[1], default=2)
    as_of = serializers.DateTimeField(required=False, help_text="The graph as it was believed at this moment")


class ImpactQuery(serializers.Serializer[Any]):
    """Parameters of the impact."""

    node = serializers.CharField(max_length=4000)
    column = serializers.CharField(
        max_length=2000, required=False, help_text="A column of the dataset that `node` names"
    )
    version = serializers.CharField(max_length=300, required=False, help_text="Key of one version of that dataset")
    as_of = serializers.DateTimeField(required=False)


class GraphNode(serializers.Serializer[Any]):
    """A dataset with its columns, a job, a model version or a deployment."""

    id = serializers.CharField()
    type = serializers.ChoiceField(choices=["dataset", "job", "model_version", "deployment"])
    name = serializers.CharField()
    namespace = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    fields_ = serializers.ListField(child=serializers.DictField(), required=False, source="fields")

    def get_fields(self) -> dict[str, Any]:
        """`fields` is the answer's word for columns, and a name that serializers keep for themselves."""
        found = super().get_fields()
        found["fields"] = serializers.ListField(child=serializers.DictField(), required=False)
        found.pop("fields_", None)
        return found


class GraphEdge(serializers.Serializer[Any]):
    """From where to where, and why we believe it."""

    to = serializers.CharField()
    type = serializers.ChoiceField(choices=["dataset", "field", "model_version", "deployment", "job"])
    basis = serializers.ChoiceField(choices=["explicit", "column", "cartesian", "declared", "manual"])
    job = serializers.CharField(allow_null=True, required=False)
    transformation = serializers.DictField(required=False)
    first_seen = serializers.DateTimeField(required=False)
    last_seen = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        return {"from": serializers.CharField(), **super().get_fields()}


class GraphAnswer(serializers.Serializer[Any]):
    """The neighbourhood of a node."""

    root = serializers.CharField()
    nodes = GraphNode(many=True)
    edges = GraphEdge(many=True)
    truncated = serializers.BooleanField()
    beyond = serializers.IntegerField(help_text="Datasets one step further that are not in this answer")


class ImpactHit(serializers.Serializer[Any]):
    """A model version that is reached."""

    id = serializers.CharField()
    type = serializers.CharField()
    model = serializers.CharField()
    version = serializers.CharField()
    strength = serializers.ChoiceField(choices=["none", "possible", "likely", "certain"])
    basis = serializers.CharField()
    depth = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField())
    owner = serializers.CharField()
    deployments = serializers.ListField(child=serializers.DictField())


class CompletenessAnswer(serializers.Serializer[Any]):
    """How much of the answer rests on what."""

    known = serializers.BooleanField(
        help_text="False: no lineage was received, which is not the same as nothing downstream"
    )
    complete = serializers.BooleanField()
    sentence = serializers.CharField()
    edges = serializers.DictField(child=serializers.IntegerField())
    jobs = serializers.IntegerField()
    jobs_with_errors = serializers.IntegerField()
    jobs_unfinished = serializers.IntegerField()
    oldest_seen = serializers.DateTimeField(allow_null=True)


class ImpactAnswer(serializers.Serializer[Any]):
    """Who is hit."""

    node = serializers.CharField()
    sentence = serializers.CharField()
    hits = ImpactHit(many=True)
    hidden = serializers.IntegerField(help_text="Affected versions that the caller may not see")
    unlinked_models = serializers.ListField(child=serializers.CharField())
    reached = serializers.IntegerField()
    truncated = serializers.BooleanField()
    completeness = CompletenessAnswer()


class FailedEvent(serializers.Serializer[Any]):
    """One event of a batch that was not taken."""

    index = serializers.IntegerField()
    reason = serializers.CharField()
    pointer = serializers.CharField()
    retriable = serializers.BooleanField()


class BatchAnswer(serializers.Serializer[Any]):
    """The answer of the OpenLineage specification to a batch."""

    status = serializers.ChoiceField(choices=["success", "partial_success", "failure"])
    summary = serializers.DictField(child=serializers.IntegerField())
    failed_events = FailedEvent(many=True)

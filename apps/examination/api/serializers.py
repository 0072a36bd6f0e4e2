"""What callers of the auditor's room send and get."""

from typing import Any

from rest_framework import serializers

from apps.core.rest import StrictSerializer
from apps.examination.models import InformationRequest, Sample


class ChainLink(serializers.Serializer[Any]):
    """One record of a trace."""

    kind = serializers.CharField()
    id = serializers.CharField()
    title = serializers.CharField()
    note = serializers.CharField()
    state = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    digest = serializers.CharField()
    is_unchanged = serializers.BooleanField(
        allow_null=True, help_text="Hashed again now; null where an entry alone binds it"
    )
    entry = serializers.IntegerField(allow_null=True, help_text="Its number in the log")


class TraceReply(serializers.Serializer[Any]):
    """Deployment, decision, signatures, evidence, policy and waivers, each with its digest and entry."""

    version = serializers.UUIDField(source="version.pk")
    version_name = serializers.CharField(source="version")
    artifact_digest = serializers.CharField(source="version.artifact_digest")
    deployment = serializers.UUIDField(source="deployment.pk", default=None, allow_null=True)
    environment = serializers.CharField(source="deployment.environment.slug", default=None, allow_null=True)
    review = serializers.UUIDField(source="review.pk", default=None, allow_null=True)
    sentence = serializers.CharField()
    decision = ChainLink(source="decided", allow_null=True)
    assessment = ChainLink(allow_null=True)
    manifest = ChainLink(allow_null=True)
    policy = ChainLink(allow_null=True)
    signatures = ChainLink(many=True)
    evidence = ChainLink(many=True)
    waivers = ChainLink(many=True)
    moves = ChainLink(many=True)
    outcomes = serializers.DictField(child=serializers.IntegerField())


class PopulationFilter(StrictSerializer):
    """Which decisions count as the population."""

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python, so the fields are made here."""
        return {
            "from": serializers.DateField(required=False),
            "until": serializers.DateField(required=False),
            "environment": serializers.SlugField(required=False, max_length=80),
            "dry_runs": serializers.BooleanField(required=False),
        }


class SampleRequest(StrictSerializer):
    """A sample to draw."""

    title = serializers.CharField(max_length=200)
    size = serializers.IntegerField(min_value=1, max_value=1000)
    least = serializers.IntegerField(min_value=0, max_value=1000, default=1)
    seed = serializers.CharField(max_length=64, default="", allow_blank=True)
    filter = PopulationFilter(default=dict)


class StratumReply(serializers.Serializer[Any]):
    """One stratum, counted."""

    tier = serializers.CharField()
    outcome = serializers.CharField()
    population = serializers.IntegerField()
    taken = serializers.IntegerField()


class SampleReply(serializers.ModelSerializer[Sample]):
    """A sample without its rows; `url` has them."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    reference = serializers.CharField()
    drawn_by = serializers.CharField(source="drawn_by.username")
    drawn_at = serializers.DateTimeField(source="created_at")
    filter = serializers.JSONField(source="wanted")
    strata = StratumReply(many=True)
    taken = serializers.SerializerMethodField()

    class Meta:
        model = Sample
        fields = ["id", "url", "page", "reference", "title", "digest", "seed", "size", "least", "filter", "population",
                  "population_digest", "strata", "taken", "drawn_by", "drawn_at"]  # fmt: skip

    def get_url(self, sample: Sample) -> str:
        """Where the rows are."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/samples/{sample.pk}"))

    def get_page(self, sample: Sample) -> str:
        """Its page."""
        return str(self.context["request"].build_absolute_uri(f"/samples/{sample.pk}/"))

    def get_taken(self, sample: Sample) -> int:
        """How many decisions were drawn."""
        return len(sample.chosen)


class RowReply(serializers.Serializer[Any]):
    """One decision of a sample."""

    number = serializers.IntegerField()
    decision = serializers.UUIDField()
    asked_at = serializers.DateTimeField()
    outcome = serializers.CharField()
    tier = serializers.CharField()
    environment = serializers.CharField()
    model = serializers.CharField()
    version = serializers.CharField()
    artifact_digest = serializers.CharField()
    policy = serializers.CharField()
    asked_by = serializers.CharField()
    codes = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField()
    digest = serializers.CharField()
    is_unchanged = serializers.BooleanField()
    entry = serializers.IntegerField(allow_null=True)
    url = serializers.CharField()
    trace_url = serializers.CharField()


class TotalsReply(serializers.Serializer[Any]):
    """Control totals."""

    population = serializers.IntegerField()
    population_digest = serializers.CharField()
    taken = serializers.IntegerField()
    strata = StratumReply(many=True)


class SampleWhole(serializers.Serializer[Any]):
    """A sample with its rows and control totals; reading it is told to the log."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    title = serializers.CharField()
    digest = serializers.CharField()
    drawn_by = serializers.CharField()
    drawn_at = serializers.DateTimeField()
    seed = serializers.CharField()
    size = serializers.IntegerField()
    least = serializers.IntegerField()
    filter = serializers.JSONField()
    method = serializers.CharField()
    totals = TotalsReply()
    rows = RowReply(many=True)


class AskRequest(StrictSerializer):
    """Something to ask a person for."""

    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=4000)
    due_on = serializers.DateField()
    assigned_to = serializers.CharField(max_length=150, help_text="User name")


class AnswerRequest(StrictSerializer):
    """A text, a link, or both."""

    text = serializers.CharField(max_length=8000, default="", allow_blank=True)
    link = serializers.URLField(max_length=1000, default="", allow_blank=True)


class VerdictRequest(StrictSerializer):
    """What was looked at, or what is missing."""

    reason = serializers.CharField(max_length=4000, default="", allow_blank=True)


class AnswerReply(serializers.Serializer[Any]):
    """One answer."""

    id = serializers.UUIDField()
    text = serializers.CharField()
    link = serializers.CharField()
    by = serializers.CharField(source="by.username")
    at = serializers.DateTimeField(source="created_at")
    digest = serializers.CharField()


class InformationReply(serializers.ModelSerializer[InformationRequest]):
    """A request with its answers."""

    url = serializers.SerializerMethodField()
    reference = serializers.CharField()
    asked_by = serializers.CharField(source="asked_by.username")
    assigned_to = serializers.CharField(source="assigned_to.username")
    accepted_by = serializers.CharField(source="accepted_by.username", default=None, allow_null=True)
    is_overdue = serializers.SerializerMethodField()
    answers = AnswerReply(many=True)

    class Meta:
        model = InformationRequest
        fields = ["id", "url", "reference", "title", "text", "due_on", "state", "is_overdue", "asked_by", "assigned_to",
                  "created_at", "accepted_by", "accepted_at", "answers"]  # fmt: skip

    def get_url(self, asked: InformationRequest) -> str:
        """Its address."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/requests/{asked.pk}"))

    def get_is_overdue(self, asked: InformationRequest) -> bool:
        """Whether its day has passed and nobody has answered."""
        return asked.is_overdue(self.context["today"])


class ReadingReply(serializers.Serializer[Any]):
    """Something that was read or downloaded."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    verb = serializers.CharField()
    subject = serializers.CharField()
    facts = serializers.DictField()
    entry = serializers.IntegerField(source="seq", allow_null=True)

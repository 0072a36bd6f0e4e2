"""What callers send to evidence, and what it answers with."""

from typing import Any

from rest_framework import serializers

from apps.core.rest import StrictSerializer
from apps.evidence.models import CheckRun, Document, Evidence, EvidenceMark
from apps.evidence.queries import standing_of


class ChecksRequest(StrictSerializer):
    """Keys of checks, or "required" for every check that this version has data for; parameters per check key."""

    checks = serializers.JSONField(help_text='A list of check keys, or "required".')
    params = serializers.DictField(child=serializers.DictField(), required=False, default=dict)

    def validate_checks(self, value: Any) -> list[str] | str:
        """A list of keys, or the one word."""
        if value == "required":
            return "required"
        if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
            raise serializers.ValidationError('Send a list of check keys, or "required".')
        return value


class EvidenceRequest(StrictSerializer):
    """Evidence made elsewhere or attested. The server sets its source: files or a service account make it submitted."""

    type = serializers.CharField(max_length=80)
    fields = serializers.DictField(required=False, default=dict)  # type: ignore[assignment]
    summary = serializers.CharField(max_length=4000)
    dated = serializers.DateField(required=False, allow_null=True, default=None)
    valid_until = serializers.DateField(required=False, allow_null=True, default=None)


class TestsRequest(StrictSerializer):
    """A report of tests in JUnit's XML, as text, with the name under which its file is kept."""

    report = serializers.CharField(max_length=5 * 1024 * 1024, trim_whitespace=False)
    name = serializers.CharField(max_length=200, default="tests.xml")
    title = serializers.CharField(
        max_length=200, required=False, default="",
        help_text="What was tested. A report replaces an earlier one of the same name; those of other names count together with it",
    )  # fmt: skip
    dated = serializers.DateField(required=False, allow_null=True, default=None)


class MarkRequest(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=4000)


class DocumentRequest(StrictSerializer):
    """Hand-written reasons, as plain text."""

    section = serializers.ChoiceField(Document.Section.choices)
    title = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=100_000)


class RunReply(serializers.ModelSerializer[CheckRun]):
    """One check that was asked for."""

    check = serializers.CharField(source="check_key")

    class Meta:
        model = CheckRun
        fields = ("id", "check", "params", "state", "error", "error_code", "created_at", "started_at", "finished_at")
        read_only_fields = fields


class JobReply(serializers.Serializer[Any]):
    """Where the work can be followed."""

    id = serializers.UUIDField()
    url = serializers.CharField()


class RunsReply(serializers.Serializer[Any]):
    """The checks asked for and the jobs that do them."""

    runs = RunReply(many=True)
    jobs = JobReply(many=True)


class MarkReply(serializers.ModelSerializer[EvidenceMark]):
    """What somebody made of an item."""

    by = serializers.CharField(source="by.printed_name")

    class Meta:
        model = EvidenceMark
        fields = ("id", "kind", "reason", "by", "created_at", "digest")
        read_only_fields = fields


class EvidenceSummary(serializers.ModelSerializer[Evidence]):
    """One item in a list."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    check = serializers.CharField(source="check_key")
    standing = serializers.SerializerMethodField()
    received_at = serializers.DateTimeField(source="created_at")
    produced_by = serializers.CharField(source="produced_by.printed_name", default=None)
    result_digest = serializers.CharField()

    class Meta:
        model = Evidence
        fields: tuple[str, ...] = (
            "id", "url", "page", "title", "summary", "types", "check", "source", "standing", "dated", "received_at",
            "valid_until", "produced_by", "digest", "result_digest",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, item: Evidence) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/evidence/{item.pk}"))

    def get_page(self, item: Evidence) -> str:
        """Where people see it."""
        return str(self.context["request"].build_absolute_uri(f"/evidence/{item.pk}/"))

    def get_standing(self, item: Evidence) -> str:
        """accepted, flagged, withdrawn or waiting."""
        return standing_of(item)


class EvidenceReply(EvidenceSummary):
    """One item, whole."""

    version = serializers.UUIDField(source="version_id")
    marks = MarkReply(many=True)
    figures = serializers.SerializerMethodField()

    class Meta(EvidenceSummary.Meta):
        fields = (
            *EvidenceSummary.Meta.fields, "version", "metrics", "tables", "figures", "limits", "inputs", "method", "files", "marks",
        )  # fmt: skip
        read_only_fields = fields

    def get_figures(self, item: Evidence) -> list[dict[str, Any]]:
        """Figures as specifications; the drawing is on the page."""
        return [{key: value for key, value in figure.items() if key not in {"svg", "slim"}} for figure in item.figures]


class DocumentReply(serializers.ModelSerializer[Document]):
    """Hand-written reasons."""

    author = serializers.CharField(source="author.printed_name")

    class Meta:
        model = Document
        fields = ("id", "section", "title", "body", "author", "created_at", "digest")
        read_only_fields = fields


class EvidenceFieldReply(serializers.Serializer[Any]):
    """One field of an evidence type."""

    name = serializers.CharField()
    title = serializers.CharField(help_text="What people read")
    type = serializers.CharField()
    computed_by = serializers.CharField(allow_null=True, help_text="The check that measures it; null: attested")


class TypeReply(serializers.Serializer[Any]):
    """One evidence type of the catalogue."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    scope = serializers.CharField()
    produced_by = serializers.CharField()
    is_record = serializers.BooleanField()
    fields = EvidenceFieldReply(many=True)  # type: ignore[assignment]


class ParameterReply(serializers.Serializer[Any]):
    """One parameter of a check, as the form shows it."""

    name = serializers.CharField()
    title = serializers.CharField(help_text="What people read")
    hint = serializers.CharField(help_text="What it does, or what leaving it out means")
    expected = serializers.CharField(help_text='What a value has to be: "a number from 0 to 1"')
    names = serializers.CharField(
        allow_blank=True,
        help_text="What a value names: columns of the data, versions of the model, references to compare with",
    )
    default = serializers.JSONField()


class CheckReply(serializers.Serializer[Any]):
    """One check: what it measures and what it fills."""

    key = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    reads = serializers.ListField(child=serializers.CharField())
    needs_endpoint = serializers.BooleanField()
    fills = serializers.ListField(child=serializers.CharField())
    metrics = serializers.ListField(child=serializers.DictField())
    params = serializers.DictField(help_text="Every parameter with its default")
    parameters = ParameterReply(many=True)

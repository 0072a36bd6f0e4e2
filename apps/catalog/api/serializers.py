"""Shapes of the catalog in the API. None of them writes."""

from django.core.validators import RegexValidator
from rest_framework import serializers

from apps.catalog.models import Dataset, DatasetVersion
from apps.core.rest import StrictSerializer

sha256 = RegexValidator(r"^[0-9a-f]{64}$", "A sha256 is 64 hexadecimal digits in lower case.")


class TermsRequest(StrictSerializer):
    """Under which conditions, for which purposes and until when data may be used."""

    terms = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    permitted_purposes = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, default=list, max_length=100
    )
    terms_end_on = serializers.DateField(required=False, allow_null=True, default=None)
    lawful_basis = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    retention = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class TermsChange(TermsRequest):
    """The new terms, whole, and why."""

    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class DatasetRequest(TermsRequest):
    """A dataset to govern. `owner` is a user name; the caller when left out."""

    namespace = serializers.CharField(max_length=500)
    name = serializers.CharField(max_length=1000)
    title = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    description = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    kind = serializers.ChoiceField(Dataset.Kind.choices, default=Dataset.Kind.OTHER)
    owner = serializers.CharField(max_length=150, required=False)
    provenance = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    collection = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)


class DatasetReply(serializers.ModelSerializer[Dataset]):
    """A dataset. One that nobody registered is known from lineage only: `is_governed` is false."""

    owner = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields = (
            "id", "url", "namespace", "name", "title", "description", "kind", "state", "is_governed", "owner", "provenance",
            "collection", "terms", "permitted_purposes", "terms_end_on", "lawful_basis", "retention", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, dataset: Dataset) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/datasets/{dataset.pk}"))


class DatasetVersionRequest(StrictSerializer):
    """A state of a dataset to declare."""

    key = serializers.CharField(max_length=300)
    sha256 = serializers.CharField(required=False, default="", allow_blank=True, validators=[sha256])
    uri = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    rows = serializers.IntegerField(min_value=0, max_value=2**53 - 1, required=False, allow_null=True, default=None)
    valid_from = serializers.DateTimeField(required=False, allow_null=True, default=None)


class DatasetVersionReply(serializers.ModelSerializer[DatasetVersion]):
    """A state of a dataset."""

    dataset = serializers.UUIDField(source="dataset_id")
    url = serializers.SerializerMethodField()

    class Meta:
        model = DatasetVersion
        fields = ("id", "url", "dataset", "key", "origin", "sha256", "uri", "rows", "schema_hash", "valid_from")
        read_only_fields = fields

    def get_url(self, version: DatasetVersion) -> str:
        """Where this answer is found again."""
        address = f"/api/v1/datasets/{version.dataset_id}/versions/{version.pk}"
        return str(self.context["request"].build_absolute_uri(address))

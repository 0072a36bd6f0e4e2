"""What the registry answers with. Every object says where it is found again (`url`) and where its page is (`page`)."""

from typing import Any

from rest_framework import serializers

from apps.catalog.models import Field
from apps.registry.models import (
    ArtifactAlias,
    DatasetLink,
    Deployment,
    Environment,
    Involvement,
    Kpi,
    Model,
    ModelVersion,
    UseCase,
)


class Addressed(serializers.Serializer[Any]):
    """Adds `url`, the address of an object in the API; with `page` where people see it."""

    url = serializers.SerializerMethodField()

    def address(self, obj: Any) -> str:
        """The path below /api/v1/."""
        raise NotImplementedError(f"{type(self).__name__} has no address()")

    def absolute(self, path: str) -> str:
        """A path of this installation as a whole address."""
        return str(self.context["request"].build_absolute_uri(path))

    def get_url(self, obj: Any) -> str:
        """Where this answer is found again."""
        return self.absolute(f"/api/v1/{self.address(obj)}")


class Paged(Addressed):
    """An object with a page."""

    page = serializers.SerializerMethodField()

    def page_path(self, obj: Any) -> str:
        """The path of the page."""
        raise NotImplementedError(f"{type(self).__name__} has no page_path()")

    def get_page(self, obj: Any) -> str:
        """Where people see it."""
        return self.absolute(self.page_path(obj))


class KpiReply(serializers.ModelSerializer[Kpi]):
    """A measure of a use case."""

    class Meta:
        model = Kpi
        fields = ("name", "target", "measure", "unit", "baseline_name", "baseline_value", "direction")
        read_only_fields = fields


class UseCaseReply(Paged, serializers.ModelSerializer[UseCase]):
    """A use case with its facts and tier."""

    owner = serializers.SlugRelatedField("username", read_only=True)
    tier_confirmed_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    is_tier_confirmed = serializers.BooleanField(read_only=True)
    kpis = KpiReply(many=True, read_only=True)

    class Meta:
        model = UseCase
        fields = (
            "id", "url", "page", "slug", "title", "purpose", "objective", "people_affected", "owner", "facts", "tier",
            "proposed_tier", "is_tier_confirmed", "tier_confirmed_by", "tier_confirmed_at", "tier_reason", "kpis",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def address(self, obj: UseCase) -> str:
        """The path below /api/v1/."""
        return f"use-cases/{obj.slug}"

    def page_path(self, obj: UseCase) -> str:
        """The path of the page."""
        return f"/use-cases/{obj.slug}/"


class ModelReply(Paged, serializers.ModelSerializer[Model]):
    """A model."""

    use_case = serializers.SlugRelatedField("slug", read_only=True)
    owner = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Model
        fields = (
            "id", "url", "page", "slug", "name", "use_case", "purpose", "owner", "state", "proposed_state", "created_at"
        )  # fmt: skip
        read_only_fields = fields

    def address(self, obj: Model) -> str:
        """The path below /api/v1/."""
        return f"models/{obj.slug}"

    def page_path(self, obj: Model) -> str:
        """The path of the page."""
        return f"/models/{obj.slug}/"


class AliasReply(serializers.ModelSerializer[ArtifactAlias]):
    """A digest by which the gate finds the version too."""

    class Meta:
        model = ArtifactAlias
        fields = ("kind", "digest")
        read_only_fields = fields


class LinkReply(serializers.ModelSerializer[DatasetLink]):
    """A state of a dataset that a version is tied to."""

    dataset = serializers.UUIDField(source="dataset_version.dataset_id")
    namespace = serializers.CharField(source="dataset_version.dataset.namespace")
    name = serializers.CharField(source="dataset_version.dataset.name")
    version = serializers.CharField(source="dataset_version.key")

    class Meta:
        model = DatasetLink
        fields = (
            "id", "dataset", "namespace", "name", "version", "role", "uri", "sha256", "target", "prediction", "score"
        )  # fmt: skip
        read_only_fields = fields


class VersionSummary(Paged, serializers.ModelSerializer[ModelVersion]):
    """A version in a list."""

    model = serializers.CharField(source="model.slug")
    use_case = serializers.CharField(source="model.use_case.slug")
    created_by = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = (
            "id", "url", "page", "model", "use_case", "version", "artifact_digest", "artifact_format", "reason",
            "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def address(self, obj: ModelVersion) -> str:
        """The path below /api/v1/."""
        return f"versions/{obj.pk}"

    def page_path(self, obj: ModelVersion) -> str:
        """The path of the page."""
        return f"/models/{obj.model.slug}/versions/{obj.version}/"


class VersionReply(VersionSummary):
    """A version, whole."""

    aliases = AliasReply(many=True, read_only=True)
    datasets = LinkReply(source="dataset_links", many=True, read_only=True)

    class Meta(VersionSummary.Meta):
        fields = (
            *VersionSummary.Meta.fields, "artifact_uri", "artifact_files", "aliases", "image", "training", "features",
            "datasets", "endpoint", "output", "reason_note", "digest",
        )  # fmt: skip
        read_only_fields = fields


class InvolvementReply(serializers.ModelSerializer[Involvement]):
    """What a person did to a version."""

    user = serializers.SlugRelatedField("username", read_only=True)
    at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Involvement
        fields = ("user", "capacity", "at")
        read_only_fields = fields


class EnvironmentReply(Addressed, serializers.ModelSerializer[Environment]):
    """A place where versions run."""

    class Meta:
        model = Environment
        fields = ("id", "url", "slug", "name", "is_production", "mode", "created_at")
        read_only_fields = fields

    def address(self, obj: Environment) -> str:
        """The path below /api/v1/."""
        return f"environments/{obj.slug}"


class DeploymentReply(Addressed, serializers.ModelSerializer[Deployment]):
    """A version in an environment over time."""

    version = serializers.UUIDField(source="version_id")
    model = serializers.CharField(source="version.model.slug")
    version_name = serializers.CharField(source="version.version")
    environment = serializers.CharField(source="environment.slug")
    decision = serializers.UUIDField(source="decision_id", allow_null=True)

    class Meta:
        model = Deployment
        fields = (
            "id", "url", "version", "model", "version_name", "environment", "artifact_digest", "state", "decision",
            "authorised_at", "started_at", "ended_at", "end_reason",
        )  # fmt: skip
        read_only_fields = fields

    def address(self, obj: Deployment) -> str:
        """The path below /api/v1/."""
        return f"deployments/{obj.pk}"


class FieldReply(serializers.ModelSerializer[Field]):
    """A column of a dataset."""

    name = serializers.CharField(source="path")
    protected = serializers.BooleanField(source="is_protected")
    masked = serializers.BooleanField(source="is_masked")

    class Meta:
        model = Field
        fields = (
            "id", "name", "type", "ordinal", "classification", "protected", "privileged", "masked", "is_declared",
            "description",
        )  # fmt: skip
        read_only_fields = fields

"""What callers send to the registry. The replies are in `replies.py`; none of them writes."""

import math
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from apps.catalog.models import Classification
from apps.core.rest import StrictSerializer
from apps.registry.models import DatasetLink, Environment, Kpi, Model

LARGEST = 2**53 - 1
slug = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*$", "Small letters and digits with single dashes between them.")


class FiniteFloat(serializers.FloatField):
    """A number that is neither infinite nor undefined."""

    def to_internal_value(self, data: Any) -> float:
        """The number, or a refusal."""
        number = float(super().to_internal_value(data))
        if not math.isfinite(number):
            raise serializers.ValidationError("This is not a finite number.")
        return number


class KpiRequest(StrictSerializer):
    """A measure with its target and the named baseline it is compared with."""

    name = serializers.CharField(max_length=120)
    target = FiniteFloat()
    measure = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    unit = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    baseline_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    baseline_value = FiniteFloat(required=False, allow_null=True, default=None)
    direction = serializers.ChoiceField(Kpi.Direction.choices, default=Kpi.Direction.HIGHER)


class KpisRequest(StrictSerializer):
    """All measures of a use case."""

    kpis = KpiRequest(many=True, max_length=50)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class UseCaseRequest(StrictSerializer):
    """A use case. Title, purpose and owner are enough; the slug follows from the title, the owner is the caller."""

    title = serializers.CharField(max_length=200)
    purpose = serializers.CharField(max_length=10_000)
    slug = serializers.CharField(max_length=80, required=False, default="", allow_blank=True, validators=[slug])
    owner = serializers.CharField(max_length=150, required=False)
    objective = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    people_affected = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    kpis = KpiRequest(many=True, required=False, default=list, max_length=50)


class UseCaseChange(StrictSerializer):
    """What is to change; what is left out stays."""

    title = serializers.CharField(max_length=200, required=False)
    purpose = serializers.CharField(max_length=10_000, required=False)
    objective = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    people_affected = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=150, required=False)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class ModelRequest(StrictSerializer):
    """A model for a use case, which is given by slug or id."""

    name = serializers.CharField(max_length=200)
    use_case = serializers.CharField(max_length=80)
    slug = serializers.CharField(max_length=80, required=False, default="", allow_blank=True, validators=[slug])
    purpose = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    owner = serializers.CharField(max_length=150, required=False)


class OwnerRequest(StrictSerializer):
    """The new owner and why."""

    owner = serializers.CharField(max_length=150)
    reason = serializers.CharField(max_length=2000)


class StateRequest(StrictSerializer):
    """Where a model should stand in the inventory, and why."""

    state = serializers.ChoiceField(Model.State.choices)
    reason = serializers.CharField(max_length=2000)


class FileRequest(StrictSerializer):
    """One file of an artifact."""

    path = serializers.CharField(max_length=1000, trim_whitespace=False)
    size = serializers.IntegerField(min_value=0, max_value=LARGEST)
    sha256 = serializers.CharField(max_length=64)


class ArtifactRequest(StrictSerializer):
    """The bytes of a version: their files, or one digest."""

    uri = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    format = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    files = FileRequest(many=True, required=False, default=list, max_length=10_000)
    digest = serializers.CharField(max_length=71, required=False, default="", allow_blank=True)


class LinkRequest(StrictSerializer):
    """A state of a dataset and what it was to the version."""

    namespace = serializers.CharField(max_length=500)
    name = serializers.CharField(max_length=1000)
    version = serializers.CharField(max_length=300)
    role = serializers.ChoiceField(DatasetLink.Role.choices)
    uri = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    sha256 = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    target = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    prediction = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    score = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class TrainingRequest(StrictSerializer):
    """How a version was trained."""

    run_id = serializers.CharField(max_length=200, required=False, allow_blank=True)
    code_commit = serializers.CharField(max_length=200, required=False, allow_blank=True)
    environment_lock = serializers.CharField(max_length=200_000, required=False, allow_blank=True)
    seed = serializers.JSONField(required=False, allow_null=True)
    parameters = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    metrics = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)


class EndpointRequest(StrictSerializer):
    """Where a version answers. Hosts must be on the installation's list."""

    url = serializers.CharField(max_length=2000)
    protocol = serializers.ChoiceField(["oip-v2", "mlflow"])
    model = serializers.CharField(max_length=200, required=False, allow_blank=True)
    metrics_url = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text="Where the server exposes its memory (Prometheus text format).",
    )


class OutputRequest(StrictSerializer):
    """What a version answers with."""

    kind = serializers.ChoiceField(["binary_classification", "multiclass", "regression"])
    positive = serializers.JSONField(required=False, allow_null=True)
    threshold = FiniteFloat(required=False)


class VersionRequest(StrictSerializer):
    """A version of a model. `developers` names the people on whose behalf a service account registers."""

    version = serializers.CharField(max_length=60)
    artifact = ArtifactRequest(required=False)
    image = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    training = TrainingRequest(required=False)
    features = serializers.ListField(child=serializers.JSONField(), required=False, default=list, max_length=20_000)
    datasets = LinkRequest(many=True, required=False, default=list, max_length=500)
    endpoint = EndpointRequest(required=False, allow_null=True)
    output = OutputRequest(required=False, allow_null=True)
    reason = serializers.ChoiceField(["first", "drift", "kpi", "design", "scheduled"])
    reason_note = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)
    developers = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, default=list, max_length=50
    )


class EnvironmentRequest(StrictSerializer):
    """A place where versions run."""

    name = serializers.CharField(max_length=120)
    slug = serializers.CharField(max_length=80, required=False, default="", allow_blank=True, validators=[slug])
    is_production = serializers.BooleanField(required=False, default=False)
    mode = serializers.ChoiceField(Environment.Mode.choices, default=Environment.Mode.ENFORCE)


class EnvironmentChange(StrictSerializer):
    """What is to change; what is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    is_production = serializers.BooleanField(required=False)
    mode = serializers.ChoiceField(Environment.Mode.choices, required=False)
    reason = serializers.CharField(max_length=2000)


class EndRequest(StrictSerializer):
    """Why a deployment ended."""

    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class NothingRequest(StrictSerializer):
    """An empty body."""


class FieldRequest(StrictSerializer):
    """What a column holds; what is left out stays as it was declared before."""

    name = serializers.CharField(max_length=500, required=False)
    path = serializers.CharField(max_length=500, required=False, help_text="The same as `name`, in OpenLineage's word")
    type = serializers.CharField(max_length=200, required=False, allow_blank=True)
    classification = serializers.ChoiceField(Classification.choices, required=False)
    protected = serializers.BooleanField(required=False)
    privileged = serializers.CharField(max_length=200, required=False, allow_blank=True)
    masked = serializers.BooleanField(required=False)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One name, under either word."""
        name, path = attrs.pop("name", None), attrs.get("path")
        if not (name or path) or (name and path and name != path):
            raise serializers.ValidationError({"name": ["Name the column, once."]})
        return {**attrs, "path": name or path}


class FieldsRequest(StrictSerializer):
    """Declarations of columns."""

    fields = FieldRequest(many=True, allow_empty=False, max_length=5000)  # type: ignore[assignment]
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)

"""A model version and what is bound to it for ever: its bytes, its data, and who did what to it."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.accounts.queries import visible_use_cases
from apps.catalog.models import DatasetVersion
from apps.core.models import Immutable, ImmutableQuerySet, Record
from apps.registry.models.inventory import Model, UseCase


class ModelVersionQuerySet(ImmutableQuerySet):
    """Versions by who may see them."""

    def visible_to(self, user: Any) -> "ModelVersionQuerySet":
        """Versions of the models this user may see."""
        slugs = visible_use_cases(user)
        return self.all() if slugs is None else self.filter(model__use_case__slug__in=slugs)


class ModelVersion(Immutable):
    """Immutable content: what was trained, from what, how, and where it answers. Another byte is another version."""

    class Reason(models.TextChoices):
        """Why this version was made."""

        FIRST = "first", _("First version")
        DRIFT = "drift", _("Drift")
        KPI = "kpi", _("Business target missed")
        DESIGN = "design", _("Change of design")
        SCHEDULED = "scheduled", _("Scheduled retraining")

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=60)
    artifact_digest = models.CharField(max_length=71, db_index=True)
    artifact_format = models.CharField(max_length=40, blank=True)
    artifact_uri = models.CharField(max_length=2000, blank=True)
    artifact_files = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    image = models.CharField(max_length=500, blank=True)
    training = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    features = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    endpoint = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    output = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    reason_note = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="versions_created",
    )

    objects: ClassVar[Any] = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["model", "version"], name="model_version_once")]

    def __str__(self) -> str:
        return f"{self.model.name} {self.version}"

    @property
    def use_case(self) -> UseCase:
        """The use case that its model serves."""
        return self.model.use_case

    @property
    def subject(self) -> str:
        """The judged subject."""
        return f"model_version:{self.pk}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "model": str(self.model_id),
            "version": self.version,
            "artifact_digest": self.artifact_digest,
            "artifact_format": self.artifact_format,
            "artifact_uri": self.artifact_uri,
            "artifact_files": self.artifact_files,
            "image": self.image,
            "training": self.training,
            "features": self.features,
            "endpoint": self.endpoint,
            "output": self.output,
            "reason": self.reason,
            "reason_note": self.reason_note,
            "created_by": str(self.created_by_id),
            "at": self.created_at.isoformat(),
        }


class ArtifactAlias(Record):
    """Another digest by which the same version may be named: of one file, of the image. Written once, with the version."""

    class Kind(models.TextChoices):
        """What was hashed."""

        MANIFEST = "manifest", _("Manifest of files")
        FILE = "file", _("One file")
        IMAGE = "image", _("Container image")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    digest = models.CharField(max_length=71, db_index=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "digest"]
        constraints = [models.UniqueConstraint(fields=["version", "digest", "kind"], name="artifact_alias_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}"


class DatasetLink(Immutable):
    """Which state of which dataset a version was trained on, tested on or scored."""

    class Role(models.TextChoices):
        """What the data were to the version."""

        TRAIN = "train", _("Training")
        VALIDATE = "validate", _("Validation")
        TEST = "test", _("Test")
        SCORED = "scored", _("Scored by the version")
        REFERENCE = "reference", _("Reference")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="dataset_links")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="links")
    role = models.CharField(max_length=10, choices=Role.choices)
    uri = models.CharField(max_length=2000, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=500, blank=True, help_text=_("The column with the true outcome."))
    prediction = models.CharField(max_length=500, blank=True)
    score = models.CharField(max_length=500, blank=True)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["role", "created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "dataset_version", "role"],
                name="dataset_linked_once_per_role",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.dataset_version} ({self.role})"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "version": str(self.version_id),
            "dataset_version": str(self.dataset_version_id),
            "role": self.role,
            "uri": self.uri,
            "sha256": self.sha256,
            "target": self.target,
            "prediction": self.prediction,
            "score": self.score,
        }


class Involvement(Immutable):
    """A person did something to a version. Written by events, never taken back; segregation of duties reads it."""

    class Capacity(models.TextChoices):
        """In what way."""

        REGISTERED = "registered", _("registered it")
        BUILT = "built", _("built it")
        TRAINED = "trained", _("trained it")
        SUBMITTED_EVIDENCE = "submitted_evidence", _("submitted evidence for it")
        DECLARED_DATA = "declared_data", _("declared its data")
        VALIDATED = "validated", _("validated it")
        REVIEWED = "reviewed", _("reviewed it")
        APPROVED = "approved", _("approved it")
        REQUESTED_WAIVER = "requested_waiver", _("requested a waiver for it")
        GRANTED_WAIVER = "granted_waiver", _("granted a waiver for it")
        OWNS = "owns", _("owns it")
        ANSWERED = "answered", _("answered questions about it")
        COMMENTED = "commented", _("commented on it")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="involvements")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="involvements")
    capacity = models.CharField(max_length=20, choices=Capacity.choices)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "user", "capacity"],
                name="involved_once_per_capacity",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_capacity_display()}"

    @property
    def at(self) -> Any:
        """When it happened first."""
        return self.created_at

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "version": str(self.version_id),
            "user": str(self.user_id),
            "capacity": self.capacity,
            "at": self.created_at.isoformat(),
        }

"""Where versions run, and which ran there when."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.queries import sees_everything, visible_use_cases
from apps.core.models import LockedQuerySet, Record
from apps.registry.models.inventory import UseCase
from apps.registry.models.versions import ModelVersion


class EnvironmentQuerySet(LockedQuerySet):
    """Environments by who may see them."""

    def visible_to(self, user: Any) -> "EnvironmentQuerySet":
        """Environments belong to no use case: everyone who holds a role sees them all."""
        return self.all() if sees_everything(user) or visible_use_cases(user) else self.none()


class Environment(Record):
    """A place where versions run, and how strictly the gate guards it."""

    class Mode(models.TextChoices):
        """What the gate does with a version that is not ready."""

        ENFORCE = "enforce", _("Enforce: deny")
        WARN = "warn", _("Warn: allow and say what would be denied")
        OBSERVE = "observe", _("Observe: allow and record")

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    is_production = models.BooleanField(default=False)
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.ENFORCE)

    objects: ClassVar[Any] = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        """The judged subject."""
        return f"environment:{self.pk}"


class DeploymentQuerySet(LockedQuerySet):
    """Deployments by state and by who may see them."""

    def visible_to(self, user: Any) -> "DeploymentQuerySet":
        """Deployments of the versions this user may see."""
        slugs = visible_use_cases(user)
        return self.all() if slugs is None else self.filter(version__model__use_case__slug__in=slugs)

    def active(self) -> "DeploymentQuerySet":
        """Running now, as far as the pipelines reported."""
        return self.filter(state=Deployment.State.ACTIVE)


class Deployment(Record):
    """A version in an environment over time. The gate creates it by an allow; the pipeline reports start and end."""

    class State(models.TextChoices):
        """Where it stands."""

        REQUESTED = "requested", _("Requested")
        AUTHORISED = "authorised", _("Authorised")
        ACTIVE = "active", _("Running")
        ENDED = "ended", _("Ended")
        DENIED = "denied", _("Denied")
        SUSPENDED = "suspended", _("Suspended")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="deployments")
    artifact_digest = models.CharField(max_length=71)
    state = models.CharField(max_length=10, choices=State.choices)
    decision_id = models.UUIDField(null=True, blank=True)
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="deployments_asked",
    )
    authorised_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    objects: ClassVar[Any] = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision_id"],
                condition=Q(decision_id__isnull=False),
                name="deployment_per_decision",
            )
        ]
        indexes = [models.Index(fields=["environment", "state"], name="deployment_environment_state")]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}"

    @property
    def use_case(self) -> UseCase:
        """The use case of the deployed version."""
        return self.version.use_case

    @property
    def subject(self) -> str:
        """Starts and ends are filed under the version."""
        return f"model_version:{self.version_id}"

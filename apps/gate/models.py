"""The materialised answer per version and environment, and the record of every question."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record
from apps.registry.models import Environment, ModelVersion


class Outcome(models.TextChoices):
    """What the facts say; what the caller is told also depends on the environment's mode."""

    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"


class Clearance(Record):
    """The standing answer for a version in an environment, with the epoch of everything it was judged from.

    Never older than its facts: the gate compares `read_epochs` with the present before it uses the row.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="clearances")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="clearances")
    outcome = models.CharField(max_length=5, choices=Outcome.choices)
    codes = models.JSONField(default=list)
    sentence = models.TextField()
    outcomes = models.JSONField(default=dict)
    blocking = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    waivers = models.JSONField(default=list)
    approval = models.JSONField(default=dict)
    assessment_id = models.UUIDField()
    assessment_digest = models.CharField(max_length=71)
    policy_id = models.UUIDField()
    policy_name = models.CharField(max_length=200)
    policy_version = models.PositiveIntegerField()
    policy_digest = models.CharField(max_length=71)
    read_refs = ArrayField(models.CharField(max_length=120), default=list)
    read_epochs = ArrayField(models.BigIntegerField(), default=list)
    judged_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "environment"], name="one_clearance_each")]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}: {self.outcome}"


class DecisionQuerySet(ImmutableQuerySet):
    """Reads of the decision log."""

    def visible_to(self, user: Any) -> "DecisionQuerySet":
        """Decisions about versions this person may see; those about unknown artifacts only for who sees everything."""
        from apps.accounts.queries import visible_use_cases

        slugs = visible_use_cases(user)
        if slugs is None:
            return self
        return self.filter(models.Q(version__model__use_case__slug__in=slugs) | models.Q(asked_by=user))


class Decision(Immutable):
    """One question and its answer: allow, deny and error alike. What `reference` section 9, point 2 asks for.

    `outcomes` names the requirements by how they came out, `blocking` those that held the gate closed; what was found for each
    stands in the assessment that `assessment_id` and `assessment_digest` bind, once for all the questions it answers.
    """

    door = models.CharField(max_length=40)
    action = models.CharField(max_length=60)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    credential = models.CharField(max_length=60, blank=True)
    peer = models.CharField(max_length=60, blank=True)
    subject_given = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    request_digest = models.CharField(max_length=71)
    nonce = models.CharField(max_length=200, blank=True)
    is_dry_run = models.BooleanField(default=False)
    resource_given = models.JSONField(default=dict)
    resolved_by = models.CharField(max_length=20, blank=True)
    artifact_digest = models.CharField(max_length=71, blank=True)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="decisions")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, null=True, related_name="decisions")
    environment_given = models.CharField(max_length=200, blank=True)
    mode = models.CharField(max_length=10)
    outcome = models.CharField(max_length=5, choices=Outcome.choices)
    is_allowed = models.BooleanField()
    codes = models.JSONField(default=list)
    sentence = models.TextField()
    outcomes = models.JSONField(default=dict)
    blocking = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    waivers = models.JSONField(default=list)
    approval = models.JSONField(default=dict)
    policy_id = models.UUIDField(null=True)
    policy_name = models.CharField(max_length=200, blank=True)
    policy_version = models.PositiveIntegerField(null=True)
    policy_digest = models.CharField(max_length=71, blank=True)
    assessment_id = models.UUIDField(null=True)
    assessment_digest = models.CharField(max_length=71, blank=True)
    reads = models.JSONField(default=list)
    engine = models.JSONField(default=dict)
    deployment_id = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    timing = models.JSONField(default=dict)

    objects: ClassVar[Any] = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["version", "-id"], name="decision_version"),
            models.Index(fields=["environment", "-id"], name="decision_environment"),
            models.Index(fields=["outcome", "-id"], name="decision_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.id}"

    @property
    def short_id(self) -> str:
        """The last digits of the id, by which people and the dossier call it; the first ones are its time."""
        return self.pk.hex[-8:]

    @property
    def subject(self) -> str:
        """How the audit log names this decision."""
        return f"decision:{self.pk}"

    def content(self) -> dict[str, Any]:
        """Every column; foreign keys by id, times in RFC 3339."""
        return self.columns()

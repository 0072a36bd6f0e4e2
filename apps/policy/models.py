"""Tables of policy: frameworks, policies in versions, judgements as they were made, and waivers."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import Immutable, LockedQuerySet, Record
from apps.registry.models import Environment, ModelVersion, UseCase


class Framework(Immutable):
    """One library version of a control framework. A newer library version is another row; judgements keep theirs."""

    class Activation(models.TextChoices):
        """When its requirements are looked at."""

        AUTOMATIC = "automatic", _("Always")
        SUGGESTED = "suggested", _("Unless switched off")
        OPT_IN = "opt_in", _("When adopted")

    slug = models.SlugField(max_length=60)
    library_version = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    short_name = models.CharField(max_length=120)
    binding = models.CharField(max_length=30)
    activation = models.CharField(max_length=10, choices=Activation.choices)
    body = models.JSONField()

    class Meta:
        ordering = ["slug", "-library_version"]
        constraints = [models.UniqueConstraint(fields=["slug", "library_version"], name="framework_version_once")]

    def __str__(self) -> str:
        return f"{self.short_name}, library version {self.library_version}"

    @property
    def subject(self) -> str:
        """How entries of the log name this framework."""
        return f"framework:{self.slug}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "slug": self.slug,
            "library_version": self.library_version,
            "name": self.name,
            "short_name": self.short_name,
            "binding": self.binding,
            "activation": self.activation,
            "body": self.body,
        }


class FrameworkChoice(Record):
    """The organisation's wish to adopt, leave or start early with a framework. It takes effect when a second person agrees."""

    class State(models.TextChoices):
        """Where the wish stands."""

        REQUESTED = "requested", _("Waits for a second person")
        CONFIRMED = "confirmed", _("In effect")
        REJECTED = "rejected", _("Rejected")

    slug = models.SlugField(max_length=60)
    is_on = models.BooleanField()
    is_early = models.BooleanField(default=False, help_text=_("Ask for requirements before their legal date."))
    reason = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="framework_wishes"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="framework_decisions"
    )
    decided_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="framework_choice_two_people",
            ),
            models.UniqueConstraint(fields=["slug"], condition=Q(state="requested"), name="framework_choice_one_open"),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {'on' if self.is_on else 'off'}"

    @property
    def subject(self) -> str:
        """Filed under the framework."""
        return f"framework:{self.slug}"


class Policy(Record):
    """What a tier is held to in production, elsewhere, or in one named environment. Its versions hold the requirements."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    tier = models.PositiveSmallIntegerField()
    is_production = models.BooleanField(default=True)
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="policies",
        help_text=_("Only for this environment; empty for all of its kind."),
    )  # fmt: skip

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["tier", "-is_production", "slug"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(condition=Q(tier__range=(1, 4)), name="policy_tier"),
            models.UniqueConstraint(
                fields=["tier", "is_production"], condition=Q(environment__isnull=True), name="policy_one_default"
            ),
            models.UniqueConstraint(
                fields=["tier", "environment"],
                condition=Q(environment__isnull=False),
                name="policy_one_per_environment",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        """The judged subject: every judgement under this policy read it."""
        return f"policy:{self.pk}"


class PolicyVersion(Immutable):
    """The requirements of a policy as they once were. In force from its publication until the next one."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    body = models.JSONField()
    reason = models.TextField(blank=True)
    built_from = models.CharField(max_length=71, blank=True)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="policy_drafts",
        help_text=_("Empty for the versions that ship."),
    )  # fmt: skip

    class Meta:
        ordering = ["policy", "-version"]
        constraints = [models.UniqueConstraint(fields=["policy", "version"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"{self.policy.name} {self.version}"

    @property
    def subject(self) -> str:
        """Filed under the policy."""
        return f"policy:{self.policy_id}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "policy": str(self.policy_id),
            "version": self.version,
            "body": self.body,
            "built_from": self.built_from,
            "drafted_by": str(self.drafted_by_id) if self.drafted_by_id else None,
            "reason": self.reason,
        }


class Publication(Immutable):
    """A policy version was put in force by somebody other than who drafted it."""

    policy_version = models.OneToOneField(PolicyVersion, on_delete=models.PROTECT, related_name="publication")
    starts_at = models.DateTimeField(db_index=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="policies_published"
    )
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-starts_at", "-id"]

    def __str__(self) -> str:
        return f"{self.policy_version} from {self.starts_at:%Y-%m-%d}"

    @property
    def subject(self) -> str:
        """Filed under the policy."""
        return f"policy:{self.policy_version.policy_id}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "policy_version": self.policy_version.digest,
            "starts_at": self.starts_at.isoformat(),
            "published_by": str(self.published_by_id) if self.published_by_id else None,
            "reason": self.reason,
        }


class Assessment(Immutable):
    """One judgement as it was made, with every fact it read: judged again, it must come out the same."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="assessments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="assessments")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="assessments")
    stage = models.CharField(max_length=10)
    at = models.DateTimeField()
    sentence = models.CharField(max_length=300)
    is_ready = models.BooleanField()
    results = models.JSONField()
    snapshot = models.JSONField()
    reads = models.JSONField(help_text=_("Every subject whose change makes this judgement old."))
    ends_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["version", "environment", "-at"], name="assessment_version")]

    def __str__(self) -> str:
        return f"{self.version}: {self.sentence}"

    @property
    def subject(self) -> str:
        """Filed under the version."""
        return f"model_version:{self.version_id}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "version": str(self.version_id),
            "environment": str(self.environment_id),
            "policy": self.policy_version.digest,
            "stage": self.stage,
            "at": self.at.isoformat(),
            "sentence": self.sentence,
            "is_ready": self.is_ready,
            "results": self.results,
            "snapshot": self.snapshot,
            "reads": self.reads,
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
        }


class WaiverQuerySet(LockedQuerySet):
    """Waivers by state and by who may see them."""

    def visible_to(self, user: Any) -> "WaiverQuerySet":
        """Waivers of the versions this user may see."""
        return self.filter(version__in=ModelVersion.objects.visible_to(user))

    def granted(self) -> "WaiverQuerySet":
        """Granted and not withdrawn; their end dates are for the caller to compare."""
        return self.filter(state=Waiver.State.GRANTED)


class Waiver(Record):
    """A requirement need not be met by this version until a date. It ends by itself; it never counts as met."""

    class State(models.TextChoices):
        """Where the request stands. A granted waiver ends with its last day, without anybody doing anything."""

        REQUESTED = "requested", _("Requested")
        GRANTED = "granted", _("Granted")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="waivers")
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="waivers",
        help_text=_("Only for this environment; empty for all of them."),
    )  # fmt: skip
    requirement_id = models.CharField(max_length=120)
    requirement_title = models.CharField(max_length=300)
    reason = models.TextField()
    compensating_control = models.TextField()
    starts_at = models.DateTimeField(null=True)
    ends_on = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    extends = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="extensions")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waivers_requested"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="waivers_decided"
    )
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="waivers_withdrawn"
    )
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.TextField(blank=True)

    objects: ClassVar[Any] = WaiverQuerySet.as_manager()

    class Meta:
        ordering = ["ends_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")), name="waiver_two_people"
            ),
            models.CheckConstraint(
                condition=~Q(state="granted") | Q(decided_by__isnull=False, starts_at__isnull=False),
                name="waiver_granted_by_someone",
            ),
        ]
        indexes = [models.Index(fields=["version", "state", "ends_on"], name="waiver_version")]

    def __str__(self) -> str:
        return f"{self.reference}: {self.requirement_title}"

    @property
    def reference(self) -> str:
        """Its short name for people."""
        return f"W-{self.pk.hex[-5:].upper()}"

    @property
    def subject(self) -> str:
        """How entries of the log name this waiver."""
        return f"waiver:{self.pk}"

    @property
    def use_case(self) -> UseCase:
        """The use case of its version, so that conditions on roles can ask for it."""
        return self.version.use_case

    def has_ended(self, today: date) -> bool:
        """Whether a granted waiver has run out."""
        return self.state == self.State.GRANTED and self.ends_on < today

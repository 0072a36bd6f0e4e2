"""Process definitions, and the reviews that run them over versions."""

from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from django.db.models import Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Role
from apps.accounts.queries import visible_use_cases
from apps.core.models import Immutable, LockedQuerySet, Record
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.workflow import lifecycle

STATES = list(lifecycle.LABELS.items())


class NextNumber(Func):
    """The next number of a sequence: people quote R-12 or F-207, never a UUID."""

    function = "nextval"
    output_field = models.BigIntegerField()

    def __init__(self, sequence: str, **extra: Any) -> None:
        super().__init__(Value(sequence), **extra)


def draw_number(sequence: str) -> int:
    """The next number of a sequence, for rows whose digest has to cover it before they are written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [sequence])
        return int(cursor.fetchone()[0])


class VersionedQuerySet(LockedQuerySet):
    """Rows that hang on a model version, by who may see them."""

    def visible_to(self, user: Any) -> "VersionedQuerySet":
        """Rows of the versions this user may see."""
        slugs = visible_use_cases(user)
        return self.all() if slugs is None else self.filter(version__model__use_case__slug__in=slugs)


class Process(Immutable):
    """A published definition of the way to approval for one tier. A change is a new version; reviews keep theirs."""

    slug = models.SlugField(max_length=40)
    tier = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField()
    body = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["tier", "-version"]
        verbose_name_plural = "processes"
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="process_version_once"),
            models.CheckConstraint(condition=Q(tier__range=(1, 4)), name="process_tier"),
        ]

    def __str__(self) -> str:
        return f"Tier {self.tier}, version {self.version}"

    @property
    def subject(self) -> str:
        """How entries of the log name this process."""
        return f"process:{self.slug}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps as data, in order."""
        return self.body["steps"]

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {"slug": self.slug, "tier": self.tier, "version": self.version, "body": self.body}


class ReviewQuerySet(VersionedQuerySet):
    """Reviews by standing."""

    def open(self) -> "ReviewQuerySet":
        """Reviews that wait for somebody."""
        return self.filter(state__in=lifecycle.OPEN)

    def granted(self) -> "ReviewQuerySet":
        """Approvals on record, whatever the rules make of them now."""
        return self.filter(state__in=lifecycle.GRANTED)


class Review(Record):
    """One run of a process over one version: from being submitted to a decision, and what became of the decision."""

    number = models.BigIntegerField(unique=True, db_default=NextNumber("workflow_review_number"), editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="reviews")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="reviews")
    process = models.ForeignKey(Process, on_delete=models.PROTECT, related_name="reviews")
    state = models.CharField(max_length=24, choices=STATES, default=lifecycle.SUBMITTED)
    round = models.PositiveIntegerField(default=1)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews_opened")
    submitted_at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True, help_text=_("What the submitter wants the reviewers to know."))
    due_on = models.DateField()
    decided_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    state_reason = models.TextField(
        blank=True, help_text=_("Why it is in this state, in the words of who put it there.")
    )
    recorded_standing = models.CharField(
        max_length=24, blank=True, help_text=_("What the rules found when the log was last read.")
    )
    superseded_by = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes_reviews"
    )

    objects: ClassVar[Any] = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=Q(state__in=sorted(lifecycle.OPEN)), name="review_open_once_per_version"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(lifecycle.STATES - lifecycle.BY_RULE - {lifecycle.DRAFT})),
                name="review_state",
            ),
        ]
        indexes = [
            models.Index(fields=["version", "-submitted_at"], name="review_version"),
            models.Index(fields=["state", "due_on"], name="review_state_due"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.version}"

    @property
    def reference(self) -> str:
        """The short name that people quote."""
        return f"R-{self.number}"

    @property
    def subject(self) -> str:
        """How entries of the log name this review."""
        return f"review:{self.pk}"

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.version.use_case

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.state in lifecycle.OPEN

    @cached_property
    def round_steps(self) -> "list[Step]":
        """The steps of the current round, in order; read once per instance."""
        steps = [step for step in self.steps.all() if step.round == self.round]
        for step in steps:
            step.review = self
        return sorted(steps, key=lambda step: step.order)

    @property
    def open_step(self) -> "Step | None":
        """The step that waits for a signature now."""
        return next((step for step in self.round_steps if step.state == Step.State.OPEN), None)

    @property
    def last_step(self) -> "Step | None":
        """The step whose signature decides: the last one that applies."""
        applying = [step for step in self.round_steps if step.state != Step.State.SKIPPED]
        return applying[-1] if applying else None


class Step(Record):
    """One step of a review's round: whose signature is asked, how many, and what its signers may not have done."""

    class State(models.TextChoices):
        """Where the step stands."""

        WAITING = "waiting", _("Not started")
        OPEN = "open", _("Open")
        SIGNED = "signed", _("Signed")
        SKIPPED = "skipped", _("Not needed")
        REJECTED = "rejected", _("Rejected")

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="steps")
    round = models.PositiveIntegerField()
    order = models.PositiveIntegerField()
    key = models.SlugField(max_length=60)
    title = models.CharField(max_length=80)
    kind = models.CharField(max_length=12)
    role = models.CharField(max_length=24, choices=Role.choices)
    quorum = models.PositiveIntegerField()
    rules = models.JSONField(default=list, help_text=_("What its signers may not have done."))
    condition = models.CharField(max_length=500)
    condition_result = models.CharField(max_length=8, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    opened_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="steps_claimed"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["review", "round", "order"]
        constraints = [
            models.UniqueConstraint(fields=["review", "round", "order"], name="step_order_once"),
            models.UniqueConstraint(fields=["review", "round", "key"], name="step_key_once"),
            models.UniqueConstraint(fields=["review", "round"], condition=Q(state="open"), name="step_open_once"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.review}"

    @property
    def version(self) -> ModelVersion:
        """The version under review: conditions on involvement ask for it."""
        return self.review.version

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.review.version.use_case

    @property
    def number(self) -> int:
        """Its place for people, counted from one."""
        return self.order + 1

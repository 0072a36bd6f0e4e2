"""What stays open about a version: findings, the conditions of an approval, and the challenge log."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import DatabaseDefault
from django.utils.translation import gettext_lazy as _

from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record
from apps.registry.models import ModelVersion, UseCase
from apps.workflow.models.reviews import NextNumber, Review, VersionedQuerySet, draw_number

COMMENT_NUMBERS = "workflow_comment_number"


class FindingQuerySet(VersionedQuerySet):
    """Findings by standing."""

    def open(self) -> "FindingQuerySet":
        """Findings that nobody has verified as closed."""
        return self.exclude(state=Finding.State.CLOSED)

    def overdue(self, on: date) -> "FindingQuerySet":
        """Open findings whose date has passed."""
        return self.open().filter(due_on__lt=on)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Findings are closed, never deleted")


class Finding(Record):
    """Something that is wrong or unproven about a version, with an owner and a date. Closed by verification, never deleted."""

    class Severity(models.TextChoices):
        """How much it matters."""

        CRITICAL = "critical", _("Critical")
        HIGH = "high", _("High")
        MEDIUM = "medium", _("Medium")
        LOW = "low", _("Low")

    class State(models.TextChoices):
        """Where it stands."""

        RAISED = "raised", _("Raised")
        ANSWERED = "answered", _("Answered")
        CLOSED = "closed", _("Closed, verified")

    class Source(models.TextChoices):
        """What brought it up."""

        REVIEW = "review", _("Review")
        DATA_EVENT = "data_event", _("Event of the data")
        MONITORING = "monitoring", _("Monitoring")
        RULE = "rule", _("Rule")

    number = models.BigIntegerField(unique=True, db_default=NextNumber("workflow_finding_number"), editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="findings")
    review = models.ForeignKey(Review, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RAISED)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.REVIEW)
    title = models.CharField(max_length=200)
    text = models.TextField()
    requirement_id = models.CharField(max_length=80, blank=True)
    origin = models.CharField(
        max_length=120, blank=True, help_text=_("What brought it up, such as one event of a dataset.")
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="findings_owned")
    due_on = models.DateField()
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="findings_raised"
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="findings_answered"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="findings_closed"
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "origin"], condition=~Q(origin=""), name="finding_once_per_origin"
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_by__isnull=False, closed_at__isnull=False),
                name="finding_closed_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(closed_by__isnull=True) | Q(answered_by__isnull=True) | ~Q(closed_by=F("answered_by")),
                name="finding_not_verified_by_who_answered",
            ),
        ]
        indexes = [models.Index(fields=["version", "state"], name="finding_version_state")]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        """The short name that people quote."""
        return f"F-{self.number}"

    @property
    def subject(self) -> str:
        """How entries of the log name this finding."""
        return f"finding:{self.pk}"

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.version.use_case

    @property
    def is_open(self) -> bool:
        """Whether nobody has verified it as closed."""
        return self.state != self.State.CLOSED

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Findings are closed, never deleted")


class ConditionQuerySet(LockedQuerySet):
    """Conditions by standing."""

    def open(self) -> "ConditionQuerySet":
        """Conditions whose finding nobody has verified as closed."""
        return self.exclude(finding__state=Finding.State.CLOSED)


class Condition(Record):
    """What an approval still asks for. It is a finding with a date; late, it suspends the approval by itself."""

    number = models.BigIntegerField(unique=True, db_default=NextNumber("workflow_condition_number"), editable=False)
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="conditions")
    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="condition")
    text = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conditions_owned")
    due_on = models.DateField()

    objects: ClassVar[Any] = ConditionQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "number"]

    def __str__(self) -> str:
        return f"{self.reference} {self.text[:60]}"

    @property
    def reference(self) -> str:
        """The short name that people quote."""
        return f"C-{self.number}"


class CommentQuerySet(ImmutableQuerySet):
    """Comments by who may see them; they never change."""

    def visible_to(self, user: Any) -> "CommentQuerySet":
        """Comments on the versions this user may see."""
        return self.filter(version__in=ModelVersion.objects.visible_to(user))


class Comment(Immutable):
    """A word said about a version: a comment, a question, its answer and outcome, a dissent. Never edited, never deleted."""

    class Kind(models.TextChoices):
        """What it is in the challenge log."""

        COMMENT = "comment", _("Comment")
        QUESTION = "question", _("Question")
        ANSWER = "answer", _("Answer")
        OUTCOME = "outcome", _("Outcome")
        DISSENT = "dissent", _("Dissent")

    number = models.BigIntegerField(db_default=NextNumber(COMMENT_NUMBERS), editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="comments")
    review = models.ForeignKey(Review, null=True, blank=True, on_delete=models.PROTECT, related_name="comments")
    finding = models.ForeignKey(Finding, null=True, blank=True, on_delete=models.PROTECT, related_name="comments")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replies")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments")

    objects: ClassVar[Any] = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["version", "kind"], name="comment_version_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.by}"

    @property
    def reference(self) -> str:
        """The short name that people quote."""
        return f"Q-{self.number}" if self.kind == self.Kind.QUESTION else ""

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.version.use_case

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write it once; its number is drawn first, because the digest covers it."""
        if isinstance(self.number, DatabaseDefault):
            self.number = draw_number(COMMENT_NUMBERS)
        super().save(*args, **kwargs)

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "number": str(self.number),
            "version": str(self.version_id),
            "review": str(self.review_id) if self.review_id else None,
            "finding": str(self.finding_id) if self.finding_id else None,
            "parent": str(self.parent_id) if self.parent_id else None,
            "kind": self.kind,
            "text": self.text,
            "by": str(self.by_id),
            "at": self.created_at.isoformat(),
        }

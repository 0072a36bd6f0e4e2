"""Tables of evidence: runs of checks, what they or people found, what others made of it, and hand-written reasons."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import Immutable, ImmutableQuerySet, Job, LockedQuerySet, Record
from apps.registry.models import ModelVersion, UseCase


class CheckRunQuerySet(LockedQuerySet):
    """Check runs by who may see them."""

    def visible_to(self, user: Any) -> "CheckRunQuerySet":
        """Runs on versions this user may see."""
        return self.filter(version__in=ModelVersion.objects.visible_to(user))


class CheckRun(Record):
    """One check asked for on one version. Runs asked for together share a job, and so one reading of the data."""

    class State(models.TextChoices):
        """Where the run is. `failed` means it could not measure, never that the model did badly."""

        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Check failed to run")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="check_runs")
    check_key = models.SlugField(max_length=60)
    params = models.JSONField(default=dict, blank=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="check_runs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="check_runs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    error = models.TextField(blank=True)
    error_code = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text=_("Why it could not measure, for programs; `error` says it in words."),
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = CheckRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "check_key"]
        indexes = [models.Index(fields=["version", "-created_at"], name="check_run_version")]

    def __str__(self) -> str:
        return f"{self.check_key} of {self.version}"

    @property
    def subject(self) -> str:
        """Runs are filed under the version they measure."""
        return f"model_version:{self.version_id}"


class EvidenceQuerySet(ImmutableQuerySet):
    """Evidence by who may see it."""

    def visible_to(self, user: Any) -> "EvidenceQuerySet":
        """Evidence of versions this user may see."""
        return self.filter(version__in=ModelVersion.objects.visible_to(user))


class Source(models.TextChoices):
    """Where the facts come from; set by the server and never by the caller."""

    COMPUTED = "computed", _("computed")
    SUBMITTED = "submitted", _("submitted")
    ATTESTED = "attested", _("attested")
    RECORD = "record", _("record")


class Evidence(Immutable):
    """One set of facts about a version. Written once; what others make of it is an `EvidenceMark`."""

    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="evidence")
    use_case = models.ForeignKey(UseCase, null=True, on_delete=models.PROTECT, related_name="evidence")
    types = models.JSONField(help_text=_("type id -> the fields of the catalogue that this item supplies"))
    check_key = models.SlugField(max_length=60, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    title = models.CharField(max_length=200)
    summary = models.TextField()
    dated = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    metrics = models.JSONField(default=list)
    tables = models.JSONField(default=list)
    figures = models.JSONField(default=list)
    limits = models.JSONField(default=list, help_text=_("What this does not show, in sentences."))
    inputs = models.JSONField(default=list, help_text=_("What was read: kind, name, role, digest, rows."))
    method = models.JSONField(default=dict)
    files = models.JSONField(default=list)
    produced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="evidence_produced"
    )
    run = models.OneToOneField(CheckRun, null=True, on_delete=models.PROTECT, related_name="evidence")

    standing_then: str  # set by queries.settle: what they make of it

    objects: ClassVar[Any] = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "evidence"
        constraints = [
            models.CheckConstraint(condition=~Q(summary=""), name="evidence_has_summary"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=models.F("dated")),
                name="evidence_valid_after_dated",
            ),
        ]
        indexes = [models.Index(fields=["version", "-created_at"], name="evidence_version")]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        """How entries of the log name this item."""
        return f"evidence:{self.pk}"

    @property
    def result_digest(self) -> str:
        """Equal for two runs that read the same bytes in the same way and found the same; empty for typed evidence."""
        return str(self.method.get("result_digest", ""))

    def is_valid_on(self, day: date) -> bool:
        """Whether its own end date has not passed."""
        return self.valid_until is None or day <= self.valid_until

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "version": str(self.version_id) if self.version_id else None,
            "use_case": str(self.use_case_id) if self.use_case_id else None,
            "types": self.types,
            "check": self.check_key,
            "source": self.source,
            "title": self.title,
            "summary": self.summary,
            "dated": self.dated.isoformat(),
            "valid_until": self.valid_until.isoformat() if self.valid_until else None,
            "metrics": self.metrics,
            "tables": self.tables,
            "figures": self.figures,
            "limits": self.limits,
            "inputs": self.inputs,
            "method": self.method,
            "files": self.files,
            "produced_by": str(self.produced_by_id) if self.produced_by_id else None,
            "run": str(self.run_id) if self.run_id else None,
            "received_at": self.created_at.isoformat(),
        }


class EvidenceMark(Immutable):
    """What a named person made of an item of evidence. The newest mark counts; none is ever taken back."""

    class Kind(models.TextChoices):
        """What the mark says."""

        ACCEPTED = "accepted", _("Accepted")
        FLAGGED = "flagged", _("Flagged")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="evidence_marks")

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.evidence}: {self.get_kind_display()}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "evidence": str(self.evidence_id),
            "evidence_digest": self.evidence.digest,
            "kind": self.kind,
            "reason": self.reason,
            "by": str(self.by_id),
            "at": self.created_at.isoformat(),
        }


class Document(Immutable):
    """Hand-written reasons about a version, with author and date. A newer one with the same section replaces it in print."""

    class Section(models.TextChoices):
        """What the text is about."""

        PURPOSE = "purpose", _("Purpose and use")
        DATA = "data_choices", _("Choice of data")
        FEATURES = "features", _("Choice of features")
        METHOD = "method", _("Choice of method")
        FAIRNESS = "fairness", _("Fairness: choices and trade-offs")
        LIMITS = "limits", _("Limits and warnings")
        OTHER = "other", _("Other")

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="documents")
    section = models.CharField(max_length=20, choices=Section.choices)
    title = models.CharField(max_length=200)
    body = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="documents")

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.title

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "version": str(self.version_id),
            "section": self.section,
            "title": self.title,
            "body": self.body,
            "author": str(self.author_id),
            "at": self.created_at.isoformat(),
        }

"""Jobs, their runs, what these read and wrote, what they state by design, and the facets that came with them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Dataset, DatasetVersion
from apps.core.models import LockedQuerySet, Record
from apps.lineage.models.received import Event


class Job(Record):
    """A process that reads and writes datasets, named by its scheduler."""

    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=1000)
    processing = models.CharField(max_length=20, blank=True)
    integration = models.CharField(max_length=80, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["namespace", "name"]
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="lineage_job_once")]

    def __str__(self) -> str:
        return self.name


class Run(Record):
    """One execution of a job: what its events say together. ``merged`` is the joined state (see ``merge``)."""

    class State(models.TextChoices):
        """Where it got to."""

        RUNNING = "running", _("Running")
        COMPLETE = "complete", _("Completed")
        FAIL = "fail", _("Failed")
        ABORT = "abort", _("Aborted")

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="runs")
    run_id = models.UUIDField(db_index=True)
    state = models.CharField(max_length=8, choices=State.choices)
    started_at = models.DateTimeField()
    is_start_inferred = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(help_text=_("Its end, or its newest event while it has none."))
    parent_run_id = models.UUIDField(null=True)
    notes = models.JSONField(default=list, help_text=_("What is doubtful about it, as codes."))
    has_io = models.BooleanField(default=False, help_text=_("Whether it says anything about inputs and outputs."))
    failed_tasks = models.PositiveIntegerField(default=0)
    merged = models.TextField()

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["-seen_at", "-run_id"]
        constraints = [models.UniqueConstraint(fields=["run_id", "job"], name="lineage_run_once")]
        indexes = [models.Index(fields=["job", "state", "seen_at", "run_id"], name="lineage_run_order")]

    def __str__(self) -> str:
        return str(self.run_id)


class RunIO(Record):
    """A dataset that a run read or wrote, and which version of it, where that was said."""

    class Direction(models.TextChoices):
        """Read or written."""

        IN = "in", _("Read")
        OUT = "out", _("Written")

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="io")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=3, choices=Direction.choices)
    version = models.ForeignKey(DatasetVersion, null=True, on_delete=models.PROTECT, related_name="run_io")
    rows = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=40, blank=True, help_text=_("datasetType: TABLE, VIEW, MODEL …"))
    is_source = models.BooleanField(default=False, help_text=_("The run said that this output has no upstream at all."))

    class Meta:
        ordering = ["direction", "dataset"]
        constraints = [
            models.UniqueConstraint(fields=["run", "dataset", "direction"], name="lineage_run_io_once"),
        ]
        indexes = [models.Index(fields=["dataset", "direction"], name="lineage_run_io_dataset")]

    def __str__(self) -> str:
        return f"{self.direction} {self.dataset}"


class Declaration(Record):
    """What one design-time event states about the inputs and outputs of a job, or about the sources of a dataset."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.CASCADE, related_name="declarations")
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    is_source = models.BooleanField(default=False, help_text=_("It says that the dataset has no upstream at all."))

    class Meta:
        ordering = ["declared_at", "event__digest"]

    def __str__(self) -> str:
        return str(self.event)


class Facet(models.Model):
    """The winning value of one facet of one thing; ``subject`` is dataset:, job:, run: or io: and its id."""

    class Status(models.TextChoices):
        """What we could make of it."""

        OK = "ok", _("Read")
        KEPT = "kept", _("Kept as sent")
        UNKNOWN = "unknown", _("Not a published facet, kept as sent")
        INVALID = "invalid", _("Does not hold what its name promises, kept as sent")

    subject = models.CharField(max_length=60)
    place = models.CharField(max_length=8)
    name = models.CharField(max_length=300)
    body = models.TextField()
    rank = models.CharField(max_length=120, help_text=_("Event time, phase and digest: the highest wins."))
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    schema_url = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices)
    note = models.CharField(max_length=300, blank=True)
    is_deleted = models.BooleanField(default=False)

    objects: ClassVar[Any] = models.Manager()

    class Meta:
        ordering = ["subject", "place", "name"]
        constraints = [models.UniqueConstraint(fields=["subject", "place", "name"], name="lineage_facet_once")]

    def __str__(self) -> str:
        return f"{self.subject} {self.name}"

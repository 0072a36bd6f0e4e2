"""The graph: dataset to dataset and column to column, each edge with its basis, its evidence and its time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Dataset, Field
from apps.core.models import LockedQuerySet, Record
from apps.lineage.models.jobs import Job, Run


class Basis(models.TextChoices):
    """Why we believe an edge."""

    EXPLICIT = "explicit", _("Stated by the run's lineage facet")
    COLUMN = "column", _("Stated by the run's column lineage")
    CARTESIAN = "cartesian", _("Assumed: read and written by the same run")
    DECLARED = "declared", _("Declared by a job's design")
    MANUAL = "manual", _("Declared by a person")


class EdgeQuerySet(LockedQuerySet):
    """Edges by time."""

    def current(self, as_of: datetime | None = None) -> EdgeQuerySet:
        """Edges of the graph now, or as it was believed at a moment."""
        if as_of is None:
            return self.filter(retired_at=None)
        return self.filter(Q(retired_at=None) | Q(retired_at__gt=as_of), first_seen__lte=as_of)


class Edge(Record):
    """Data of one dataset went into another, through one job."""

    source = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", db_index=False)
    target = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", db_index=False)
    basis = models.CharField(max_length=9, choices=Basis.choices)
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="edges")
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = EdgeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "target", "basis", "job"], name="lineage_edge_once", nulls_distinct=False
            ),
        ]
        indexes = [
            models.Index(
                fields=["source"],
                include=["target", "retired_at", "first_seen", "basis", "job"],
                name="lineage_edge_down",
            ),
            models.Index(fields=["target"], include=["source", "retired_at", "first_seen"], name="lineage_edge_up"),
        ]

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


class EdgeRun(models.Model):
    """A run that proves an edge. ``is_written`` is false where the run failed before it wrote the target."""

    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="evidence")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    is_written = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "run"], name="lineage_edge_run_once")]

    def __str__(self) -> str:
        return f"{self.edge_id} {self.run_id}"


class FieldEdge(Record):
    """A column reached a column, or (``target_field`` empty) steered which rows of the whole target are there."""

    source_field = models.ForeignKey(Field, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    target_field = models.ForeignKey(Field, null=True, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    basis = models.CharField(max_length=9, choices=Basis.choices)
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="field_edges")
    type = models.CharField(max_length=8)
    subtype = models.CharField(max_length=60, blank=True)
    is_masked = models.BooleanField(default=False)
    description = models.CharField(max_length=500, blank=True)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = EdgeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "source_field",
                    "target_field",
                    "target",
                    "basis",
                    "job",
                    "type",
                    "subtype",
                    "is_masked",
                    "description",
                ],
                name="lineage_field_edge_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["source", "target"], name="lineage_field_edge_down", condition=Q(retired_at=None)),
            models.Index(fields=["target", "source"], name="lineage_field_edge_up", condition=Q(retired_at=None)),
            models.Index(fields=["source_field"], name="lineage_field_edge_from", condition=Q(retired_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.source_field} to {self.target_field or self.target}"


class FieldEdgeRun(models.Model):
    """A run that proves a column edge."""

    edge = models.ForeignKey(FieldEdge, on_delete=models.CASCADE, related_name="evidence")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    is_written = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "run"], name="lineage_field_edge_run_once")]

    def __str__(self) -> str:
        return f"{self.edge_id} {self.run_id}"


class NameAlias(Record):
    """Two names of one dataset: a symlink, a rename, or a person's word. Undone by ``undone_at``, never deleted."""

    class Kind(models.TextChoices):
        """Where we have it from."""

        SYMLINK = "symlink", _("Symlink")
        RENAME = "rename", _("Renamed")
        MANUAL = "manual", _("Stated by a person")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", help_text=_("The name to use."))
    alias = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", help_text=_("The other name."))
    kind = models.CharField(max_length=7, choices=Kind.choices)
    type = models.CharField(max_length=40, blank=True)
    stated_at = models.DateTimeField()
    stated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_shared = models.BooleanField(
        default=False, help_text=_("Several datasets claim this location: it ties none of them.")
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "name aliases"
        constraints = [
            models.UniqueConstraint(fields=["dataset", "alias", "kind"], name="lineage_alias_once"),
            models.CheckConstraint(condition=~Q(dataset=models.F("alias")), name="lineage_alias_other"),
        ]

    def __str__(self) -> str:
        return f"{self.alias} is {self.dataset}"

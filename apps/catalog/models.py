"""Tables of the catalog: a dataset, what state of it was used, its columns, and what happened to it."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.queries import sees_everything, visible_use_cases
from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record


class DatasetQuerySet(LockedQuerySet):
    """Datasets by standing and by who may see them."""

    def governed(self) -> "DatasetQuerySet":
        """Datasets that someone registered and answers for; the others are only known from lineage."""
        return self.filter(is_governed=True)

    def visible_to(self, user: Any) -> "DatasetQuerySet":
        """The catalog is one for the whole organisation: everyone who holds a role reads it, others see what they own."""
        if sees_everything(user) or visible_use_cases(user):
            return self.all()
        return self.filter(owner=user.pk) if getattr(user, "pk", None) else self.none()


class Dataset(Record):
    """A body of data with a name of its own, in the OpenLineage sense: (namespace, name)."""

    class Kind(models.TextChoices):
        """What it physically is."""

        TABLE = "table", _("Table")
        FILE = "file", _("File")
        STREAM = "stream", _("Stream")
        VIEW = "view", _("View")
        OTHER = "other", _("Other")

    class State(models.TextChoices):
        """Whether it may be used now."""

        ACTIVE = "active", _("In use")
        FAULTY = "faulty", _("Faulty")
        TERMS_ENDED = "terms_ended", _("Terms ended")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=1000)
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    is_governed = models.BooleanField(default=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="datasets",
    )
    provenance = models.TextField(blank=True, help_text=_("Where it comes from."))
    collection = models.TextField(blank=True, help_text=_("How and when it was collected or labelled."))
    terms = models.TextField(
        blank=True,
        help_text=_("Licence, contract or consent under which it may be used."),
    )
    permitted_purposes = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    terms_end_on = models.DateField(null=True, blank=True)
    lawful_basis = models.CharField(max_length=120, blank=True)
    retention = models.CharField(max_length=300, blank=True)

    objects: ClassVar[Any] = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["namespace", "name"]
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="dataset_named_once")]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def subject(self) -> str:
        """How entries of the log name this dataset. Judgements read its versions, not the dataset."""
        return f"dataset:{self.pk}"

    def end_has_passed(self, on: date) -> bool:
        """Whether the written end of the terms lies before this day."""
        return self.terms_end_on is not None and self.terms_end_on < on

    def terms_have_ended(self, on: date) -> bool:
        """Whether the terms of use are over on this day, by date or by an event."""
        return self.end_has_passed(on) or self.state in {self.State.TERMS_ENDED, self.State.WITHDRAWN}


class DatasetVersionQuerySet(LockedQuerySet):
    """Versions of datasets."""

    def visible_to(self, user: Any) -> "DatasetVersionQuerySet":
        """Versions of the datasets this user may see."""
        return self.filter(dataset__in=Dataset.objects.visible_to(user))


class DatasetVersion(Record):
    """One state of a dataset: declared by someone, written by a run, or set apart by a change of its columns."""

    class Origin(models.TextChoices):
        """How we know of it."""

        DECLARED = "declared", _("Declared")
        RUN = "run", _("Written by a run")
        SCHEMA = "schema", _("Change of columns")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    key = models.CharField(max_length=300)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    sha256 = models.CharField(max_length=64, blank=True)
    uri = models.CharField(max_length=2000, blank=True)
    rows = models.BigIntegerField(null=True, blank=True)
    schema_hash = models.CharField(max_length=71, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = DatasetVersionQuerySet.as_manager()

    class Meta:
        ordering = ["dataset", "-valid_from", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "key"], name="dataset_version_once"),
            models.CheckConstraint(
                condition=Q(rows__isnull=True) | Q(rows__gte=0),
                name="dataset_version_rows",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.key}"

    @property
    def subject(self) -> str:
        """The judged subject: judgements that read this version are redone when its epoch moves."""
        return f"dataset_version:{self.pk}"


class Classification(models.TextChoices):
    """How sensitive the values of a column are."""

    UNCLASSIFIED = "unclassified", _("Not classified yet")
    NONE = "none", _("Not about persons")
    IDENTIFIER = "identifier", _("Identifier")
    QUASI_IDENTIFIER = "quasi_identifier", _("Quasi-identifier")
    PERSONAL = "personal", _("Personal data")
    SPECIAL_CATEGORY = "special_category", _("Special category")


class Field(Record):
    """A column of a dataset. Lineage makes it known; a steward declares what it holds."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="fields")
    path = models.CharField(max_length=500)
    type = models.CharField(max_length=200, blank=True)
    ordinal = models.PositiveIntegerField(default=0)
    description = models.TextField(blank=True)
    classification = models.CharField(
        max_length=20,
        choices=Classification.choices,
        default=Classification.UNCLASSIFIED,
    )
    is_protected = models.BooleanField(
        default=False,
        help_text=_("A protected attribute: equal treatment is measured by it."),
    )
    privileged = models.CharField(
        max_length=200,
        blank=True,
        help_text=_("The value that others are compared with."),
    )
    is_masked = models.BooleanField(default=False)
    is_declared = models.BooleanField(
        default=False,
        help_text=_("A person declared this, rather than a run naming it."),
    )
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="fields_declared"
    )

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["dataset", "ordinal", "path"]
        constraints = [models.UniqueConstraint(fields=["dataset", "path"], name="field_named_once")]

    def __str__(self) -> str:
        return self.path


class DatasetEvent(Immutable):
    """Something that happened to data after it was used. Never changed: what it led to refers to it."""

    class Kind(models.TextChoices):
        """What happened."""

        RECLASSIFIED = "reclassified", _("Reclassified")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        TERMS_ENDED = "terms_ended", _("Terms ended")
        FAULTY = "faulty", _("Found faulty")
        ERASURE = "erasure", _("Erasure requested")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    fields = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    classification = models.CharField(max_length=20, blank=True, choices=Classification.choices)
    reason = models.TextField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="dataset_events",
    )

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.get_kind_display()}"

    @property
    def subject(self) -> str:
        """Events are filed under their dataset."""
        return f"dataset:{self.dataset_id}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "dataset": str(self.dataset_id),
            "kind": self.kind,
            "fields": list(self.fields),
            "classification": self.classification,
            "reason": self.reason,
            "by": str(self.by_id),
            "at": self.created_at.isoformat(),
        }

"""What producers sent: the exact bytes for ever, and separately how far we got with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record
from apps.lineage import openlineage

UNLISTED = """
SELECT e.id FROM lineage_event e JOIN lineage_delivery d ON d.id = e.delivery_id
WHERE e.created_at <> d.created_at OR NOT e.digest = ANY (d.events) ORDER BY e.id"""
LOST = """
SELECT d.id, count(*) FROM lineage_delivery d CROSS JOIN LATERAL unnest(d.events) AS listed (digest)
WHERE NOT EXISTS (SELECT 1 FROM lineage_event e WHERE e.digest = listed.digest AND e.delivery_id = d.id)
GROUP BY d.id ORDER BY d.id"""


class Delivery(Immutable):
    """One request that brought new events. Its digest, bound in the log, covers the digest of every event in it."""

    events = ArrayField(models.CharField(max_length=71))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{len(self.events)} events"

    @property
    def subject(self) -> str:
        """How the log names it."""
        return f"delivery:{self.pk}"

    @classmethod
    def contradictions(cls) -> Iterator[tuple[Any, str]]:
        """Deliveries that list an event which is no longer there."""
        with connection.cursor() as cursor:
            cursor.execute(LOST)
            found = cursor.fetchall()
        return ((pk, f"{lost} of the events that the delivery brought are no longer there.") for pk, lost in found)

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "events": list(self.events),
            "by": str(self.by_id or ""),
            "at": self.created_at.isoformat(),
        }


class EventQuerySet(ImmutableQuerySet):
    """Events by how far they got."""

    def waiting(self) -> EventQuerySet:
        """Stored, not projected yet."""
        return self.filter(state__state=EventState.State.RECEIVED)


class Event(Immutable):
    """One OpenLineage event, byte for byte. ``digest`` identifies it: the same event sent again is the same row."""

    class Kind(models.TextChoices):
        """What the event speaks of."""

        RUN = "run", _("Run")
        JOB = "job", _("Job")
        DATASET = "dataset", _("Dataset")

    digest = models.CharField(max_length=71, unique=True, editable=False)
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    event_type = models.CharField(max_length=8, blank=True)
    event_at = models.DateTimeField()
    marks = models.CharField(max_length=60, blank=True, help_text=_("What is odd about its time, as codes."))
    run_id = models.CharField(max_length=36, blank=True)
    body = models.BinaryField()

    objects: ClassVar[Any] = EventQuerySet.as_manager()

    # compute_digest() reads these from the bytes again; contradictions() asks the delivery, which the log vouches for.
    unbound: ClassVar[frozenset[str]] = frozenset(
        {"delivery", "kind", "event_type", "event_at", "marks", "run_id", "body"}
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["run_id"], name="lineage_event_run", condition=~models.Q(run_id="")),
            models.Index(fields=["event_at"], name="lineage_event_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_type} {self.digest[7:19]}"

    def content(self) -> dict[str, Any]:
        """The event as JSON values, read from its bytes."""
        body: dict[str, Any] = openlineage.load(bytes(self.body))
        return body

    def compute_digest(self) -> str:
        """The digest of what the event says; ValueError when a column does not say what the bytes say."""
        said = openlineage.describe(self.content(), bytes(self.body), now=self.created_at)
        columns = (self.kind, self.event_type, self.event_at, self.marks, self.run_id)
        if columns != (said.kind, said.event_type, said.at, " ".join(said.marks), said.run_id):
            raise ValueError("a column differs from the bytes of the event")
        return said.digest

    @classmethod
    def contradictions(cls) -> Iterator[tuple[Any, str]]:
        """Events that their delivery does not list, or that claim another time of receipt."""
        with connection.cursor() as cursor:
            cursor.execute(UNLISTED)
            found = cursor.fetchall()
        return ((pk, "The event is not one that its delivery brought.") for (pk,) in found)


class EventState(models.Model):
    """How far an event got. Apart from the event, because the event never changes."""

    class State(models.TextChoices):
        """Received, then projected or set aside."""

        RECEIVED = "received", _("Received")
        PROJECTED = "projected", _("In the graph")
        QUARANTINED = "quarantined", _("Set aside")

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="state")
    state = models.CharField(max_length=11, choices=State.choices, default=State.RECEIVED)
    reason = models.TextField(blank=True)
    projected_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["event"], name="lineage_event_waiting", condition=models.Q(state="received")),
            models.Index(fields=["state"], name="lineage_event_aside", condition=models.Q(state="quarantined")),
        ]

    def __str__(self) -> str:
        return self.state


class Rejection(Record):
    """A body that was refused: its digest, why, and its first bytes, for whoever has to mend the producer."""

    digest = models.CharField(max_length=71)
    size = models.PositiveIntegerField()
    pointer = models.CharField(max_length=500, blank=True)
    reason = models.TextField()
    head = models.BinaryField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.reason

"""Tables of the auditor's room: samples as they were drawn, requests, and what was answered."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.queries import sees_everything
from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record


class SampleQuerySet(ImmutableQuerySet):
    """Samples by who may see them."""

    def visible_to(self, user: Any) -> "SampleQuerySet":
        """Samples are for those who see everything: the audited are not told what was drawn."""
        return self.all() if sees_everything(user) else self.none()


class Sample(Immutable):
    """Decisions chosen by a seed out of a counted population. Written once; drawn again, it must come out the same."""

    title = models.CharField(max_length=200)
    seed = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    least = models.PositiveIntegerField(help_text=_("The fewest items of a stratum that has as many."))
    wanted = models.JSONField(help_text=_("The filter of the population: from, until, environment, dry runs."))
    population = models.BigIntegerField()
    population_digest = models.CharField(max_length=71)
    strata = models.JSONField(help_text=_("Per stratum: tier, outcome, population, taken."))
    chosen = models.JSONField(help_text=_("Ids and digests of the decisions, in the order of the strata."))
    drawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="samples")

    objects: ClassVar[Any] = SampleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        """Its short name for people."""
        return f"S-{self.pk.hex[-5:].upper()}"

    @property
    def subject(self) -> str:
        """How entries of the log name this sample."""
        return f"sample:{self.pk}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return self.columns()


class InformationRequestQuerySet(LockedQuerySet):
    """Requests by standing and by who may see them."""

    def visible_to(self, user: Any) -> "InformationRequestQuerySet":
        """All of them for those who see everything; otherwise those that one is asked to answer."""
        return self.all() if sees_everything(user) else self.filter(assigned_to=getattr(user, "pk", None))

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Requests are accepted, never deleted")


class InformationRequest(Record):
    """Something an auditor asks for: what, from whom, until when. Closed when the auditor accepts an answer."""

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", _("Open")
        ANSWERED = "answered", _("Answered")
        ACCEPTED = "accepted", _("Accepted")

    title = models.CharField(max_length=200)
    text = models.TextField()
    due_on = models.DateField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests_made")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests_received"
    )
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="requests_accepted"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = InformationRequestQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="request_accepted_by_someone",
            )
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="request_state_due")]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        """Its short name for people."""
        return f"A-{self.pk.hex[-5:].upper()}"

    @property
    def subject(self) -> str:
        """How entries of the log name this request."""
        return f"request:{self.pk}"

    def is_overdue(self, on: date) -> bool:
        """Whether its day has passed and nobody has answered."""
        return self.state == self.State.OPEN and self.due_on < on


class Answer(Immutable):
    """What somebody answered to a request: a text, a link, or both. A later answer stands beside it."""

    request = models.ForeignKey(InformationRequest, on_delete=models.PROTECT, related_name="answers")
    text = models.TextField(blank=True)
    link = models.URLField(max_length=1000, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="request_answers")

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.CheckConstraint(condition=~Q(text="", link=""), name="answer_says_something")]

    def __str__(self) -> str:
        return f"{self.request}: {self.by}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return self.columns()

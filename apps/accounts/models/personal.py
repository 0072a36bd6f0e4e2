"""What keeps names erasable: records hold commitments, this vault holds what opens them, one key for each person.

Deleting a person's key is erasing the person: nothing that is signed, hashed or proved changes. docs/formats/signature.md says how
a commitment is made. The database refuses to change these rows, and deletes them only for the service that erases (migration 0004).
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.models.people import User
from apps.core.models import LockedQuerySet, Record


class PersonalKey(Record):
    """The key under which everything that names one person is kept. Kept by itself, so that its backups can be short-lived."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="personal_key")
    key = models.BinaryField()

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.pk)


class PersonalValue(Record):
    """What opens one commitment: salt and value, encrypted under the key of the person whom they name."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="personal_values")
    kind = models.CharField(max_length=40)
    commitment = models.CharField(max_length=80, unique=True)
    sealed = models.BinaryField()

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "kind"], name="personal_value_of")]

    def __str__(self) -> str:
        return self.commitment


class Erasure(Record):
    """A request to erase a person: one person asks, a second one confirms or declines. The row stays and names nobody."""

    class Basis(models.TextChoices):
        """Why erasing is lawful."""

        ASKED = "asked", _("The person asked for it (GDPR Art. 17(1))")
        RETENTION_ENDED = "retention_ended", _("The period for which the records had to be kept is over")
        UNLAWFUL = "unlawful", _("The data should never have been kept")
        COURT_ORDER = "court_order", _("A court ordered it")
        AUTHORITY_ORDER = "authority_order", _("A supervisory authority ordered it")

    class State(models.TextChoices):
        """How far it is."""

        OPEN = "open", _("Waits for a second person")
        ERASED = "erased", _("Erased")
        DECLINED = "declined", _("Declined")

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="erasures")
    basis = models.CharField(max_length=20, choices=Basis.choices)
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="erasures_requested")
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="erasures_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(state="open"), name="erasure_open_once"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at__isnull=True) | Q(~Q(state="open"), decided_at__isnull=False),
                name="erasure_decided_with_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_state_display()}"

"""What keeps names erasable: records hold commitments, this vault holds what opens them, one key for each person.

Deleting a person's key is erasing the person: nothing that is signed, hashed or proved changes. docs/formats/signature.md says how
a commitment is made. The database refuses to change these rows, and deletes them only for the service that erases (migration 0004).
"""

from typing import Any, ClassVar

from django.db import models

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

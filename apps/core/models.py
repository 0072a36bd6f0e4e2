"""Shapes that every app's tables share, and the two tables of this storey: Job and IdempotencyKey."""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Self

import rfc8785
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from apps.core.errors import NotFound
from apps.core.numbers import as_binary64

LARGEST_EXACT = 2**53 - 1  # the largest integer that a double holds exactly


def uuid7() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562, version 7, method 3: 12 bits of the random part are the fraction of the millisecond).

    Made here because Python 3.11 and PostgreSQL 15 have none.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    bits = milliseconds << 80 | 0x7 << 76 | fraction << 64 | int.from_bytes(os.urandom(8), "big")
    return uuid.UUID(int=bits & ~(0x3 << 62) | 0x2 << 62)


def digest_of(content: Any) -> str:
    """`sha256:` of the RFC 8785 form of a JSON value. Raises rfc8785.CanonicalizationError on NaN and huge integers."""
    return "sha256:" + hashlib.sha256(canonical_bytes(content)).hexdigest()


def canonical_bytes(content: Any) -> bytes:
    """The RFC 8785 form of a JSON value, by the C encoder where that spells the same: a decision is ten times cheaper so."""
    if _is_spelled_alike(content):
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if text.isascii() or max(text) <= "\uffff":  # beyond, keys sort by UTF-16 units there and by code points here
            try:
                return text.encode()
            except UnicodeEncodeError:  # half of a surrogate pair: let the other say it in its words
                pass
    try:
        return rfc8785.dumps(content)
    except rfc8785.IntegerDomainError:  # a row that comes back from the database holds 1e17 as a whole number
        return rfc8785.dumps(as_binary64(content))


def _is_spelled_alike(value: Any) -> bool:
    if isinstance(value, str | bool) or value is None:
        return True
    if isinstance(value, dict):
        return all(type(key) is str for key in value) and all(map(_is_spelled_alike, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_spelled_alike, value))
    if type(value) is int:
        return -LARGEST_EXACT <= value <= LARGEST_EXACT
    return type(value) is float and 1e-4 <= abs(value) < 1e16 and not value.is_integer()


class LockedQuerySet(models.QuerySet[Any]):
    """Adds the first line of every transition: fetch the row and keep others out of it until commit."""

    def locked(self, pk: Any) -> Any:
        """The row with this key, locked for this transaction. Raises NotFound."""
        try:
            return self.select_for_update(of=("self",)).get(pk=pk)
        except (self.model.DoesNotExist, ValidationError, ValueError) as missing:
            raise NotFound(f"There is no {self.model._meta.verbose_name} with this id.") from missing


class Record(models.Model):
    """A row with a time-ordered id and the time it was made."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


class ImmutableQuerySet(LockedQuerySet):
    """Refuses bulk changes in Python too; the trigger of `audit.immutable.append_only` refuses them in the database."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError(f"{self.model.__name__} rows never change")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{self.model.__name__} rows are never deleted")


def plain(value: Any) -> Any:
    """A column's value as JSON: ids and moments become strings, everything else stays as it is."""
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


class Immutable(Record):
    """A row that is written once. `digest` is bound into the audit entry that was made with it."""

    digest = models.CharField(max_length=71, editable=False)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        abstract = True

    unbound: ClassVar[frozenset[str]] = frozenset()
    """Columns outside content(). compute_digest() or contradictions() read them again from what they were taken from."""

    def columns(self) -> dict[str, Any]:
        """Every column but the digest and the time the row was made, which the audit entry holds."""
        skipped = {"digest", "created_at", *self.unbound}
        fields = [field for field in self._meta.concrete_fields if field.name not in skipped]
        return {field.attname: plain(getattr(self, field.attname)) for field in fields}

    def content(self) -> dict[str, Any]:
        """Everything in this row that matters, as JSON values; the digest is over its RFC 8785 form."""
        raise NotImplementedError(f"{type(self).__name__} has no content()")

    def compute_digest(self) -> str:
        """The digest this row should have."""
        return digest_of(self.content())

    @classmethod
    def contradictions(cls) -> Iterator[tuple[Any, str]]:
        """Keys of rows, each with a sentence, where this table and the one that vouches for its rows do not agree."""
        return iter(())

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"{type(self).__name__} rows never change")
        self.digest = self.compute_digest()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{type(self).__name__} rows are never deleted")


class JobState(models.TextChoices):
    """Where a job is."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Job(Record):
    """A promise of long work. The row is the promise; the message that carries its id may be lost or come twice."""

    task = models.CharField(max_length=100)
    queue = models.CharField(max_length=20, default="light")
    subject = models.CharField(max_length=120, blank=True)
    payload = models.JSONField(default=dict)
    requested_by = models.UUIDField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    stage = models.CharField(max_length=200, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="job_state_queued"),
            models.Index(fields=["subject", "-created_at"], name="job_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to this job."""
        return self.state in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}

    def progress(self: Self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say in words what is being done, and how far. Cheap enough for every batch: one UPDATE."""
        type(self).objects.filter(pk=self.pk, attempts=self.attempts, state=JobState.RUNNING).update(
            stage=stage[:200], done=done, total=total, heartbeat_at=timezone.now()
        )


class IdempotencyKey(models.Model):
    """The stored answer to a POST with an Idempotency-Key, so that a repeated request has one effect."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=255)
    caller = models.CharField(max_length=120)
    path = models.CharField(max_length=300)
    request_digest = models.CharField(max_length=71)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "caller", "path"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.key

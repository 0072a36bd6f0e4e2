"""Tables of the log. Entries, leaves, nodes, checkpoints, anchors, keys and verification runs are written once.

An `Entry` is written by a service in its own transaction. The sequencer gives it a place: a `Leaf` with the dense
number of the log and the dense number of its subject. Every column of an entry is a copy of a part of its bytes, kept
for queries; `verify --database` compares them.
"""

from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from apps.audit import canonical
from apps.core.models import ImmutableQuerySet, LockedQuerySet, Record, uuid7


class Entry(models.Model):
    """What happened: canonical bytes, their digest, and copies of the parts that are searched."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    body = models.BinaryField()
    digest = models.CharField(max_length=71)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    verb = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    row = models.CharField(max_length=140, blank=True, db_collation="C")
    row_digest = models.CharField(max_length=71, blank=True)
    row_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["actor", "at"], name="entry_actor"),
            models.Index(fields=["verb", "at"], name="entry_verb"),
            models.Index(fields=["subject", "at"], name="entry_subject"),
            models.Index(fields=["row"], name="entry_row", condition=~models.Q(row="")),
            models.Index(fields=["digest"], name="entry_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"

    @cached_property
    def value(self) -> dict[str, Any]:
        """The entry as JSON values, read from its bytes."""
        return canonical.parse_entry(bytes(self.body))

    @property
    def reason(self) -> str:
        """Why, in the actor's words; empty when none was given."""
        return str(self.value.get("reason", ""))

    @property
    def facts(self) -> dict[str, Any]:
        """What the service noted beside the verb: JSON without numbers."""
        found = self.value.get("data", {})
        return found if isinstance(found, dict) else {}

    @property
    def changes(self) -> list[str]:
        """The subjects whose epoch this entry raised."""
        return list(self.value.get("changes", []))

    @property
    def seq(self) -> int | None:
        """Its number in the log; None for a second, until the sequencer has placed it."""
        leaf = getattr(self, "leaf", None)
        return None if leaf is None else leaf.seq


class Pending(models.Model):
    """An entry that waits for its place. Written with the entry, removed when its leaf is written."""

    position = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return str(self.entry_id)


class Leaf(models.Model):
    """The place of an entry: `seq` is dense over the log, `n` is dense over its subject, both from 0."""

    seq = models.BigIntegerField(primary_key=True)
    n = models.BigIntegerField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="leaf")
    subject = models.CharField(max_length=200)
    body = models.BinaryField()
    hash = models.BinaryField()

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "leaves"
        constraints = [models.UniqueConstraint(fields=["subject", "n"], name="leaf_subject_n_once")]

    def __str__(self) -> str:
        return f"{self.seq}"


class Node(models.Model):
    """The hash of a complete subtree of 256, 65 536, ... leaves: what keeps proofs cheap on a large log."""

    height = models.SmallIntegerField()
    position = models.BigIntegerField()
    hash = models.BinaryField()

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["height", "position"], name="node_once")]

    def __str__(self) -> str:
        return f"{self.height}/{self.position}"


class Key(models.Model):
    """A public key that signs this log's checkpoints. The first one names the log."""

    vkey = models.CharField(max_length=400, unique=True)
    name = models.CharField(max_length=300)
    valid_from_size = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    def __str__(self) -> str:
        return self.vkey


class Checkpoint(models.Model):
    """A signed head of the tree. Without a time: only a time stamp of somebody else would mean anything."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.size}"


class KeyRevocation(models.Model):
    """From here on a key's signatures over heads of more than `trusted_up_to` entries count for nothing."""

    key = models.ForeignKey(Key, on_delete=models.PROTECT, related_name="revocations")
    trusted_up_to = models.BigIntegerField()
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.key_id} up to {self.trusted_up_to}"


class Anchor(models.Model):
    """A signed head that was given out of the operator's reach: time-stamped by an authority, mailed, or put elsewhere."""

    class Kind(models.TextChoices):
        """Where it went."""

        TIME_STAMP = "rfc3161", "Time stamp"
        MAIL = "mail", "Mail"
        GIT = "git", "Git repository"
        STORE = "store", "File store"

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="anchors")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    place = models.CharField(max_length=500)
    blob = models.BinaryField()
    stamped_at = models.DateTimeField(null=True)
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["checkpoint", "kind", "place"], name="anchor_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.checkpoint_id}"


class Subject(models.Model):
    """Something that judgements depend on; its epoch rises with every change of its facts."""

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=160)
    epoch = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="subject_once")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


class Cursor(models.Model):
    """How far one consumer has read, and what stopped it last."""

    name = models.CharField(max_length=100, primary_key=True)
    next_seq = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} {self.next_seq}"


class Verdict(models.TextChoices):
    """What a verification found."""

    VALID = "valid", "Verified"
    TAMPERED = "tampered", "Tampered"
    UNVERIFIABLE = "unverifiable", "Cannot verify"


class VerificationRun(Record):
    """The result of reading the whole log and every immutable row again."""

    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    entries = models.BigIntegerField()
    rows = models.BigIntegerField()
    size = models.BigIntegerField()
    root = models.CharField(max_length=64)
    checkpoint_size = models.BigIntegerField(null=True)
    pending = models.BigIntegerField(default=0)
    findings = models.JSONField(default=list)
    finding_count = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.verdict} {self.finished_at:%Y-%m-%d %H:%M:%S}"

    @property
    def is_valid(self) -> bool:
        """Whether nothing was found wrong and nothing was left unread."""
        return self.verdict == Verdict.VALID

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()


def format_time(at: datetime) -> str:
    """UTC with exactly six fraction digits and Z: the one spelling of a time in the log."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

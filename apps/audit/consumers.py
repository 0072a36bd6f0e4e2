"""Readers of the log. Each has its own cursor and its own transaction, so one that fails holds up nobody else.

A consumer sees every entry at least once: what it writes and its cursor commit together, but effects outside the
database may happen again.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.audit import anchoring, queries
from apps.audit.models import Cursor, Entry

log = structlog.get_logger(__name__)

Reader = Callable[[Sequence[Entry]], object]
BATCH = 200
LONGEST_PAUSE = timedelta(seconds=60)

_readers: dict[str, Reader] = {}


def consumer(name: str) -> Callable[[Reader], Reader]:
    """Declare `f(entries)` as the reader of the log with this name ("app.noun"). Entries come in log order."""

    def declare(reader: Reader) -> Reader:
        if name in _readers and _readers[name].__qualname__ != reader.__qualname__:
            raise RuntimeError(f"Consumer {name} is declared twice")
        _readers[name] = reader
        return reader

    return declare


def consume(most: int = 5000) -> int:
    """Let every consumer read what is new, up to `most` entries each; answers with how many were read in all."""
    return sum(_drain(name, reader, most) for name, reader in sorted(_readers.items()))


def _drain(name: str, reader: Reader, most: int) -> int:
    total = 0
    while total < most:
        try:
            read = _step(name, reader)
        except Exception as error:  # a task boundary: the next consumer must have its turn
            log.exception("consumer_failed", consumer=name)
            _note_failure(name, error)
            break
        total += read
        if read < BATCH:
            break
    return total


@transaction.atomic
def _step(name: str, reader: Reader) -> int:
    Cursor.objects.get_or_create(name=name)
    cursor = Cursor.objects.select_for_update(skip_locked=True).filter(name=name).first()
    if cursor is None or (cursor.retry_at and cursor.retry_at > timezone.now()):
        return 0
    entries = queries.entries_after(cursor.next_seq, BATCH)
    if not entries:
        return 0
    reader(entries)
    last = entries[-1].leaf.seq
    Cursor.objects.filter(pk=name).update(
        next_seq=last + 1, moved_at=timezone.now(), failures=0, error="", retry_at=None
    )
    return len(entries)


def _note_failure(name: str, error: Exception) -> None:
    Cursor.objects.get_or_create(name=name)
    Cursor.objects.filter(pk=name).update(failures=F("failures") + 1, error=f"{type(error).__name__}: {error}"[:2000])
    failures = Cursor.objects.values_list("failures", flat=True).get(pk=name)
    pause = min(timedelta(seconds=2 ** min(failures, 6)), LONGEST_PAUSE)
    Cursor.objects.filter(pk=name).update(retry_at=timezone.now() + pause)


@consumer("audit.anchors")
def anchor_after(entries: Sequence[Entry]) -> None:
    """When an entry was placed that somebody outside will rely on, its head is anchored at once."""
    if any(entry.verb in settings.ANCHOR_AFTER for entry in entries):
        anchoring.plan_anchoring(at_once=True)

"""Taking events in: durable first, everything else later. The same event twice is one row and one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.audit.services import record
from apps.core.errors import BadRequest, TooLarge
from apps.core.models import uuid7
from apps.core.permissions import authorise
from apps.lineage import openlineage
from apps.lineage.models import Delivery, Rejection

MAX_EVENT_BYTES = 10 * 1024 * 1024
MAX_BATCH_BYTES = 50 * 1024 * 1024
MAX_BATCH_EVENTS = 1_000
HEAD_BYTES = 512

INSERT = """
WITH fresh AS (
    INSERT INTO lineage_event (id, created_at, digest, delivery_id, kind, event_type, event_at, marks, run_id, body)
    SELECT id, %s, digest, %s, kind, event_type, event_at, marks, run_id, body
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::bytea[])
        AS given(id, digest, kind, event_type, event_at, marks, run_id, body)
    ON CONFLICT (digest) DO NOTHING
    RETURNING id, digest
), waiting AS (
    INSERT INTO lineage_eventstate (event_id, state, reason) SELECT id, 'received', '' FROM fresh
)
SELECT digest FROM fresh ORDER BY id
"""


@dataclass
class BatchReceipt:
    """What became of a batch: digests of the good events, and (index, reason, pointer) of the others."""

    digests: list[str] = field(default_factory=list)
    failed: list[tuple[int, str, str]] = field(default_factory=list)


def receive(raw: bytes, *, actor: Any) -> str:
    """Store one event for good and answer with its digest. Raises BadRequest with the pointer of what is wrong."""
    authorise(actor, "lineage.send")
    if len(raw) > MAX_EVENT_BYTES:
        raise TooLarge(f"The event has {len(raw)} bytes; at most {MAX_EVENT_BYTES} are taken.")
    now = timezone.now()
    try:
        event = openlineage.read(raw, now=now)
    except openlineage.Malformed as wrong:
        reject(raw, wrong, actor=actor)
        reason = {"pointer": wrong.pointer, "code": wrong.code.upper(), "detail": wrong.detail}
        raise BadRequest(wrong.detail, code=wrong.code.upper(), pointer=wrong.pointer, errors=[reason]) from None
    store([event], actor=actor, at=now)
    return event.digest


def receive_batch(raw: bytes, *, actor: Any) -> BatchReceipt:
    """Store every good event of a batch in one transaction; a bad one harms no other."""
    authorise(actor, "lineage.send")
    try:
        items = openlineage.split_batch(raw)
    except openlineage.Malformed as wrong:
        reject(raw, wrong, actor=actor)
        raise BadRequest(wrong.detail, code=wrong.code.upper()) from None
    if len(items) > MAX_BATCH_EVENTS:
        raise TooLarge(f"The batch has {len(items)} events; at most {MAX_BATCH_EVENTS} are taken.")
    receipt, good, now = BatchReceipt(), [], timezone.now()
    for index, (body, piece) in enumerate(items):
        try:
            if len(piece) > MAX_EVENT_BYTES:
                raise openlineage.Malformed(f"The event has {len(piece)} bytes; at most {MAX_EVENT_BYTES} are taken.")
            good.append(openlineage.check(body, piece, now=now))
        except openlineage.Malformed as wrong:
            reject(piece, wrong, actor=actor)
            receipt.failed.append((index, wrong.detail, wrong.pointer))
    store(good, actor=actor, at=now)
    receipt.digests = [event.digest for event in good]
    return receipt


@transaction.atomic
def store(events: Sequence[openlineage.Event], *, actor: Any, at: datetime) -> list[str]:
    """Insert the events that are new, read at `at`, bound into the log by one delivery; answers with their digests."""
    if not events:
        return []
    delivery = Delivery(events=[], by_id=getattr(actor, "pk", None), created_at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                delivery.created_at,
                delivery.pk,
                [uuid7() for _ in events],
                [event.digest for event in events],
                [event.kind for event in events],
                [event.event_type if event.kind == "run" else "" for event in events],
                [event.at for event in events],
                [" ".join(event.marks) for event in events],
                [event.run_id for event in events],
                [event.raw for event in events],
            ],
        )
        delivery.events = [digest for (digest,) in cursor.fetchall()]
    if delivery.events:
        delivery.save()
        record(actor, "lineage.received", delivery, row=delivery, data={"events": str(len(delivery.events))})
    return delivery.events


def reject(raw: bytes, wrong: openlineage.Malformed, *, actor: Any) -> Rejection:
    """Keep why a body was refused, its digest and its first bytes."""
    return Rejection.objects.create(
        digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        pointer=wrong.pointer[:500].replace("\x00", ""),
        reason=wrong.detail.replace("\x00", ""),
        head=raw[:HEAD_BYTES],
        by_id=getattr(actor, "pk", None),
    )

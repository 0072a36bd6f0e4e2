"""Writing an entry: one statement, inside the transaction of the change it tells about."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

from apps.audit import canonical
from apps.audit.contact_details import masked, require_no_contact_details
from apps.audit.models import Entry, format_time
from apps.core.models import Immutable, uuid7

VERSION = "1"
SUBJECT = re.compile(r"[a-z][a-z_]{0,39}:[^\s:][^\s]{0,159}")
TYPING = ("user:", "system:operator", "system:command_line")
"""Actors who typed the reason a moment ago and can write another one: theirs is refused, anybody else's is masked."""
VERB = re.compile(r"[a-z]+\.[a-z_]+")

INSERT = """
WITH entry AS (
    INSERT INTO audit_entry (id, body, digest, at, actor, verb, subject, row, row_digest, row_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
), changed AS (
    INSERT INTO audit_subject (kind, key, epoch)
    SELECT kind, key, 1 FROM unnest(%s::text[], %s::text[]) AS asked(kind, key) ORDER BY kind, key
    ON CONFLICT (kind, key) DO UPDATE SET epoch = audit_subject.epoch + 1
)
INSERT INTO audit_pending (entry_id, at) VALUES (%s, %s)
"""


@dataclass(frozen=True)
class System:
    """An actor that is a part of the product, not a person."""

    name: str
    pk: None = None

    @property
    def audit_ref(self) -> str:
        """How the log names it."""
        return f"system:{self.name}"

    def __str__(self) -> str:
        return self.name.replace("_", " ").capitalize()


def system(name: str) -> System:
    """The part of the product with this name, as an actor: `system("policy")`."""
    if not re.fullmatch(r"[a-z][a-z_]{0,39}", name):
        raise ValueError(f"{name!r} is not the name of a part of the product")
    return System(name)


def record(
    actor: Any,
    verb: str,
    subject: Any,
    *,
    data: dict[str, Any] | None = None,
    reason: str = "",
    changes: Iterable[Any] = (),
    row: Immutable | None = None,
) -> Entry:
    """Write what happened into the log, in the caller's transaction, and raise the epoch of every changed subject.

    `data` holds no numbers (write them as strings) and no personal data. `row` binds the digest and the time of an immutable row.
    Raises Invalid when somebody typed an e-mail address or a phone number into the reason; anywhere else they are masked.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An entry is written inside the transaction of its change.")
    if not VERB.fullmatch(verb):
        raise ValueError(f"{verb!r} is not app.past_tense")
    changed = sorted({_name(change) for change in changes})
    entry = Entry(id=uuid7(), at=timezone.now(), actor=str(actor.audit_ref), verb=verb, subject=_name(subject))
    if row is not None:
        if row._state.adding:
            raise ValueError("A row is bound after it is saved.")
        entry.row, entry.row_digest, entry.row_at = f"{row._meta.label_lower}:{row.pk}", row.digest, row.created_at
    if entry.actor.startswith(TYPING):
        require_no_contact_details(reason)
    entry.body = _body(entry, data or {}, reason, changed)
    entry.digest = canonical.digest(entry.body)
    _insert(entry, [change.split(":", 1) for change in changed])
    return entry


def _body(entry: Entry, facts: dict[str, Any], reason: str, changed: list[str]) -> bytes:
    value: dict[str, Any] = {
        "v": VERSION,
        "id": str(entry.id),
        "at": format_time(entry.at),
        "actor": entry.actor,
        "verb": entry.verb,
        "subject": entry.subject,
        "reason": reason,
        "data": facts,
        "changes": changed,
        "row": _row(entry),
        "request": str(structlog.contextvars.get_contextvars().get("request_id", "")),
    }
    body = canonical.encode_entry(value)
    places: list[str] = []
    said = masked({"reason": reason, "data": facts}, "", places)
    if places:
        body = canonical.encode_entry({**value, **said, "masked": places})
    if len(body) > canonical.MAX_BYTES:
        raise ValueError(f"An entry of {len(body)} bytes is above {canonical.MAX_BYTES}; log a digest instead.")
    return body


def _row(entry: Entry) -> dict[str, str] | None:
    if entry.row_at is None:
        return None
    return {"id": entry.row, "digest": entry.row_digest, "at": format_time(entry.row_at)}


def _insert(entry: Entry, changed: list[list[str]]) -> None:
    columns = (entry.id, bytes(entry.body), entry.digest, entry.at, entry.actor, entry.verb, entry.subject)
    epochs = ([kind for kind, _ in changed], [key for _, key in changed])
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [*columns, entry.row, entry.row_digest, entry.row_at, *epochs, entry.id, entry.at])
    entry._state.adding, entry._state.db = False, connection.alias


def _name(subject: Any) -> str:
    name = str(getattr(subject, "subject", subject))
    if not SUBJECT.fullmatch(name):
        raise ValueError(f"{name!r} is not kind:key")
    return name


def as_text(value: Any) -> Any:
    """A JSON value with every number written as a string, ready for `data`."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(key): as_text(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_text(part) for part in value]
    return json.dumps(value) if isinstance(value, (int, float)) else str(value)

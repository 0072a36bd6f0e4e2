"""Giving signed heads out of the operator's reach: stamped by an authority, mailed, committed elsewhere, put into a store.

Whoever holds database and key can rewrite everything that only they hold. What is anchored they cannot rewrite unseen. A way that fails
is noted, told in the log once, tried again with growing pauses, and shown until it works; it never stops the other ways.
"""

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formatdate, make_msgid
from pathlib import Path
from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from apps.audit import queries, stamping
from apps.audit.models import Anchor, Checkpoint, Cursor
from apps.audit.recording import record, system
from apps.core import jobs
from apps.core.errors import Conflict, ProductError, Unavailable
from apps.core.files import write_whole
from apps.core.models import Job, JobState

log = structlog.get_logger(__name__)

TASK = "audit.anchor"
HOURLY, DAILY = timedelta(hours=1), timedelta(days=1)
MOST_ENTRIES = 1000  # a tail longer than this is anchored before its hour
LONGEST_PAUSE = timedelta(hours=1)
GIT_SECONDS = 60


class TwoHistories(Conflict):
    """What was put outside for this size earlier is another head: the log was rewritten, or two logs share a name."""

    code, title = "TWO_HISTORIES", "Two heads of the same size"


@dataclass(frozen=True)
class Placed:
    """What came back: the stamp, the message, the commit or the name, and the time that others state for it."""

    blob: bytes
    stamped_at: datetime | None = None


@dataclass(frozen=True)
class Way:
    """One way out of here that the settings name."""

    kind: Anchor.Kind
    place: str
    every: timedelta
    put: Callable[[Checkpoint], Placed]

    @property
    def cursor(self) -> str:
        """The row that keeps its failures."""
        return f"{queries.ANCHORS}{self.kind}"


def ways() -> list[Way]:
    """The ways that the settings name: TSA_URL, ANCHOR_GIT, ANCHOR_STORE, ANCHOR_MAIL."""
    known = [
        Way(Anchor.Kind.TIME_STAMP, settings.TSA_URL, HOURLY, _stamp),
        Way(Anchor.Kind.GIT, settings.ANCHOR_GIT, HOURLY, _commit),
        Way(Anchor.Kind.STORE, settings.ANCHOR_STORE, HOURLY, _store),
        Way(Anchor.Kind.MAIL, settings.ANCHOR_MAIL, DAILY, _mail),
    ]
    return [way for way in known if way.place]


def anchor(*, at_once: bool = False) -> list[Anchor]:
    """Give the newest signed head outside by every way that is due (`at_once`: by every way); answers with what was made.

    Not inside a transaction: others are asked, and what they gave must be kept whatever the next one does.
    """
    head = queries.latest_checkpoint()
    made = [_try(way, head) for way in ways() if head is not None and _is_due(way, head, at_once)]
    return [anchor for anchor in made if anchor is not None]


def time_stamp(head: Checkpoint) -> Anchor | None:
    """The time stamp over this head, asked for now when there is none yet. None without TSA_URL; Unavailable when it fails."""
    found: Anchor | None = head.anchors.filter(kind=Anchor.Kind.TIME_STAMP).order_by("at").first()
    if found is not None or not settings.TSA_URL:
        return found
    return _keep(next(way for way in ways() if way.kind == Anchor.Kind.TIME_STAMP), head)


@transaction.atomic
def plan_anchoring(*, at_once: bool = False, by: Any = None) -> Job | None:
    """The job that anchors: the one that waits already, or a new one. None when no way is set, or none is due."""
    head = queries.latest_checkpoint()
    if not ways() or (not at_once and (head is None or not any(_is_due(way, head, False) for way in ways()))):
        return None
    waiting = Job.objects.filter(task=TASK, state=JobState.WAITING, payload__at_once=at_once).first()
    return waiting or jobs.enqueue(TASK, subject="log:self", by=by, at_once=at_once)


def fault_of(kept: Anchor) -> str:
    """Why this anchor does not vouch for its head; empty when it does. What lies elsewhere is compared where it lies."""
    note = kept.checkpoint.note.encode()
    if kept.kind == Anchor.Kind.TIME_STAMP:
        return stamping.fault_of(bytes(kept.blob), note)
    if kept.kind == Anchor.Kind.MAIL:
        return "" if kept.checkpoint.note in bytes(kept.blob).decode() else "The mail held another head."
    return ""


def _is_due(way: Way, head: Checkpoint, at_once: bool) -> bool:
    last = Anchor.objects.filter(kind=way.kind, place=way.place).order_by("-checkpoint_id").first()
    if last is not None and last.checkpoint_id >= head.size:
        return False
    if at_once:
        return True
    cursor = Cursor.objects.filter(name=way.cursor).first()
    if cursor is not None and cursor.retry_at is not None:
        return cursor.retry_at <= timezone.now()
    if last is None or head.size - last.checkpoint_id >= MOST_ENTRIES:
        return True
    return bool(timezone.now() - last.at >= way.every)


def _try(way: Way, head: Checkpoint) -> Anchor | None:
    try:
        made = _keep(way, head)
    except ProductError as refused:
        _note_failure(way, head, refused.detail)
        return None
    _note_success(way, head)
    return made


def _keep(way: Way, head: Checkpoint) -> Anchor:
    placed = way.put(head)
    found, _ = Anchor.objects.get_or_create(
        checkpoint=head,
        kind=way.kind,
        place=way.place,
        defaults={"blob": placed.blob, "stamped_at": placed.stamped_at},
    )
    return Anchor.objects.get(pk=found.pk)


@transaction.atomic
def _note_failure(way: Way, head: Checkpoint, why: str) -> None:
    log.error("anchor_failed", kind=str(way.kind), reason=why)
    Cursor.objects.get_or_create(name=way.cursor)
    cursor = Cursor.objects.locked(way.cursor)
    if not cursor.failures:
        record(system("anchors"), "audit.anchor_failed", "log:self", data=_facts(way, head), reason=why)
    cursor.failures, cursor.error, cursor.moved_at = cursor.failures + 1, why, timezone.now()
    cursor.retry_at = timezone.now() + min(timedelta(minutes=2 ** min(cursor.failures, 6)), LONGEST_PAUSE)
    cursor.save()


@transaction.atomic
def _note_success(way: Way, head: Checkpoint) -> None:
    cursor = Cursor.objects.select_for_update().filter(name=way.cursor, failures__gt=0).first()
    if cursor is not None:
        record(system("anchors"), "audit.anchor_resumed", "log:self", data=_facts(way, head))
        cursor.failures, cursor.error, cursor.retry_at, cursor.moved_at = 0, "", None, timezone.now()
        cursor.save()


def _facts(way: Way, head: Checkpoint) -> dict[str, str]:
    return {"kind": str(way.kind), "size": str(head.size)}


def _stamp(head: Checkpoint) -> Placed:
    stamp = stamping.request_stamp(head.note.encode())
    return Placed(stamp.response, stamp.at)


def _mail(head: Checkpoint) -> Placed:
    if not settings.EMAIL_URL:
        raise Unavailable("ANCHOR_MAIL is set, but no mail can be sent: EMAIL_URL is not set.")
    text = (
        f"The log {queries.origin()} has {head.size} entries. Its signed head follows and is attached. Keep it: any later"
        " change of these entries can be shown with it (python3 verify.py BUNDLE --prior checkpoint.txt).\n\n"
    )
    subject = f"Signed head of {head.size} entries"
    message = EmailMessage(subject, text + head.note, None, [part.strip() for part in settings.ANCHOR_MAIL.split(",")])
    message.attach(f"checkpoint-{head.size}.txt", head.note, "text/plain")
    message.extra_headers = {"Message-ID": make_msgid(domain="imprimatur.invalid"), "Date": formatdate()}
    try:
        message.send()
    except (OSError, SMTPException) as refused:
        raise Unavailable(f"The mail with the signed head was not taken: {refused}") from refused
    told = f"{message.extra_headers['Message-ID']}\n{message.extra_headers['Date']}\n\n{text}{head.note}"
    return Placed(told.encode())


def _commit(head: Checkpoint) -> Placed:
    folder = Path(settings.ANCHOR_GIT)
    if not (folder / ".git").exists():
        raise Unavailable(f"ANCHOR_GIT names {folder}, which is no working copy of a git repository.")
    name = _name(head)
    path = folder / name
    if path.exists():
        _require_same(path.read_bytes(), head, str(path))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, head.note.encode())
    _git(folder, "add", "--", name)
    if _git(folder, "status", "--porcelain", "--", name):
        _git(folder, "commit", "--quiet", "-m", f"Signed head of {head.size} entries", "--", name)
    if _git(folder, "remote"):
        _git(folder, "push", "--quiet")
    return Placed(_git(folder, "log", "-1", "--format=%H", "--", name).encode())


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Imprimatur", "-c", "user.email=imprimatur@imprimatur.invalid", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *who, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except FileNotFoundError as missing:
        raise Unavailable("ANCHOR_GIT is set, but the program git is not installed.") from missing
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"git {arguments[0]} did not end within {GIT_SECONDS} s.") from late
    except subprocess.CalledProcessError as failed:
        raise Unavailable(f"git {arguments[0]} failed: {failed.stderr.strip()[-300:]}") from failed
    return done.stdout.strip()


def _store(head: Checkpoint) -> Placed:
    store, name = storages["anchors"], _name(head)
    try:
        if not store.exists(name) and store.save(name, ContentFile(head.note.encode())) != name:
            raise Unavailable(f"The store of ANCHOR_STORE kept the head under another name than {name}.")
        with store.open(name) as kept:
            _require_same(kept.read(), head, name)
    except (OSError, SuspiciousOperation) as refused:
        raise Unavailable(f"The store of ANCHOR_STORE does not take the signed head: {refused}") from refused
    return Placed(name.encode())


def _require_same(kept: bytes, head: Checkpoint, where: str) -> None:
    if kept != head.note.encode():
        raise TwoHistories(
            f"{where} holds another head of {head.size} entries than this log: it was rewritten, or two logs share a name."
            " Run `verify --database` with that file as --prior."
        )


def _name(head: Checkpoint) -> str:
    """One file for each head: the log by digest (its name has slashes), the size so that names sort."""
    return f"{hashlib.sha256(queries.origin().encode()).hexdigest()[:12]}/{head.size:012d}.checkpoint"

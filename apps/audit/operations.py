"""What happens to the installation itself, as entries: exports, backups, settings, migrations, a clock that jumps."""

import hashlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from apps.audit import anchoring, queries
from apps.audit.canonical import encode_entry
from apps.audit.models import Entry
from apps.audit.recording import record, system
from apps.audit.signing import sign_checkpoint

log = structlog.get_logger(__name__)

JUMP_SECONDS = 1.0  # further apart than this are clocks that do not agree
LONG_TURN = 60.0  # a machine that slept: how long the pause was says nothing about its clock
NOTED = (
    "VERSION", "MODE", "BASE_URL", "LOG_ORIGIN", "TSA_URL", "TSA_ROOTS_FILE", "STORAGE_URL", "OIDC_ISSUER", "ALLOWED_HOSTS",
    "ALLOWED_SCORING_HOSTS", "ALLOWED_DATA_ROOTS", "ALLOWED_DATA_STORES", "STORE_ENDPOINTS", "ORGANISATION_ZONE", "PASSWORD_MAX_AGE_DAYS",
    "ACCOUNT_RECHECK_DAYS",
)  # fmt: skip


@transaction.atomic
def note_export(*, actor: Any, wanted: Mapping[str, Any], count: str) -> Entry:
    """Somebody takes entries of the log away as a file: which filter, how many."""
    said = {"filter": {name: str(value) for name, value in wanted.items()}, "entries": count}
    return record(actor, "audit.exported", "log:self", data=said)


@transaction.atomic
def note_backup(*, place: str, reason: str = "") -> Entry:
    """A backup was taken. Before it is called, sign: then the backup holds a head that can be compared with later ones."""
    head = sign_checkpoint()
    said = {"place": place, "size": str(head.size if head else 0)}
    return record(system("operator"), "audit.backed_up", "log:self", data=said, reason=reason)


@transaction.atomic
def note_migrations(names: Iterable[str]) -> Entry | None:
    """Migrations were applied. None on a log that has not begun: its first migrations made it."""
    applied = sorted(names)
    if not applied or not queries.origin():
        return None
    return record(system("operator"), "audit.migrated", "log:self", data={"migrations": applied})


@transaction.atomic
def note_settings() -> Entry | None:
    """The settings that matter for what may be relied on, when they are not those of the last time. No secret among them."""
    found = {name: _spelled(getattr(settings, name, "")) for name in NOTED}
    found["ANCHORS"] = ", ".join(str(way.kind) for way in anchoring.ways())
    digest = hashlib.sha256(encode_entry(found)).hexdigest()
    noted = _last_noted()
    if noted.get("digest") == digest:
        return None
    before = noted.get("settings", {})
    changed = sorted(name for name, value in found.items() if before.get(name) != value)
    said = {"digest": digest, "settings": found, "changed": changed}
    return record(system("operator"), "audit.settings_changed", "log:self", data=said)


class Clocks:
    """The clock of this machine against its own steady count and against the database's; told when they part."""

    def __init__(self) -> None:
        self.wall, self.steady = time.time(), time.monotonic()
        self.is_apart = False

    def look(self) -> Entry | None:
        """One look; an entry when the clock jumped since the last, or when it and the database's have just parted."""
        wall, steady = time.time(), time.monotonic()
        jump, passed = (wall - self.wall) - (steady - self.steady), steady - self.steady
        self.wall, self.steady = wall, steady
        offset = self._offset()
        was_apart, self.is_apart = self.is_apart, abs(offset) > JUMP_SECONDS
        if abs(jump) > JUMP_SECONDS and passed < LONG_TURN:
            return self._tell("jumped", jump)
        return self._tell("differs from the database's", offset) if self.is_apart and not was_apart else None

    def _offset(self) -> float:
        before = time.time()
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            there = float(cursor.fetchone()[0])
        after = time.time()
        return 0.0 if before <= there <= after else min(before - there, after - there, key=abs)

    @transaction.atomic
    def _tell(self, what: str, seconds: float) -> Entry:
        log.error("clock_anomaly", what=what, seconds=round(seconds, 3))
        said = {"clock": what, "seconds": f"{seconds:.3f}"}
        return record(system("log"), "audit.clock_anomaly", "log:self", data=said)


def _last_noted() -> dict[str, Any]:
    last = Entry.objects.filter(verb="audit.settings_changed").order_by("-at").first()
    try:
        return last.facts if last is not None else {}
    except ValueError:  # `verify --database` tells of bytes that cannot be read; the sequencer goes on
        return {}


def _spelled(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

"""Is everything working? Each part with its state, the value behind it, and what to do when it is not well."""

import ctypes
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.audit import queries as audit
from apps.core import jobs
from apps.core.models import Job, JobState

SILENT = timedelta(seconds=60)
LAG = timedelta(seconds=10)
OLDEST_WAIT = timedelta(minutes=5)
CHECKPOINT_AGE = timedelta(hours=24)
ANCHOR_AGE = timedelta(hours=2)
VERIFIED_AGE = timedelta(days=7)
LITTLE_DISK = 2 * 1024**3
PDF_LIBRARIES = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz.so.0")
PDF_FIX = "sudo apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


@dataclass(frozen=True)
class Part:
    """One part of the system: working, attention or down; the value; and the way out when there is one."""

    name: str
    state: str
    value: str
    at: Any = None
    fix: str = ""
    command: str = ""


def parts() -> list[Part]:
    """Every part, in the order in which trouble spreads."""
    return [database(), worker(), queue(), sequencer(), checkpoint(), anchors(), verification(), pdf_engine(), disk()]


def database() -> Part:
    """PostgreSQL, its version and the role the product works as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_user, pg_database_size(current_database())")
        version, role, size = cursor.fetchone()
    value = _("%(version)s, as %(role)s, %(size)s MB") % {
        "version": version.split()[0],
        "role": role,
        "size": f"{size / 1e6:,.0f}".replace(",", "\u202f"),
    }
    return Part("PostgreSQL", "working", value)


def worker() -> Part:
    """The worker and the scheduler that leave a sign of life together."""
    seen = jobs.worker_seen_at()
    if seen is None:
        return Part(
            _("Worker and scheduler"), "down", _("Never seen"), fix=_("Start them; the demo starts both by itself.")
        )
    if timezone.now() - seen > SILENT:
        fix = _("No sign of life for over a minute. Jobs are kept and continue when a worker is back.")
        return Part(_("Worker and scheduler"), "down", _("Last sign of life"), seen, fix)
    return Part(_("Worker and scheduler"), "working", _("Last sign of life"), seen)


def queue() -> Part:
    """Jobs that wait, run and failed lately."""
    day = timezone.now() - timedelta(days=1)
    found = Job.objects.aggregate(
        waiting=Count("id", filter=Q(state=JobState.WAITING)),
        running=Count("id", filter=Q(state=JobState.RUNNING)),
        failed=Count("id", filter=Q(state=JobState.FAILED, finished_at__gte=day)),
        oldest=Min("queued_at", filter=Q(state=JobState.WAITING)),
    )
    value = _("%(waiting)d waiting, %(running)d running, %(failed)d failed in 24 hours") % found
    if found["oldest"] and timezone.now() - found["oldest"] > OLDEST_WAIT:
        fix = _("The oldest job waits since the time shown. Add workers, or see whether one hangs.")
        return Part(_("Jobs"), "attention", value, found["oldest"], fix)
    return Part(_("Jobs"), "attention" if found["failed"] else "working", value)


def sequencer() -> Part:
    """How long the oldest entry waits for its place in the log."""
    lag = audit.sequencer_lag()
    value = _("Oldest entry without a place waits %(seconds).1f s") % {"seconds": lag.total_seconds()}
    if lag > LAG:
        return Part(
            _("Sequencer of the log"), "down", value, audit.sequencer_seen_at(), _("Start the worker; nothing is lost.")
        )
    return Part(
        _("Sequencer of the log"),
        "working",
        value if lag else _("Every entry has its place"),
        audit.sequencer_seen_at(),
    )


def checkpoint() -> Part:
    """The newest signed statement about the whole log."""
    newest = audit.latest_checkpoint()
    if trouble := audit.signing_trouble():
        fix = _("Keep the database as it is and compare it with a signed head held outside:")
        command = "python3 manage.py verify --database --prior CHECKPOINT"
        return Part(_("Signed checkpoint"), "down", trouble, newest.signed_at if newest else None, fix, command)
    if newest is None:
        return Part(
            _("Signed checkpoint"), "attention", _("None yet"), fix=_("The worker signs one after the first entries.")
        )
    state = "attention" if timezone.now() - newest.signed_at > CHECKPOINT_AGE else "working"
    size = ngettext("%(n)d entry", "%(n)d entries", newest.size) % {"n": newest.size}
    return Part(_("Signed checkpoint"), state, _("Over %(size)s") % {"size": size}, newest.signed_at)


def anchors() -> Part:
    """What of the log somebody outside can check, and which way out of here fails."""
    tail, troubles = audit.unanchored_tail(), audit.anchoring_troubles()
    value = ngettext("%(n)d entry stands only here", "%(n)d entries stand only here", tail.entries) % {
        "n": tail.entries
    }
    if troubles:
        why = " ".join(troubles.values())
        return Part(_("Heads given outside"), "attention", value, tail.oldest_at, why)
    if not tail.is_anchored:
        fix = _("Set TSA_URL, ANCHOR_MAIL, ANCHOR_GIT or ANCHOR_STORE, so that somebody else can show a change.")
        return Part(_("Heads given outside"), "attention", value, tail.oldest_at, fix)
    state = "attention" if tail.oldest_at and timezone.now() - tail.oldest_at > ANCHOR_AGE else "working"
    return Part(_("Heads given outside"), state, value, tail.anchored_at)


def verification() -> Part:
    """The last time every immutable row was hashed again."""
    last, command = audit.last_verification(), "python3 manage.py verify --database"
    if last is None:
        return Part(_("Verification of the record"), "attention", _("Not done yet"), command=command, fix=_("Run it:"))
    if last.verdict != "valid":
        value = _("%(count)d findings") % {"count": last.finding_count}
        fix = _("Stop, keep the database as it is, and call whoever answers for the record.")
        return Part(_("Verification of the record"), "down", value, last.finished_at, fix, command)
    state = "attention" if timezone.now() - last.finished_at > VERIFIED_AGE else "working"
    value = _("%(rows)d rows and %(entries)d entries are as they were written") % {
        "rows": last.rows,
        "entries": last.entries,
    }
    return Part(_("Verification of the record"), state, value, last.finished_at)


def pdf_engine() -> Part:
    """Whether the libraries that lay out dossiers are there."""
    missing = [name for name in PDF_LIBRARIES if not _loads(name)]
    if not missing:
        return Part(_("PDF engine"), "working", _("Pango and HarfBuzz are there"))
    value = _("Missing: %(names)s") % {"names": ", ".join(missing)}
    return Part(
        _("PDF engine"),
        "attention",
        value,
        fix=_("Dossiers cannot be laid out until it is installed:"),
        command=PDF_FIX,
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def disk() -> Part:
    """Room where the product keeps its files."""
    settings.VAR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR).free
    value = _("%(free).1f GB free") % {"free": free / 1e9}
    if free < LITTLE_DISK:
        return Part(
            _("Disk"),
            "attention",
            value,
            fix=_("Free some room; below nothing, nothing is recorded and the gate denies."),
        )
    return Part(_("Disk"), "working", value)


def sentence(parts: list[Part]) -> tuple[str, str]:
    """Tone and sentence over all parts."""
    down = [part.name for part in parts if part.state == "down"]
    attention = [part.name for part in parts if part.state == "attention"]
    if down:
        return "down", _("Not working: %(names)s") % {"names": ", ".join(down)}
    if attention:
        return "attention", _("Working; needs attention: %(names)s") % {"names": ", ".join(attention)}
    return "working", _("Everything works")

"""What this machine offers to the product, one finding per requirement, each with the command that mends it."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import psycopg
from django.db import Error as DatabaseError
from django.db import connection

from apps.config import bootstrap, database, roles

ROOM_GB = 2
FONTS = ("font_source_serif_pro", "font_source_sans_pro")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One requirement: whether it holds, what was seen, what mends it, and whether the product can run without it."""

    name: str
    is_fine: bool
    seen: str
    mend: str = ""
    is_needed: bool = True

    @property
    def word(self) -> str:
        """What the line begins with."""
        return "ok" if self.is_fine else ("MISSING" if self.is_needed else "absent")


def python() -> Finding:
    """The interpreter."""
    version = sys.version.split()[0]
    return Finding(
        "Python", sys.version_info >= (3, 11), f"{version} at {sys.executable}", "apt-get install -y python3.11"
    )


def environment() -> Finding:
    """The locked packages."""
    seen = "every telling pin of requirements.lock is installed"
    if bootstrap.satisfied("run"):
        return Finding("Packages", True, seen)
    return Finding(
        "Packages", False, "the installed packages differ from requirements.lock", "python3 manage.py doctor"
    )


def pango() -> Finding:
    """What PDF files are set with."""
    missing = bootstrap.missing_pango()
    seen = f"cannot be loaded: {', '.join(missing)}; PDF dossiers will fail" if missing else "loads"
    return Finding("Pango", not missing, seen, bootstrap.pango_command(), is_needed=False)


def fonts() -> Finding:
    """The faces of the dossier come as packages; others fill in for foreign scripts."""
    missing = [name for name in FONTS if find_spec(name) is None]
    return Finding(
        "Fonts",
        not missing,
        f"missing: {', '.join(missing)}" if missing else "Source Serif and Source Sans",
        "python3 manage.py doctor",
    )


def _is_given() -> bool:
    return bool(os.environ.get("DATABASE_URL"))


def postgresql() -> Finding:
    """The database answers, whichever it is; the embedded one is started for the question."""
    try:
        if not _is_given():
            database.ready()
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            version = cursor.fetchone()[0]
    except (database.Unavailable, DatabaseError, psycopg.Error) as error:
        return Finding(
            "PostgreSQL",
            False,
            " ".join(str(error).split())[:300],
            "see var/postgres/postgres.log, or set DATABASE_URL",
        )
    kind = "at DATABASE_URL" if _is_given() else f"embedded in {database.var() / 'postgres'}"
    major = int(version.split(".")[0])
    return Finding("PostgreSQL", major >= 15, f"{version} {kind}", "use PostgreSQL 15 or newer")


def separation() -> Finding:
    """The application's role owns no table, so it can neither change one nor switch its triggers off."""
    try:
        with connection.cursor() as cursor:
            owned = roles.owned_tables(cursor)
    except (DatabaseError, psycopg.Error):
        return Finding("Database role", False, "not asked: the database does not answer", is_needed=False)
    seen = f"owns {len(owned)} tables, among them {owned[0]}" if owned else "owns no table"
    return Finding(
        "Database role",
        not owned,
        seen,
        "set MIGRATION_DATABASE_URL to another role and migrate as it",
        is_needed=False,
    )


def chromium() -> Finding:
    """Only the browser tests need one."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    return Finding(
        "Chromium",
        bool(found),
        found or "not found; browser tests are skipped",
        "apt-get install -y chromium",
        is_needed=False,
    )


def openssl() -> Finding:
    """The travelling verifier calls it."""
    found = shutil.which("openssl") or ""
    return Finding(
        "openssl",
        bool(found),
        found or "not found; dossiers cannot be verified here",
        "apt-get install -y openssl",
        is_needed=False,
    )


def port() -> Finding:
    """The usual port; the next free one is taken otherwise."""
    with socket.socket() as asking:
        is_free = asking.connect_ex(("127.0.0.1", 8000)) != 0
    return Finding(
        "Port 8000",
        is_free,
        "free" if is_free else "in use; the next free one will be taken",
        "pass --port",
        is_needed=False,
    )


def disk() -> Finding:
    """Room for the database, evidence and dossiers."""
    place = database.var()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return Finding(
        "Disk",
        free >= ROOM_GB,
        f"{free:.1f} GB free at {place}; {ROOM_GB} GB are needed",
        f"free some room below {place}",
    )


REQUIREMENTS: tuple[Callable[[], Finding], ...] = (
    python,
    environment,
    pango,
    fonts,
    postgresql,
    separation,
    openssl,
    chromium,
    port,
    disk,
)


def findings() -> list[Finding]:
    """Ask every question, in order."""
    return [question() for question in REQUIREMENTS]

"""A pytest plugin: gives every run its own PostgreSQL.

Named by `-p` in pyproject.toml, so importing it comes before every hook and before anything reads the settings. The
server lives in a temporary folder and ends with the process that started it, however that ends.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from apps.config.database import Embedded

FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",  # query plans do not move in the middle of a test
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
ROOM_BYTES = 1_000_000_000


def _memory() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > ROOM_BYTES else None


def _begin() -> Embedded | None:
    """The server of this run, unless an address was given (by the caller, or by the process that started this worker)."""
    os.environ.pop("MIGRATION_DATABASE_URL", None)  # tests migrate as the role they connect with
    if os.environ.get("DATABASE_URL"):
        if not os.environ.get("IMPRIMATUR_VAR"):
            os.environ["IMPRIMATUR_VAR"] = _temporary()
        return None
    folder = _temporary()
    server = Embedded(Path(folder) / "pg", FAST, initdb=("--no-sync",))
    server.ensure()
    os.environ["DATABASE_URL"] = server.address("owner", "postgres")
    os.environ["IMPRIMATUR_VAR"] = folder
    return server


def _temporary() -> str:
    folder = tempfile.mkdtemp(prefix="imprimatur-test-", dir=_memory())
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: str, made_by: int) -> None:
    if os.getpid() == made_by:  # not in a forked child
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


server = _begin()
if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # its own broker and files
    os.environ["IMPRIMATUR_VAR"] = os.path.join(os.environ["IMPRIMATUR_VAR"], worker)
Path(os.environ["IMPRIMATUR_VAR"], "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where there is none

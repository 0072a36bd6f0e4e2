"""The programs of one installation on one machine, for the supervisor: web, two workers, the scheduler, the sequencer."""

import http.client
import os
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from celery import current_app
from django.db import connection
from django.utils import timezone

from apps.config import database
from apps.config.supervisor import Program
from apps.core import jobs, memory

ROOT = database.ROOT
MANAGE = [sys.executable, str(ROOT / "manage.py")]
CELERY = [sys.executable, "-m", "celery", "-q", "-A", "apps.config.celery", "worker", "-l", "warning"]
CELERY_QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
NEXT_PORTS = 20


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Open the web's socket on `port`, else on one of the next, else on any; the web inherits it, so nobody can take it meanwhile."""
    for candidate in (*range(port, port + NEXT_PORTS), 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
        except OSError:
            listener.close()
            continue
        listener.listen(2048)
        return listener
    raise OSError(f"no port can be opened on {host}")


def answers(port: int, path: str = "/healthz", host: str = "127.0.0.1") -> Callable[[], bool]:
    """Whether a program answers 200 on this port and path: a readiness question."""

    def ask() -> bool:
        asking = http.client.HTTPConnection(host, port, timeout=2)
        try:
            asking.request("GET", path)
            return asking.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()

    return ask


def web(listener: socket.socket) -> Program:
    """gunicorn on an inherited socket."""
    host, port = listener.getsockname()[:2]
    command = [sys.executable, "-m", "gunicorn", "-c", str(Path(__file__).with_name("server.py"))]
    command += ["--bind", f"fd://{listener.fileno()}", "apps.config.wsgi"]
    reach = "127.0.0.1" if host == "0.0.0.0" else host
    return Program(
        "web",
        command,
        answers(port, host=reach),
        folder=ROOT,
        descriptors=(listener.fileno(),),
        environment=_environment(),
        grace=12,
    )


def light() -> Program:
    """The worker for short jobs, with the scheduler in it; ready when it has left a sign of life."""
    begun = timezone.now()
    asked = False

    def is_ready() -> bool:
        nonlocal asked
        if not asked:
            current_app.send_task("core.sweep")  # the scheduler's own first turn is seconds away
            asked = True
        seen: datetime | None = jobs.worker_seen_at()
        return seen is not None and seen >= begun

    return _worker("light", "2", "-B", "-s", str(database.var() / "beat"), is_ready=is_ready)


def heavy() -> Program:
    """The worker for measuring and printing: one at a time, a new process for each, so memory is given back."""
    return _worker("heavy", "1", "--max-tasks-per-child", "1")


def sequencer() -> Program:
    """Gives the log's entries their dense number."""
    return Program("sequencer", [*MANAGE, "sequencer"], folder=ROOT, environment=_environment(), grace=10)


def installation(listener: socket.socket) -> list[Program]:
    """Everything that one machine runs."""
    return [sequencer(), light(), heavy(), web(listener)]


def keep_database() -> None:
    """Start the embedded server again when it has fallen (the supervisor asks every few seconds)."""
    if os.environ.get("DATABASE_URL"):
        return
    if not database.server().answers():
        database.ready()
        connection.close()


def _environment() -> dict[str, str]:
    return {
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore"),
        "DJANGO_SETTINGS_MODULE": "apps.config.settings",
    }


def _worker(queue: str, processes: str, *options: str, is_ready: Callable[[], bool] | None = None) -> Program:
    # as root Celery prints a page of warning about pickled messages; ours are JSON
    environment = {**_environment(), **memory.KEPT, "C_FORCE_ROOT": "1"}
    command = [*CELERY, "-Q", queue, "-c", processes, "-n", f"{queue}@%h", *CELERY_QUIET, *options]
    return Program(queue, command, is_ready, environment, folder=ROOT, grace=15)

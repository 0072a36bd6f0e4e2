"""Keeps one embedded PostgreSQL alive for as long as anyone holds its lease.

`apps.config.database` runs this file as `python -S keeper.py '{...}'`; it needs the standard library only. The process that
was started returns when the server answers (0) or says on standard error why it does not (1); the keeper itself
stays behind, detached, until nobody shares `lease` any more, and then stops the server. The kernel drops a file lock however its
holder dies, so no list of users can go stale.
"""

import ctypes
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_READ_SEARCH, CAPABILITY_VERSION_3 = 2, 0x20080522
PATIENCE_S = 300  # crash recovery after a long write load
ORPHANS_S = 60

# `imprimatur` may connect as any role: who may open the socket is decided by the 0700 folder it lies in.
HBA = "local all all peer map=imprimatur\n"
ROLES = (
    ("postgres", "CREATE ROLE app LOGIN;\nCREATE DATABASE imprimatur OWNER owner;\n"),
    ("imprimatur", "REVOKE CREATE ON SCHEMA public FROM PUBLIC;\nGRANT USAGE ON SCHEMA public TO app;\n"),
)


class Failed(Exception):
    """The server cannot be kept; the message is for the person who started it."""


@dataclass(frozen=True)
class Plan:
    """What to keep: where the binaries and the folder are, who the server runs as, and its options."""

    binaries: str
    folder: str
    socket: str
    options: list[str]
    initdb: list[str]
    connects_as: str  # the OS user who may connect
    runs_as: str  # empty: the OS user who starts it; set for root, whom PostgreSQL refuses

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return Path(self.folder) / "data"

    def own(self, path: Path) -> None:
        """Give `path` to the user the server runs as."""
        if self.runs_as:
            account = pwd.getpwnam(self.runs_as)
            os.chown(path, account.pw_uid, account.pw_gid)

    def become(self) -> Callable[[], None]:
        """What a server process does between fork and exec: drop root, and end when the keeper ends."""
        account = pwd.getpwnam(self.runs_as) if self.runs_as else None

        def prepare() -> None:
            if account:
                LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
                _may_walk_closed_folders()
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)  # after setuid, which clears it

        return prepare

    def run(self, binary: str, *arguments: str, stdin: str = "") -> None:
        """Run one of the wheel's programs to its end as the server's user."""
        done = subprocess.run(
            [str(Path(self.binaries) / binary), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd="/",
            preexec_fn=self.become(),
            check=False,
        )
        if done.returncode:
            raise Failed(f"{binary} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-1500:]}")


def _may_walk_closed_folders() -> None:
    """Keep CAP_DAC_READ_SEARCH, so that a checkout below a 0700 home is reachable without opening the home."""
    bit = 1 << CAP_DAC_READ_SEARCH
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if LIBC.capset(header, sets) == 0:  # refused where the container lacks it: then the folder must be walkable
        LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0)


def initialise(plan: Plan) -> None:
    """Make the cluster beside its place and move it there whole, so that a kill in the middle leaves nothing half made."""
    fresh = plan.data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    plan.own(fresh)
    locale = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        plan.run("initdb", "-D", str(fresh), "-U", "owner", "-A", "peer", *locale, *plan.initdb)
    except Failed as error:
        raise Failed(
            f"{error}\nIf it names a folder that may not be entered: move the checkout to one that every user may enter, "
            "or `chmod o+x` the folders above it."
        ) from error
    for database, statements in ROLES:
        plan.run("postgres", "--single", "-D", str(fresh), "-j", database, stdin=statements.replace(";\n", ";\n\n"))
    fresh.rename(plan.data)


def admit(plan: Plan) -> None:
    """Let exactly the OS user who starts the server (and the one it runs as) connect, as owner or as app."""
    names = dict.fromkeys(name for name in (plan.connects_as, plan.runs_as) if name)
    lines = "".join(f'imprimatur "{name}" all\n' for name in names)
    for name, text in (("pg_hba.conf", HBA), ("pg_ident.conf", lines)):
        path = plan.data / name
        path.write_text(text)
        plan.own(path)


def forget_dead_postmaster(plan: Plan) -> None:
    """Wait for orphans of a killed server to end, then remove the files that would make PostgreSQL believe it still lives."""
    end = time.monotonic() + ORPHANS_S
    while _servers_in(plan.data):
        if time.monotonic() > end:
            raise Failed(f"another PostgreSQL (process {_servers_in(plan.data)[0]}) uses {plan.data}; stop it first")
        time.sleep(0.02)
    socket = Path(plan.socket) / ".s.PGSQL.5432"
    for path in (plan.data / "postmaster.pid", socket, socket.with_name(socket.name + ".lock")):
        path.unlink(missing_ok=True)


def _servers_in(data: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                inside, program = os.readlink(entry / "cwd") == str(data), os.readlink(entry / "exe")
            except OSError:
                continue
            if inside and os.path.basename(program) == "postgres":
                found.append(int(entry.name))
    return found


def answers(plan: Plan) -> bool:
    """True when the server accepts connections."""
    command = [str(Path(plan.binaries) / "pg_isready"), "-q", "-h", plan.socket, "-U", "owner", "-d", "postgres"]
    return subprocess.run(command, cwd="/", check=False).returncode == 0


def start(plan: Plan) -> "subprocess.Popen[bytes]":
    """Start the server and return once it answers."""
    log = Path(plan.folder) / "postgres.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [str(Path(plan.binaries) / "postgres"), "-D", str(plan.data), "-k", plan.socket, *plan.options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            preexec_fn=plan.become(),
        )
    end = time.monotonic() + PATIENCE_S
    while not answers(plan):
        if server.poll() is not None or time.monotonic() > end:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise Failed(f"PostgreSQL did not start. The end of {log}:\n{tail}")
        time.sleep(0.02)
    return server


def keep(plan: Plan, started: Callable[[], None]) -> NoReturn:
    """Start the server, wait until nobody holds the lease, stop it."""
    folder = Path(plan.folder)
    guard: IO[str] = (folder / "keeper.lock").open("w")
    fcntl.flock(guard, fcntl.LOCK_EX)  # a keeper that is just stopping its server is waited for
    if not (plan.data / "PG_VERSION").exists():
        initialise(plan)
    admit(plan)
    forget_dead_postmaster(plan)
    server = start(plan)
    (folder / "keeper.pid").write_text(str(os.getpid()))
    started()
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))

    def leave_with_the_server() -> None:
        server.wait()
        os._exit(0)

    threading.Thread(target=leave_with_the_server, daemon=True).start()
    fcntl.flock(os.open(folder / "lease", os.O_RDWR), fcntl.LOCK_EX)  # returns when the last user is gone
    server.send_signal(signal.SIGINT)  # fast shutdown
    while True:
        signal.pause()  # the thread ends the process with the server; the lease stays locked until then


def main() -> int:
    """Detach a keeper; return when its server answers."""
    plan = Plan(**json.loads(sys.argv[1]))
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        if said != "ready":
            sys.stderr.write(said or "the keeper of the embedded PostgreSQL died while starting\n")
        return 0 if said == "ready" else 1
    os.close(reading)
    os.setsid()
    log = os.open(Path(plan.folder) / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    with os.fdopen(writing, "w") as answer:

        def started() -> None:
            answer.write("ready")
            answer.close()

        try:
            keep(plan, started)
        except (Failed, OSError, KeyError) as error:
            answer.write(f"{error}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())

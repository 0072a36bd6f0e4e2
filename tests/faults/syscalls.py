"""Every write, flush and renaming of what the product keeps outside its database fails once, or is the last thing that happens.

    python -m tests.faults.syscalls [--folder DIR]

Each action runs in a process of its own below `strace`, once for every system call in it that changes a file: with "no space left", with
an input/output error, and with SIGKILL right before it. After each: a file under its name is the old one or the new one to the
byte, who was told that it worked has the new one, and the same action run again succeeds. Needs `strace`; figures in docs/trust.md.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.standing import installation

CALLS = (
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
)
CALLS += ("unlink", "unlinkat", "ftruncate", "fchmod", "chmod")
FAULTS = {"no space": "error=ENOSPC", "input/output error": "error=EIO", "killed": "signal=SIGKILL"}
COUNTED = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?([a-z0-9_]+)\(")
BIG = bytes(range(256)) * 1200
ENTRIES = 300
DONE, REFUSED = 0, 3


class Half(Exception):
    """A file under its name is neither the old one nor the new one, or the next start did not go on."""


@dataclass
class Action:
    """Something that writes files: how to begin from nothing, to do it, and what is there afterwards, by name."""

    name: str
    folder: Path
    before: Callable[[], None]
    act: Callable[[], object]
    is_same: Callable[[dict[str, bytes], dict[str, bytes]], bool] = dict.__eq__
    is_whole: Callable[[bytes], bool] = lambda content: False  # of files that are others each time


def files_in(folder: Path) -> dict[str, bytes]:
    """What lies there under a name; a draft begins with a dot."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def begun(action: Action) -> dict[str, bytes]:
    """Empty the folder, make what was there before, and say what that is."""
    shutil.rmtree(action.folder, ignore_errors=True)
    action.folder.mkdir(parents=True)
    action.before()
    return files_in(action.folder)


def performed(action: Action, options: list[str], note: Path) -> int:
    """Do it in a process of its own, watched by strace; its exit code, negative for a signal."""
    child = _forked()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(_attempt(action))
    os.waitpid(child, os.WUNTRACED)
    watcher = subprocess.Popen(
        ["strace", "-qq", "-o", str(note), *options, "-p", str(child)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_until_watched(child)
    os.kill(child, signal.SIGCONT)
    _, status = os.waitpid(child, 0)
    watcher.wait(30)
    return os.waitstatus_to_exitcode(status)


def _forked() -> int:
    """Two processes; neither holds a connection of the other."""
    from django.db import connection

    connection.close()
    return os.fork()


def _attempt(action: Action) -> int:
    from apps.core.errors import ProductError

    try:
        action.act()
    except (OSError, ProductError):
        return REFUSED
    return DONE


def _wait_until_watched(pid: int) -> None:
    end = time.monotonic() + 20
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        if time.monotonic() > end:
            raise SystemExit("strace did not attach to a process of its own user. Is ptrace allowed here?")
        time.sleep(0.002)


def calls_of(action: Action, note: Path) -> tuple[Counter[str], dict[str, bytes]]:
    """How often each call is made, and what is there at the end."""
    begun(action)
    code = performed(action, ["-e", f"trace={','.join(CALLS)}"], note)
    if code != DONE:
        raise Half(f"{action.name} fails without a fault: {code}")
    lines = (COUNTED.match(line) for line in note.read_text().splitlines())
    return Counter(line[1] for line in lines if line), files_in(action.folder)


def check(action: Action, note: Path) -> Counter[str]:
    """Every call with every fault; how many of each."""
    calls, after = calls_of(action, note)
    done: Counter[str] = Counter()
    for call, count in sorted(calls.items()):
        for number in range(1, count + 1):
            for words, fault in FAULTS.items():
                before = begun(action)
                options = ["-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}"]
                code = performed(action, options, note)
                judge(action, code, before, after, f"{words} at {call} {number} of {count}")
                done[words] += 1
    return done


def judge(action: Action, code: int, before: dict[str, bytes], after: dict[str, bytes], where: str) -> None:
    """Raises Half."""
    found = files_in(action.folder)
    is_new = action.is_same(found, after)
    for name, content in found.items():
        if not is_new and content not in (before.get(name), after.get(name)) and not action.is_whole(content):
            raise Half(
                f"{action.name}, {where}: {name} has {len(content)} bytes and is neither the old nor the new file"
            )
    if code == DONE and not is_new:
        raise Half(f"{action.name}, {where}: it said that it worked, and the new files are not there")
    if code not in (DONE, REFUSED, -signal.SIGKILL):
        raise Half(f"{action.name}, {where}: ended with {code}")
    again = _again(action)
    if again != DONE or not action.is_same(files_in(action.folder), after):
        raise Half(f"{action.name}, {where}: the next start did not go on ({again})")


def _again(action: Action) -> int:
    child = _forked()
    if child == 0:
        os._exit(_attempt(action))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def actions(place: Path) -> Iterator[Action]:
    """What the product keeps outside its database."""
    from django.conf import settings
    from django.core.files.storage import storages
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command

    from apps.accounts import erased
    from apps.audit import anchoring, note, queries, signing
    from apps.audit.models import Entry
    from apps.dossiers import building, sealing
    from apps.evidence import services as evidence

    keys = Path(settings.SIGNING_KEY_FILE).parent
    files = Path(settings.MEDIA_ROOT)
    first, second = (note.Checkpoint(queries.origin(), size, bytes([size]) * 32) for size in (1, 2))
    yield Action("the signer's memory", keys, lambda: signing.remember(first), lambda: signing.remember(second))
    yield Action("the log's first key", keys, _nothing, signing.load_private_key, is_a_key, is_pem)
    following = signing.next_key_file()
    new = signing.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    yield Action("the log's next key", keys, _nothing, lambda: signing.write_key(following, new))
    seal = (Path(settings.SEAL_KEY_FILE), Path(settings.SEAL_CERT_FILE))
    yield Action(
        "the seal's key and certificates", keys, _nothing, lambda: sealing._make_once(*seal), is_a_seal, is_pem
    )
    entries = list(Entry.objects.filter(verb=erased.ERASED))
    yield Action("the list of erased accounts", keys, _nothing, lambda: erased.keep(entries))
    yield Action("a dossier's file", files, _nothing, lambda: building.keep(BIG))
    upload = lambda: evidence.keep_files([SimpleUploadedFile("report.pdf", BIG)])  # noqa: E731
    yield Action("a file of evidence", files, _nothing, upload)
    head = queries.latest_checkpoint()
    store = Path(storages["anchors"].path(""))
    yield Action("a head in the auditor's store", store, _nothing, lambda: anchoring._store(head))
    tiles = place / "tiles"
    export = lambda: call_command("export_tiles", str(tiles), stdout=open(os.devnull, "w"))  # noqa: E731
    yield Action("the export of tiles", tiles, _nothing, export)


def _nothing() -> None:
    """Nothing was there before."""


def is_pem(content: bytes) -> bool:
    """Whether a key or certificates end as they begin."""
    first, last = content.splitlines()[:1], content.splitlines()[-1:]
    return first == [b"-----BEGIN" + last[0][8:]] if first and last else False


def is_a_key(found: dict[str, bytes], after: dict[str, bytes]) -> bool:
    """The same name, and a whole key: every time it is another one."""
    return found.keys() == after.keys() and all(map(is_pem, found.values()))


def is_a_seal(found: dict[str, bytes], after: dict[str, bytes]) -> bool:
    """Key and certificates that belong together."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    if found.keys() != after.keys():
        return False
    key, chain = load_pem_private_key(found["seal.pem"], None), load_pem_x509_certificates(found["seal.crt"])
    return len(chain) == 2 and key.public_key() == chain[0].public_key()  # type: ignore[union-attr]


def grow() -> None:
    """A log with some tiles, a signed head, and somebody who was erased."""
    from django.db import transaction

    from apps.accounts import erased
    from apps.audit import services

    with transaction.atomic():
        for number in range(ENTRIES):
            services.record(services.system("tests"), "tests.happened", f"model:{number % 7}")
        services.record(services.system("tests"), erased.ERASED, "user:00000000-0000-7000-8000-000000000001")
    services.sequence_all()
    services.sign_checkpoint()


def run(place: Path, only: str = "") -> dict[str, Any]:
    """All of them; what was done to each."""
    grow()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for action in actions(place):
            if only in action.name:
                start = time.monotonic()
                figures[action.name] = {
                    **check(action, Path(folder) / "calls"),
                    "seconds": round(time.monotonic() - start),
                }
                print(json.dumps({action.name: figures[action.name]}), file=sys.stderr, flush=True)
    return figures


def main() -> int:
    """Exit 0 when nothing half was left; without strace it says so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, help="where the installation lives; kept (default: a temporary one, removed)"
    )
    parser.add_argument("--only", default="", help="actions whose name holds this")
    asked = parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: strace is not installed.")
        return 0
    with installation(asked.folder) as place:
        try:
            print(json.dumps(run(place, asked.only), indent=1))
        except Half as half:
            print(f"HALF: {half}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""kill -9 of sequencer, web and database at random moments while entries are written: is everything that was acknowledged in the log?

    python -m tests.faults.log_kills [--kills 200] [--writers 3] [--seed N] [--folder DIR]

An installation of its own: a database that syncs to disk, the web, the sequencer. Some writers register datasets over
HTTP, some record entries in transactions of their own; what they were told was done is kept. After every kill the load must go on before
the next. At the end: nothing acknowledged is missing, numbers are dense, every signed head that was ever read is a head of this log,
and `verify --database` finds nothing. Figures of the last run stand in docs/trust.md.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.matrix import free_port
from tests.faults.rig import MANAGE, ROOT, Lost, clean_environment

TARGETS = ("sequencer", "web", "database")
PATIENCE = 90.0
CALM = (0.2, 1.5)


@dataclass
class Acknowledged:
    """What writers were told was done, and what was read of the log on the way."""

    entries: set[str] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)
    heads: dict[int, bytes] = field(default_factory=dict)
    refused: int = 0

    def count(self) -> int:
        """How many writes were acknowledged."""
        return len(self.entries) + len(self.datasets)


class House:
    """One installation whose parts are killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.environment = {**clean_environment(folder), "IMPRIMATUR_BOOTSTRAP": "off", "PYTHONWARNINGS": "ignore"}
        os.environ.update(self.environment)
        os.environ.pop("DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "apps.config.settings"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.token = ""

    def begin(self) -> None:
        """Database, tables, a person who may register datasets, the programs."""
        import django

        from apps.config import database

        database.ready()
        subprocess.run([*MANAGE, "migrate", "-v", "0"], cwd=ROOT, env=self.environment, check=True)
        django.setup()
        from tests.factories import person, token_for

        self.token = token_for(person("data_steward", username="steward"), "registry:write", "read")
        for name in ("sequencer", "web"):
            self.start(name)

    def start(self, name: str) -> None:
        """One program, its words in a file."""
        web = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "apps/config/server.py"), "apps.config.wsgi"]
        commands = {"sequencer": [*MANAGE, "sequencer"], "web": [*web, "--bind", f"127.0.0.1:{self.port}"]}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                commands[name], cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def strike(self, name: str) -> None:
        """kill -9, all its processes at once, and start it again."""
        if name == "database":
            from apps.config import database

            os.kill(int((self.folder / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            database.ready()
            return
        os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()
        self.start(name)

    def end(self) -> None:
        """Nothing is left running."""
        from apps.config import database

        for program in self.running.values():
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        database.server().stop()


def register(house: House, told: Acknowledged, number: int) -> None:
    """A dataset over HTTP; 201 is the acknowledgement."""
    asking = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    headers = {"Authorization": f"Bearer {house.token}", "Content-Type": "application/json"}
    body = {"namespace": "kills", "name": f"{threading.get_ident()}.{number}", "kind": "table", "title": "Rows"}
    try:
        asking.request("POST", "/api/v1/datasets", json.dumps(body), headers)
        answer = asking.getresponse()
        said = answer.read()
        if answer.status == 201:
            told.datasets.add(f"dataset:{json.loads(said)['id']}")
        else:
            told.refused += 1
            time.sleep(0.05)
    except (OSError, http.client.HTTPException, ValueError):
        told.refused += 1
        time.sleep(0.05)
    finally:
        asking.close()


def write(house: House, told: Acknowledged, number: int) -> None:
    """An entry in a transaction of its own; the end of the block is the acknowledgement."""
    from django.db import Error, connection, transaction

    from apps.audit import services

    try:
        with transaction.atomic():
            said = {"number": str(number)}
            entry = services.record(services.system("tests"), "tests.happened", f"model:{number % 7}", data=said)
        told.entries.add(str(entry.pk))
        time.sleep(0.005)
    except Error:
        told.refused += 1
        connection.close()
        time.sleep(0.05)


def keep_on(work: Callable[[House, Acknowledged, int], None], house: House, told: Acknowledged, over: Any) -> Any:
    """A thread that works until it is over."""

    def loop() -> None:
        number = 0
        while not over.is_set():
            work(house, told, number)
            number += 1

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread


def query(work: Callable[[], Any]) -> Any:
    """Ask the database from this thread, again when it has just been killed."""
    from django.db import Error, connection

    end = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except Error as away:
            connection.close()
            if time.monotonic() > end:
                raise Lost(f"The database does not answer: {away}") from away
            time.sleep(0.1)


def watch_heads(told: Acknowledged) -> int:
    """Keep the newest signed head; one that changed under its size is a loss."""
    from apps.audit import queries

    head = query(queries.latest_checkpoint)
    if head is None:
        return 0
    if told.heads.setdefault(head.size, bytes(head.root)) != bytes(head.root):
        raise Lost(f"The head of {head.size} entries changed.")
    return int(head.size)


def wait_until(holds: Callable[[], bool], what: str) -> float:
    """Seconds until it held."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > PATIENCE:
            raise Lost(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - begun


def has_recovered(target: str, told: Acknowledged, before: Acknowledged) -> bool:
    """What the target serves goes on: datasets for the web, new heads for the sequencer, both for the database."""
    is_web = len(told.datasets) > len(before.datasets)
    is_log = watch_heads(told) > max(before.heads, default=0)
    return {"web": is_web, "sequencer": is_log, "database": is_web and is_log}[target]


def check(told: Acknowledged) -> dict[str, Any]:
    """Raises Lost unless everything acknowledged is in a dense, whole log that continues every head that was read."""
    from apps.audit import queries
    from apps.audit.models import Entry, Leaf, Pending
    from apps.audit.verification import verify_database

    wait_until(lambda: not query(Pending.objects.exists), "Every entry to get its place")
    placed = {str(pk) for pk in Leaf.objects.values_list("entry_id", flat=True)}
    subjects = set(Entry.objects.filter(verb="catalog.dataset_registered").values_list("subject", flat=True))
    if missing := (told.entries - placed) | (told.datasets - subjects):
        raise Lost(f"{len(missing)} acknowledged writes are not in the log: {sorted(missing)[:5]}")
    numbers = list(Leaf.objects.order_by("seq").values_list("seq", flat=True))
    if numbers != list(range(len(numbers))):
        raise Lost("The log has a gap.")
    for size, root in told.heads.items():
        if queries.root_at(size) != root:
            raise Lost(f"The log does not continue the head of {size} entries that was signed.")
    run = verify_database()
    if not run.is_valid:
        raise Lost(f"verify --database: {run.findings[:5]}")
    return {"entries": len(numbers), "heads compared": len(told.heads), "verified rows": run.rows}


def storm(house: House, told: Acknowledged, kills: int, chance: random.Random) -> list[tuple[str, float]]:
    """Kill, wait until the load goes on, again. Answers with target and seconds of each."""
    struck = []
    for number in range(kills):
        time.sleep(chance.uniform(*CALM))
        target = chance.choice(TARGETS) if kills > len(TARGETS) else TARGETS[number % len(TARGETS)]
        watch_heads(told)
        begun = time.monotonic()
        house.strike(target)
        before = Acknowledged(set(), set(told.datasets), dict(told.heads))
        wait_until(lambda t=target, b=before: has_recovered(t, told, b), f"The load to go on after {target}")  # type: ignore[misc]
        struck.append((target, time.monotonic() - begun))
        print(json.dumps({"kill": number + 1, "target": target, "seconds": round(struck[-1][1], 2)}), flush=True)
    return struck


def run(folder: Path, kills: int, writers: int, seed: int) -> dict[str, Any]:
    """The whole rehearsal."""
    house, told, over = House(folder), Acknowledged(), threading.Event()
    begun = time.monotonic()
    try:
        house.begin()
        threads = [keep_on(work, house, told, over) for work in (register, write) for _ in range(writers)]
        wait_until(lambda: bool(told.datasets) and bool(watch_heads(told)), "The load to begin")
        struck = storm(house, told, kills, random.Random(seed))
        over.set()
        for thread in threads:
            thread.join(30)
        found = check(told)
    finally:
        over.set()
        house.end()
    times = {name: [seconds for target, seconds in struck if target == name] for name in TARGETS}
    return {
        "kills": {name: len(found) for name, found in times.items()},
        "seconds until the load went on (median)": {n: round(statistics.median(t), 2) for n, t in times.items() if t},
        "acknowledged": told.count(),
        "over HTTP": len(told.datasets),
        "refused or cut": told.refused,
        "lost": 0,
        **found,
        "seconds": round(time.monotonic() - begun),
        "seed": seed,
    }


def main() -> int:
    """Exit 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--writers", type=int, default=3, help="of each kind")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="which moments and targets")
    parser.add_argument(
        "--folder", type=Path, help="where the installation lives; kept (default: a temporary one, removed)"
    )
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="imprimatur-kills-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(json.dumps(run(folder, asked.kills, asked.writers, asked.seed)))
    except Lost as lost:
        print(f"LOST: {lost}", file=sys.stderr)
        return 1
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

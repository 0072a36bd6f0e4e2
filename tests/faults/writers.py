"""Sixteen writers at a steady pace while locks are held, deadlocks happen and the clock jumps: is anything lost, how long does one take?

    python -m tests.faults.writers [--seconds 60] [--rate 100] [--writers 16] [--seed N]

A database that syncs to disk. Each writer records entries in transactions of its own, together at `--rate` a second, and
keeps what was acknowledged. A sequencer works beside them. Meanwhile: two transactions change two subjects in opposite
order until PostgreSQL ends one of them; a transaction holds the subject that everybody changes, longer than some writers wait
(`lock_timeout`); the clock jumps an hour forward and back. At the end nothing acknowledged is missing, numbers are dense, every subject
was counted once for each of its changes, `verify --database` finds nothing, and the clock's jumps are in the log.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.faults.log_kills import Acknowledged, check
from tests.faults.rig import Lost
from tests.faults.standing import installation

HOT = "policy:hot"
PATIENCE_MS = 60
HELD_SECONDS = 0.15


@dataclass
class Run:
    """What writers were told, and how long each waited."""

    told: Acknowledged = field(default_factory=Acknowledged)
    changes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self, entries: list[Any], changed: list[str], seconds: float | None = None) -> None:
        """A transaction has committed."""
        with self.guard:
            self.told.entries |= {str(entry.pk) for entry in entries}
            self.changes.update(changed)
            if seconds is not None:
                self.seconds.append(seconds)

    def ended(self, how: str) -> None:
        """A transaction did not commit, or something was done to the others."""
        with self.guard:
            self.endings[how] += 1


def write(run: Run, number: int, chance: random.Random) -> None:
    """One entry in a transaction of its own; every tenth changes what all change, every twentieth waits for it only a moment."""
    from django.db import OperationalError, connection, transaction

    from apps.audit import services

    changes = [f"use_case:{number % 500}"] + ([HOT] if number % 10 == 0 else [])
    begun = time.perf_counter()
    try:
        with transaction.atomic():
            if number % 20 == 0:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'")
            said = {"number": str(number)}
            entry = services.record(
                services.system("tests"), "tests.happened", f"model:{number % 50}", data=said, changes=changes
            )
    except OperationalError as refused:
        run.ended("lock timeout" if "lock timeout" in str(refused) else str(refused).splitlines()[0])
        return
    run.acknowledge([entry], changes, time.perf_counter() - begun)


def writer(run: Run, which: int, every: float, chance: random.Random) -> None:
    """At a steady pace, whatever the last one took."""
    due = time.perf_counter() + chance.random() * every
    number = which * 1_000_003
    while not run.over.is_set():
        time.sleep(max(due - time.perf_counter(), 0))
        write(run, number, chance)
        number, due = number + 1, due + every * chance.uniform(0.5, 1.5)


def holder(run: Run) -> None:
    """Holds the subject that everybody changes, longer than some wait for it."""
    from django.db import transaction

    from apps.audit import services

    while not run.over.wait(2):
        with transaction.atomic():
            entry = services.record(services.system("tests"), "tests.held", "model:held", changes=[HOT])
            time.sleep(HELD_SECONDS)
        run.acknowledge([entry], [HOT])
        run.ended("held")


def crossing(run: Run, first: str, second: str, meet: threading.Barrier) -> None:
    """Changes two subjects one after the other; the other thread does so in the other order, so that one has to give way."""
    from django.db import OperationalError, transaction

    from apps.audit import services

    while not run.over.is_set():
        try:
            meet.wait(10)
            with transaction.atomic():
                entries = [services.record(services.system("tests"), "tests.crossed", "model:crossed", changes=[first])]
                meet.wait(10)
                entries.append(
                    services.record(services.system("tests"), "tests.crossed", "model:crossed", changes=[second])
                )
            run.acknowledge(entries, [first, second])
        except OperationalError as refused:
            run.ended("deadlock" if "deadlock" in str(refused) else str(refused).splitlines()[0])
        except threading.BrokenBarrierError:
            return
        run.over.wait(1.5)


def sequencer(run: Run) -> None:
    """The sequencer's own turns, four a second."""
    from apps.audit.management.commands.sequencer import Sequencer
    from tests.faults.log_kills import watch_heads

    working = Sequencer()
    while not run.over.wait(0.25):
        working.turn()
        watch_heads(run.told)
    working.turn()


def clock(run: Run, seed: int) -> None:
    """An hour forward or back for a while, again and again."""
    import time_machine

    chance = random.Random(seed)
    while not run.over.wait(4):
        with time_machine.travel(timedelta(hours=chance.choice([1, -1])), tick=True):
            run.ended("clock jumped")
            run.over.wait(3)


def closing(work: Callable[..., None], *given: Any) -> Callable[[], None]:
    """The work, then its connection."""

    def whole() -> None:
        from django.db import connection

        try:
            work(*given)
        finally:
            connection.close()

    return whole


def rehearse(seconds: int, rate: int, writers: int, seed: int) -> dict[str, Any]:
    """All at once, then the comparison."""
    from apps.audit import queries, services
    from apps.audit.models import Entry

    services.ensure_key()
    services.sequence_all()
    run, meet = Run(), threading.Barrier(2)
    works = [closing(writer, run, which, writers / rate, random.Random(seed + which)) for which in range(writers)]
    works += [closing(crossing, run, *pair, meet) for pair in (("policy:a", "policy:b"), ("policy:b", "policy:a"))]
    works += [closing(holder, run), closing(sequencer, run), closing(clock, run, seed)]
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    run.over.set()
    meet.abort()
    for thread in threads:
        thread.join(60)
    services.sequence_all()
    services.sign_checkpoint()
    found = check(run.told)
    counted = queries.epochs(run.changes)
    wrong = {subject: (counted[subject], times) for subject, times in run.changes.items() if counted[subject] != times}
    if wrong:
        raise Lost(f"Changes were lost or counted twice: {dict(list(wrong.items())[:5])}")
    jumps = Entry.objects.filter(verb="audit.clock_anomaly").count()
    if run.endings["clock jumped"] and not jumps:
        raise Lost("The clock jumped, and the log does not say so.")
    ranked = statistics.quantiles(run.seconds, n=100)
    return {
        "writers": writers, "asked a second": rate, "acknowledged": run.told.count(),
        "of writers a second": round(len(run.seconds) / seconds, 1),
        "append, ms": {name: round(ranked[place] * 1e3, 1) for name, place in (("p50", 49), ("p95", 94), ("p99", 98))},
        "longest, ms": round(max(run.seconds) * 1e3), "done to them": dict(run.endings), "clock jumps in the log": jumps,
        "lost": 0, **found, "seed": seed,
    }  # fmt: skip


def main() -> int:
    """Exit 0 when nothing was lost and 95 of 100 entries took less than 50 ms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=100, help="entries a second, of all writers together")
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--seed", type=int, default=20261125)
    asked = parser.parse_args()
    with installation():
        try:
            told = rehearse(asked.seconds, asked.rate, asked.writers, asked.seed)
        except Lost as lost:
            print(f"LOST: {lost}", file=sys.stderr)
            return 1
    print(json.dumps(told))
    return 0 if told["append, ms"]["p95"] < 50 else 1


if __name__ == "__main__":
    sys.exit(main())

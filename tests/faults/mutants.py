"""Mutation testing of what everything else rests on: the tree, notes, canonical bytes, and the offline verifier.

    python -m tests.faults.mutants                        all modules
    python -m tests.faults.mutants merkle note            some (names as in apps/audit or apps/dossiers/verifier)
    python -m tests.faults.mutants --sample 300 --seed 7  so many of each half, drawn with this seed

Each change (`tests/faults/mutation.py`) is run in a process of its own against the suite's tests until one fails: tests of the part, the
corpus of bundles (the cases that pass through the changed line), other tests. A change that no test notices survives.
Those that no test can notice stand in `equivalent.txt` with the reason. Ends with 1 below 95 %.

Why no tool of others: the package's tests start a database and Django, which is seconds for each of some two thousand changes,
and a changed module has to be seen by modules that import its names. Here a change takes some tenths of a second.
"""

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.faults.mutation import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
LOG = {
    "merkle": ("tests/audit/test_vectors.py", "tests/audit/test_merkle.py"),
    "note": ("tests/audit/test_vectors.py", "tests/audit/test_note.py"),
    "canonical": ("tests/audit/test_vectors.py", "tests/audit/test_canonical.py"),
}
VERIFIER = (
    "verdict", "strict", "tree", "openssl", "trust", "signed", "bag", "pdf", "examination", "webauthn", "people",
    "checks", "command", "single",
)  # fmt: skip
# The file whose tests are about a module goes first.
PARTS = dict.fromkeys(("verdict", "strict", "tree", "trust", "signed"), "parts")
PARTS |= dict.fromkeys(("bag", "pdf"), "pieces")
PARTS |= dict.fromkeys(("openssl", "examination", "command", "single"), "entries")
PARTS |= dict.fromkeys(("webauthn", "checks", "people"), "signatures")
AFTERWARDS = (
    "tests/dossiers/test_verifier_checks.py",
    "tests/audit/test_vectors.py",
    "tests/dossiers/test_verifier.py",
)
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
WANTED = 0.95
PROCESSOR_SECONDS = 6  # the corpus gives itself more
CLOCK_SECONDS = 240
MEMORY = 3 * 2**30
SURVIVED, KILLED, TOO_LONG = "survived", "killed", "too long"


def dotted(name: str) -> str:
    """The module with this short name."""
    return f"apps.audit.{name}" if name in LOG else f"apps.dossiers.verifier.{name}"


def source_of(name: str) -> str:
    """Its text."""
    return (ROOT / (dotted(name).replace(".", "/") + ".py")).read_text(encoding="utf-8")


def tried(mutant: Mutant, corpus: Any) -> str:
    """What became of one change, in a process of its own."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(0 if _is_survivor(mutant, corpus) else 1)
    _, status = os.waitpid(child, 0)
    is_late = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
    if is_late or time.monotonic() - begun > CLOCK_SECONDS:
        return TOO_LONG
    return SURVIVED if status == 0 else KILLED


def _is_survivor(mutant: Mutant, corpus: Any) -> bool:
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
    signal.alarm(CLOCK_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        from tests.faults import killers

        return killers.survives(mutant, corpus, tests_for(mutant.module))
    except BaseException:  # noqa: BLE001 - whatever the change broke is a failing test
        return False


def tests_for(module: str) -> tuple[str, ...]:
    """The files of tests that a change of this module has to pass; for the verifier the corpus stands after the fourth."""
    if module in LOG:
        return LOG[module]
    ordered = sorted(set(PARTS.values()), key=lambda name: name != PARTS[module])
    return (*(f"tests/dossiers/test_verifier_{name}.py" for name in ordered), *AFTERWARDS)


def known_equivalents() -> dict[str, str]:
    """Changes that no test can notice: name -> reason."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines() if EQUIVALENT.exists() else []
    pairs = [line.partition("  # ") for line in lines if line and not line.startswith("#")]
    return {name.strip(): reason.strip() for name, _, reason in pairs}


def drawn(names: Iterable[str], sample: int, seed: int) -> list[Mutant]:
    """The changes to try: all, or so many of each half."""
    halves: dict[bool, list[Mutant]] = {True: [], False: []}
    for name in names:
        halves[name in LOG].extend(mutants(name, source_of(name)))
    if not sample:
        return halves[True] + halves[False]
    choose = random.Random(seed)
    return [mutant for half in halves.values() for mutant in choose.sample(half, min(sample, len(half)))]


def require_sound(names: Sequence[str], corpus: Any) -> None:
    """A module that is not changed has to survive, or every change would count as found."""
    import ast

    one_of_each = {tests_for(name): name for name in names}
    for name in one_of_each.values():
        tree = ast.parse(source_of(name))
        same = Mutant(name, "module", "nothing", "nothing", 0, 0, True, tree)
        if tried(same, corpus) != SURVIVED:
            raise SystemExit(f"The tests of {name} fail although nothing was changed.")


def labelled(mutant: Mutant) -> str:
    """Its line and its name."""
    return f"{mutant.first}: {mutant.name}"


def report(found: list[tuple[Mutant, str]], seconds: float) -> dict[str, Any]:
    """Figures for each module, and who survived."""
    known = known_equivalents()
    rows: dict[str, dict[str, int]] = {}
    survivors = []
    for mutant, fate in found:
        row = rows.setdefault(
            mutant.module, dict.fromkeys(("mutants", "killed", "too long", "equivalent", "survived"), 0)
        )
        row["mutants"] += 1
        is_equivalent = fate == SURVIVED and mutant.name in known
        row["equivalent" if is_equivalent else fate] += 1
        if fate == SURVIVED and not is_equivalent:
            survivors.append(labelled(mutant))
    whole = {key: sum(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    killed, all_that_count = whole["killed"] + whole["too long"], whole["mutants"] - whole["equivalent"]
    share = killed / max(all_that_count, 1)
    return {"modules": rows, "all": whole, "share": round(share, 4), "seconds": round(seconds), "survivors": survivors}


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Prepare, try, report."""
    from tests.faults import killers

    begun, names = time.monotonic(), asked.modules
    only = set(json.loads(asked.again.read_text())["survivors"]) if asked.again else None
    with tempfile.TemporaryDirectory(prefix="imprimatur-mutants-") as temporary:
        folder = asked.corpus or Path(temporary)
        folder.mkdir(exist_ok=True)
        corpus = killers.prepare(folder) if set(names) - set(LOG) else None
        killers.warm_up()
        chosen = drawn(names, asked.sample, asked.seed)
        chosen = [mutant for mutant in chosen if only is None or labelled(mutant) in only]
        require_sound(sorted({mutant.module for mutant in chosen}), corpus)
        print(f"{len(chosen)} changes, prepared in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        found = in_turns(chosen, corpus, asked.workers)
    return {**report(found, time.monotonic() - begun), "sample": asked.sample, "seed": asked.seed}


def in_turns(chosen: list[Mutant], corpus: Any, workers: int) -> list[tuple[Mutant, str]]:
    """Try them all; `workers` processes share the list."""
    pipes = []
    for worker in range(workers):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(reading)
            with os.fdopen(writing, "w", buffering=1) as answer:
                for number in range(worker, len(chosen), workers):
                    fate = tried(chosen[number], corpus)
                    answer.write(f"{number} {fate}\n")
                    if fate == SURVIVED:
                        print(labelled(chosen[number]), file=sys.stderr, flush=True)
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    fates: dict[int, str] = {}
    for reading in pipes:
        with os.fdopen(reading) as lines:
            for line in lines:
                place, _, fate = line.strip().partition(" ")
                fates[int(place)] = fate
        os.wait()
    return [(mutant, fates[number]) for number, mutant in enumerate(chosen)]


def main() -> int:
    """Exit 0 when at least 95 % were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[*LOG, *VERIFIER], help="which (default: all)")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many of the log's and of the verifier's (default: all)"
    )
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--again", type=Path, help="an earlier report: try only what survived there")
    parser.add_argument("--corpus", type=Path, help="keep the corpus there, or use the one that an earlier run kept")
    said = run(parser.parse_args())
    print(json.dumps(said, indent=1, ensure_ascii=False))
    return 0 if said["share"] >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

"""Properties at full number; the suite runs the same with few examples.

    python -m tests.faults.cases [trees] [spelling] [log] [--cases 100000] [--seed N]

trees     inclusion and consistency of all pairs of sizes up to 300: made by the log, checked by both Python programs, each also with
          a part missing, a part too many, and another root
spelling  random JSON values, numbers of random bits among them: parse(spell(value)) is a fixpoint, and the log's library, the log's
          entries, the offline verifier and the second verifier (Node) write the same bytes
log       hypothesis: sequences of begin, write, savepoint, rollback, commit, place, adopt and sign by three connections against a list
          (`tests/audit/machine.py`), until so many operations were done
"""

import argparse
import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.dossiers import second
from tests.faults.standing import installation

LARGEST_TREE = 300
BATCH = 2000
STEPS = 50
SPELLER = """
import {{ spell }} from "{folder}/text.mjs";
import {{ readFileSync }} from "node:fs";
for (const line of readFileSync(0, "utf8").split("\\n")) if (line) console.log(spell(JSON.parse(line)));
"""


def trees(cases: int, seed: int) -> dict[str, int]:
    """All pairs; perfect subtrees are computed once."""
    from apps.audit import merkle
    from apps.dossiers.verifier import tree

    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(LARGEST_TREE)]
    known: dict[tuple[int, int], bytes] = {}

    def node(height: int, index: int) -> bytes:
        if height == 0:
            return leaves[index]
        if (height, index) not in known:
            known[height, index] = merkle.node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))
        return known[height, index]

    roots = [merkle.root_of(leaves[:size]) for size in range(LARGEST_TREE + 1)]
    done = {"inclusion": 0, "consistency": 0, "refused": 0}
    for size in range(1, LARGEST_TREE + 1):
        for place in range(size):
            path = merkle.inclusion_proof(place, size, node)
            given = (place, size, leaves[place])
            for check in (merkle.verify_inclusion, tree.is_included):
                require(check(*given, path, roots[size]) is True, f"inclusion of {place} in {size}")
                done["refused"] += refused(
                    [check(*given, wrong, roots[size]) for wrong in wrong_paths(path, roots[size])]
                )
                done["refused"] += refused([check(*given, path, roots[size - 1])])
            done["inclusion"] += 1
            first = place + 1
            path = merkle.consistency_proof(first, size, node)
            for check in (merkle.verify_consistency, tree.is_continued):
                require(
                    check(first, size, path, roots[first], roots[size]) is True, f"consistency of {first} and {size}"
                )
                wrong = wrong_paths(path, roots[size])
                done["refused"] += refused([check(first, size, other, roots[first], roots[size]) for other in wrong])
                done["refused"] += refused([check(first, size, path, roots[first - 1], roots[size])])
            done["consistency"] += 1
    return done


def wrong_paths(path: list[bytes], extra: bytes) -> Iterator[list[bytes]]:
    """One part more at either end; one less where there is one."""
    yield [*path, extra]
    yield [extra, *path]
    if path:
        yield path[:-1]
        yield path[1:]


def refused(answers: list[bool]) -> int:
    """How many; raises when one was accepted."""
    require(not any(answers), "a wrong proof was accepted")
    return len(answers)


def require(holds: bool, what: str) -> None:
    """The first counterexample ends the run."""
    if not holds:
        raise SystemExit(f"COUNTEREXAMPLE: {what}")


def value(chance: random.Random, *, numbers: bool, levels: int = 4) -> Any:
    """A random JSON value."""
    kind = chance.randrange(9 if levels else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind in (1, 2) and numbers:
        return number(chance)
    if kind <= 5:
        return text(chance)
    if kind <= 7:
        pairs = ((text(chance), value(chance, numbers=numbers, levels=levels - 1)) for _ in range(chance.randrange(5)))
        return dict(pairs)
    return [value(chance, numbers=numbers, levels=levels - 1) for _ in range(chance.randrange(5))]


def number(chance: random.Random) -> float:
    """Sixty-four random bits that are a number, or one near where the spelling changes its form."""
    if chance.random() < 0.3:
        return chance.choice([1, -1]) * chance.randrange(1, 10**6) * 10.0 ** chance.randrange(-30, 30)
    while True:
        (found,) = struct.unpack(">d", chance.randbytes(8))
        if found == found and abs(found) != float("inf"):
            return float(found)


def text(chance: random.Random) -> str:
    """Letters, controls and signs of every plane, no half of a surrogate pair and no U+0000."""
    found = []
    for _ in range(chance.randrange(8)):
        code = chance.choice([chance.randrange(1, 128), chance.randrange(1, 0x800), chance.randrange(1, 0x110000)])
        found.append(chr(code) if not 0xD800 <= code < 0xE000 else "\ufb33")
    return "".join(found)


def spelling(cases: int, seed: int) -> dict[str, int]:
    """So many values, in batches for Node."""
    import rfc8785

    from apps.audit import canonical
    from apps.core.numbers import as_binary64
    from apps.dossiers.verifier import strict

    chance, done = random.Random(seed), {"values": 0, "bytes": 0, "asked of Node": 0}
    while done["values"] < cases:
        batch = [value(chance, numbers=place % 2 == 0) for place in range(min(BATCH, cases - done["values"]))]
        spelled = [canonical.encode(found) for found in batch]
        for place, (found, content) in enumerate(zip(batch, spelled, strict=True)):
            require(rfc8785.dumps(found) == content == strict.spell(found).encode(), f"the spelling of {found!r}")
            again = canonical.parse(content)
            require(as_binary64(again) == found and canonical.encode(again) == content, f"reading {content!r} again")
            require(strict.spell(strict.read_strict(content)).encode() == content, f"strict reading of {content!r}")
            if place % 2 and isinstance(found, dict):
                require(
                    canonical.encode_entry(found) == content and canonical.parse_entry(content) == found,
                    f"the entry {found!r}",
                )
        if not second.is_missing():
            asked = "".join(json.dumps(found) + "\n" for found in batch)
            require(
                by_node(asked) == b"".join(content + b"\n" for content in spelled),
                "Node spells a value of this batch otherwise",
            )
            done["asked of Node"] += len(batch)
        done["values"] += len(batch)
        done["bytes"] += sum(map(len, spelled))
    return done


def by_node(lines: str) -> bytes:
    """The second verifier's spelling of JSON values, one to a line."""
    program = SPELLER.format(folder=second.PROGRAM.parent.as_posix())
    run = [str(second.NODE), "--input-type=module", "-e", program]
    return subprocess.run(run, input=lines.encode(), capture_output=True, check=True).stdout


def log(cases: int, seed: int) -> dict[str, int]:
    """Sequences of operations on a real database, one after the other."""
    with installation():
        from hypothesis import HealthCheck, Phase, settings
        from hypothesis import seed as seeded
        from hypothesis.stateful import run_state_machine_as_test

        from apps.audit import queries
        from apps.audit.verification import verify_database
        from tests.audit import machine

        wanted = settings(
            max_examples=min(max(cases // STEPS, 1), 200), stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        rounds = 0
        try:
            while machine.LogMachine.operations < cases:
                run_state_machine_as_test(seeded(seed + rounds)(machine.LogMachine), settings=wanted)
                rounds += 1
                print(f"{machine.LogMachine.operations} operations", file=sys.stderr, flush=True)
            run = verify_database()
            require(run.is_valid, f"verify --database: {run.findings[:3]}")
            return {
                "operations": machine.LogMachine.operations,
                "sequences": next(machine.RUNS),
                "entries": queries.tree_size(),
            }
        finally:
            machine.close()


PARTS = {"trees": trees, "spelling": spelling, "log": log}


def main() -> int:
    """Exit 0 without a counterexample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help="which (default: all)")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261125)
    asked = parser.parse_args()
    for name in asked.parts:
        begun = time.monotonic()
        done = PARTS[name](asked.cases, asked.seed)
        print(json.dumps({name: done, "seconds": round(time.monotonic() - begun), "seed": asked.seed}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

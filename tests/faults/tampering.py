"""Random ways to rewrite the log in its tables, by somebody who owns the database, and may own the signing key too.

    python -m tests.faults.tampering [--cases 3000] [--seed N]

Each case changes the tables with the triggers off, switches them on again as they were shipped, and asks `verify --database --prior HEAD`
with a head that was given outside; then it is rolled back. How careful the forger is, is drawn too: `naive` changes only what it says,
`copies` mends columns and digests, `rehashed` numbers and hashes the tree anew, `resigned` signs all heads with the log's own key and
rewrites the signer's memory. Everything before the held head has to be found. What is resigned behind it is the tail that
nobody outside has seen: counted apart.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.forging import CARES, STEPS, TABLES, WAYS, Story, build, foreign, mend_copies, rehash
from tests.faults.standing import installation


@contextmanager
def unguarded() -> Iterator[Any]:
    """What the owner of the database can do: triggers off, and on again as they were shipped."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid::regclass::text = ANY(%s)",
            [list(TABLES)],
        )
        triggers = cursor.fetchall()
        for table, name in triggers:
            cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, name in triggers:
            cursor.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def store(story: Story, before: Story) -> None:
    """Write the tables that differ."""
    with unguarded() as cursor:
        for table in reversed(TABLES):
            if story.tables[table] != before.tables[table]:
                cursor.execute(f"DELETE FROM {table}")
        for table in TABLES:
            rows = story.tables[table]
            if rows != before.tables[table] and rows:
                names = list(rows[0])
                places = ", ".join(["%s"] * len(names))
                statement = f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE VALUES ({places})"
                cursor.executemany(statement, [[row[name] for name in names] for row in rows])


def is_found(story: Story, before: Story, held: str) -> bool:
    """Whether a constraint of the table refuses it, or the verification with this head says so; nothing stays changed."""
    from django.db import IntegrityError, transaction

    from apps.audit import signing
    from apps.audit.verification import verify_database

    memory = signing.remembered(story.origin)
    try:
        with transaction.atomic():
            store(story, before)
            found = not verify_database(held).is_valid
            transaction.set_rollback(True)
        return found
    except IntegrityError:
        return True
    finally:
        if memory is not None:
            signing.remember(memory)


def run(before: Story, cases: int, seed: int) -> dict[str, Any]:
    """So many cases; what was found, by way and care, and who was missed."""
    if is_found(before.copy(), before, before.held):
        raise SystemExit("The log is not valid before anything was changed.")
    chance = random.Random(seed)
    table: Counter[str] = Counter()
    told: dict[str, Any] = {"cases": cases, "before the held head": 0, "missed": [], "only the held head showed": 0}
    told |= {"resigned behind it": 0, "of those found": 0}
    for number in range(cases):
        way, care, place, story = forged(before, chance)
        found = is_found(story, before, before.held)
        if care == CARES[-1] and place >= before.held_size:
            told["resigned behind it"] += 1
            told["of those found"] += found
            continue
        table[f"{way}, {care}"] += 1
        if not found:
            told["missed"].append(f"case {number}: {way}, {care}, at {place}")
        elif care == CARES[-1] and not is_found(story, before, ""):
            told["only the held head showed"] += 1
        if number % 200 == 199:
            print(f"{number + 1} cases, {len(told['missed'])} missed", file=sys.stderr, flush=True)
    told["before the held head"] = sum(table.values())
    return {**told, "by way": dict(sorted(table.items())), "seed": seed}


def forged(before: Story, chance: random.Random) -> tuple[str, str, int, Story]:
    """One way, one care: their names, the first place that is touched, and the log as it is then."""
    way = chance.choice(list(WAYS))
    care = chance.choice(WAYS[way])
    story = before.copy()
    place = way(story, chance)
    for step in STEPS[1 : CARES.index(care) + 1]:
        if way is not foreign or step not in (mend_copies, rehash):
            step(story)
    return way.__name__, care, place, story


def main() -> int:
    """Exit 0 when everything before the held head was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20261125)
    asked = parser.parse_args()
    begun = time.monotonic()
    with installation(role="owner"):
        told = run(build(270, 20), asked.cases, asked.seed)
    print(json.dumps({**told, "seconds": round(time.monotonic() - begun)}, indent=1))
    return 1 if told["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())

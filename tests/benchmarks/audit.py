"""The log: what it adds to a transaction, how fast entries get their place, how fast all of it is read again."""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from apps.audit import canonical, merkle, queries, services
from apps.audit.models import format_time
from apps.audit.sequencing import leaf_body
from apps.audit.verification import PLACED, verify_database
from apps.core.models import uuid7
from apps.registry import services as registry
from apps.registry.models import IntakeAnswer
from apps.registry.services import inventory, involvement, versions
from tests import factories
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Measurement, median

SUBJECTS = 1000
MILLION_IN_SECONDS = 60


@dataclass(frozen=True)
class Size:
    """How much of each."""

    transactions: int
    sequenced: int
    verified: int
    readings: int


SIZES = {"full": Size(1000, 10_000, 1_000_000, 1), "quick": Size(300, 3000, 30_000, 3), "smoke": Size(5, 20, 300, 1)}


def measure(size: str) -> Iterator[Measurement]:
    """Sequencing, verification, transactions."""
    wanted = SIZES[size]
    services.ensure_key()
    services.sequence_all()
    yield sequencing(wanted.sequenced)
    yield from verification(wanted.verified, wanted.readings)
    yield from transactions(wanted.transactions)  # last: rows without an entry are what verification looks for


def transactions(runs: int) -> Iterator[Measurement]:
    """What a transaction takes with its entry and without: of two services, and of one row and nothing else."""
    case = factories.use_case()
    holder = factories.person("developer", "model_owner", use_case=case.slug)
    model = factories.model(case)
    number = itertools.count()

    def answer() -> None:
        answers = {f"use.fact_{place}": f"answer {next(number)}" for place in range(12)}
        registry.answer_facts(case, facts={}, answers=answers, actor=holder)

    def register() -> None:
        registry.register_version(model, registration=factories.registration(), actor=holder)

    def save() -> None:
        with transaction.atomic():
            answers = {f"use.fact_{place}": f"answer {next(number)}" for place in range(12)}
            row = IntakeAnswer(use_case=case, answers=answers, by=holder)
            row.save()
            services.record(holder, "registry.facts_answered", case, data=answers, changes=[case], row=row)

    def bare(work: Callable[[], None]) -> Callable[[], None]:
        return lambda: without_log(work)

    for name, work in (("answer facts", answer), ("register a version", register), ("one row", save)):
        own, other = measuring.in_turns(work, bare(work), runs, warm=20 if runs > 20 else 1)
        target = measuring.ratio_at_most(1.3)
        case_name, other_name = f"transaction: {name}", "the same without the log"
        yield Measurement("audit", case_name, median(own) * 1e3, median(other) * 1e3, other_name, target, "ms", runs)


PLACES = (inventory, involvement, versions, services)


def without_log(work: Callable[[], None]) -> None:
    """Run the work with the call that writes the entry taken out."""
    with contextlib.ExitStack() as taken_out:
        for place in PLACES:
            taken_out.enter_context(patch.object(place, "record", nothing))
        work()


def nothing(*args: Any, **named: Any) -> None:
    """In the place of `audit.services.record`."""


def sequencing(amount: int) -> Measurement:
    """Entries that wait get their place; beside it, bare inserts of the same leaves, as many to a commit."""
    actor = services.system("benchmark")
    for start in range(0, amount, 500):
        with transaction.atomic():
            for number in range(start, min(start + 500, amount)):
                services.record(actor, "audit.measured", f"use_case:{number % SUBJECTS}", data={"n": str(number)})
    seconds = measuring.timed(services.sequence_all)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, n, entry_id, subject, body, hash FROM audit_leaf ORDER BY seq DESC LIMIT %s", [amount]
        )
        leaves = cursor.fetchall()
        cursor.execute(
            "CREATE TEMP TABLE floor (seq bigint PRIMARY KEY, n bigint, entry_id uuid, subject text, body bytea, hash bytea)"
        )
    other = measuring.timed(lambda: insert_bare(leaves))
    target, name = measuring.ours_at_least(1000), "bare INSERT of the same leaves"
    return Measurement("audit", f"sequence {amount}", amount / seconds, amount / other, name, target, "entries/s", 1)


def insert_bare(leaves: list[tuple[Any, ...]]) -> None:
    """The floor of sequencing: a thousand rows to a statement, a statement to a commit."""
    for start in range(0, len(leaves), 1000):
        columns = [list(column) for column in zip(*leaves[start : start + 1000], strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO floor SELECT * FROM"
                " unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::text[], %s::bytea[], %s::bytea[])",
                columns,
            )


def verification(amount: int, readings: int) -> Iterator[Measurement]:
    """Everything is read and hashed again; beside it, SHA-256 over the same bytes read by the same query."""
    grow(amount)
    services.sign_checkpoint()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry")
        present = cursor.fetchone()[0]
    case, name = f"verify {present} entries", "SHA-256 of the same rows"
    target = measuring.ours_at_most(MILLION_IN_SECONDS * present / 1_000_000)
    own, other = measuring.costs_in_turns(verified, hashed, readings)
    clock = [median([cost.clock for cost in costs]) for costs in (own, other)]
    processor = [median([cost.processor for cost in costs]) for costs in (own, other)]
    yield Measurement("audit", case, *clock, name, target, "s", readings)
    yield Measurement("audit", f"{case}, processor time", *processor, name, target, "s", readings)


def verified() -> None:
    """One verification, which has to find nothing."""
    run = verify_database()
    if not run.is_valid:
        raise SystemExit(f"The log that was made for measuring does not verify: {run.findings[:3]}")


def hashed() -> None:
    """The least that any verifier does."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(PLACED)
        while rows := cursor.fetchmany(2000):
            for row in rows:
                hashlib.sha256(row[3]).digest(), hashlib.sha256(row[6]).digest()


ENTRY_COLUMNS = "id, body, digest, at, actor, verb, subject, row, row_digest, row_at"


def grow(amount: int) -> None:
    """That many entries with their leaves, as if recorded and sequenced, written with COPY."""
    size, log = queries.tree_size(), queries.origin()
    frontier = merkle.Frontier.at(size, queries.stored_nodes(merkle.nodes_of([(0, size)])))
    begun = datetime.now(UTC)
    for start in range(0, amount, 50_000):
        entries, leaves, nodes = [], [], []
        for number in range(start, min(start + 50_000, amount)):
            entries.append(entry(number, begun + timedelta(microseconds=number)))
            body = leaf_body(log, frontier.size, number // SUBJECTS, entries[-1][2])
            place = (frontier.size, number // SUBJECTS, entries[-1][0], entries[-1][6], body, merkle.leaf_hash(body))
            nodes += [node for node in frontier.append(place[5]) if node[0] % queries.STORED_EVERY == 0]
            leaves.append(place)
        with transaction.atomic():
            copy(f"audit_entry ({ENTRY_COLUMNS})", entries)
            copy("audit_leaf (seq, n, entry_id, subject, body, hash)", leaves)
            copy("audit_node (height, position, hash)", nodes)


def entry(number: int, at: datetime) -> tuple[Any, ...]:
    """The columns of one entry of about 500 bytes."""
    pk, actor, subject = uuid7(), "system:benchmark", f"measured:{number % SUBJECTS}"
    said = {"state": "waiting", "environment": "production", "note": "Written to be read again.", "n": str(number)}
    value = {"v": "1", "id": str(pk), "at": format_time(at), "actor": actor, "verb": "audit.measured", "subject": subject,
             "reason": "", "data": said, "changes": [], "row": None, "request": str(pk)}  # fmt: skip
    body = canonical.encode_entry(value)
    return pk, body, canonical.digest(body), at, actor, "audit.measured", subject, "", "", None


def copy(target: str, rows: list[tuple[Any, ...]]) -> None:
    """Write rows with COPY."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copying:
        for row in rows:
            copying.write_row(row)

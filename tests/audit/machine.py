"""The log against a list: three writers with open transactions and savepoints, a sequencer, a signer, in any order.

What commits has to be placed exactly once, in the order in which it was written, numbered densely over the log and over each
subject; what is rolled back leaves nothing. Used by `test_model.py` (few) and `python -m tests.faults.cases` (many).
"""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.audit import merkle, note, queries, services
from apps.audit.models import Entry, Leaf, Pending

ACTORS = 3
SUBJECTS = 4
DEEPEST = 4
RUNS = itertools.count()
POOLS: list[ThreadPoolExecutor] = []
Written = tuple[int, UUID, str, bool]  # order, id, subject, whether it changes its subject


class Actor:
    """One connection in a thread of its own, and what it has not committed yet: a list for each savepoint."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool, self.open, self.written = pool, list[Any](), list[list[Written]]()

    def do(self, work: Any, *given: Any) -> Any:
        """In its thread."""
        return self.pool.submit(work, *given).result(60)

    def enter(self) -> None:
        """A transaction, or a savepoint in it."""
        self.open.append(self.do(self._enter))
        self.written.append([])

    def leave(self, *, is_kept: bool) -> list[Written]:
        """End the innermost; answers with what is committed now."""
        self.do(self._leave, self.open.pop(), is_kept)
        last = self.written.pop()
        if is_kept and self.written:
            self.written[-1] += last
        return last if is_kept and not self.written else []

    @staticmethod
    def _enter() -> Any:
        found = transaction.atomic()
        found.__enter__()
        return found

    @staticmethod
    def _leave(found: Any, is_kept: bool) -> None:
        if not is_kept:
            transaction.set_rollback(True)
        found.__exit__(None, None, None)


def pools() -> list[ThreadPoolExecutor]:
    """The threads of the actors, the same for all examples."""
    while len(POOLS) < ACTORS:
        POOLS.append(ThreadPoolExecutor(1))
    return POOLS


def close() -> None:
    """Their connections."""
    for pool in POOLS:
        pool.submit(lambda: connection.close()).result(60)


class LogMachine(RuleBasedStateMachine):
    """Rules act on the database and on the list."""

    operations = 0
    tree = merkle.Frontier()

    @initialize()
    def begin(self) -> None:
        """The log may have entries of examples before; this one has subjects of its own."""
        services.ensure_key()
        services.sequence_all()
        self.name, self.base = next(RUNS), queries.tree_size()
        self.actors = [Actor(pool) for pool in pools()]
        self.order, self.waiting, self.placed = itertools.count(), list[Written](), list[Written]()
        self.checked, self.subjects = 0, set[str]()
        if self.tree.size != self.base:
            type(self).tree = merkle.Frontier()
            for body in Leaf.objects.order_by("seq").values_list("body", flat=True):
                self.tree.append(merkle.leaf_hash(bytes(body)))

    @rule(which=st.integers(0, ACTORS - 1))
    def enter(self, which: int) -> None:
        """A writer opens a transaction or a savepoint."""
        if len(self.actors[which].open) < DEEPEST:
            self.actors[which].enter()

    @rule(which=st.integers(0, ACTORS - 1), subject=st.integers(0, SUBJECTS - 1), is_change=st.booleans())
    def write(self, which: int, subject: int, is_change: bool) -> None:
        """A writer records one entry; without an open transaction, in one of its own."""
        actor = self.actors[which]
        is_alone = not actor.open
        if is_alone:
            actor.enter()
        name = f"model:{self.name}.{which}.{subject}" if is_change else f"model:{self.name}.{subject}"
        self.subjects.add(name)
        entry = actor.do(self._record, name, is_change)
        actor.written[-1].append((next(self.order), entry, name, is_change))
        if is_alone:
            self.waiting += actor.leave(is_kept=True)

    @staticmethod
    def _record(name: str, is_change: bool) -> UUID:
        changes = [name] if is_change else []
        return services.record(services.system("tests"), "tests.happened", name, changes=changes).pk  # type: ignore[no-any-return]

    @rule(which=st.integers(0, ACTORS - 1), is_kept=st.booleans())
    def leave(self, which: int, is_kept: bool) -> None:
        """A writer commits or rolls back its innermost."""
        if self.actors[which].open:
            self.waiting += self.actors[which].leave(is_kept=is_kept)

    @rule(batch=st.integers(1, 6))
    def sequence(self, batch: int) -> None:
        """Entries that are visible get their place, first written first."""
        self.waiting.sort()
        expected, self.waiting = self.waiting[:batch], self.waiting[batch:]
        assert services.sequence(batch) == len(expected)
        self.placed += expected

    @rule()
    def adopt(self) -> None:
        """Nothing is lost, so nothing is found; entries that are not committed are not there."""
        assert services.adopt_lost_entries() == 0

    @precondition(lambda self: len(self.placed) > 0)
    @rule()
    def sign(self) -> None:
        """The head that is signed is that of the list."""
        head = services.sign_checkpoint()
        assert head is not None
        assert head.size == self.base + len(self.placed) == self.tree.size
        assert bytes(head.root) == self.tree.root() == queries.root_at(head.size)
        assert note.open_checkpoint(head.note, queries.public_keys(), queries.origin()).size == head.size

    @invariant()
    def placed_are_those_of_the_list(self) -> None:
        """Numbers, subjects and entries of what is new."""
        type(self).operations += 1
        rows = Leaf.objects.filter(seq__gte=self.base + self.checked).order_by("seq")
        found = []
        for *row, body in rows.values_list("seq", "entry_id", "subject", "n", "body"):
            found.append(tuple(row))
            self.tree.append(merkle.leaf_hash(bytes(body)))
        counts = Counter(subject for _, _, subject, _ in self.placed[: self.checked])
        expected = []
        for place, (_, entry, subject, _) in enumerate(self.placed[self.checked :], self.base + self.checked):
            expected.append((place, entry, subject, counts[subject]))
            counts[subject] += 1
        assert found == expected
        self.checked = len(self.placed)

    def teardown(self) -> None:
        """Open transactions are rolled back; the rest gets its place; every change was counted once."""
        if not hasattr(self, "actors"):
            return
        for actor in self.actors:
            while actor.open:
                actor.leave(is_kept=False)
        self.waiting.sort()
        self.placed += self.waiting
        assert services.sequence_all() == len(self.waiting)
        self.placed_are_those_of_the_list()
        assert not Pending.objects.exists()
        mine = Entry.objects.filter(subject__in=self.subjects)
        assert set(mine.values_list("pk", flat=True)) == {entry for _, entry, _, _ in self.placed}
        changed = Counter(subject for _, _, subject, is_change in self.placed if is_change)
        assert queries.epochs(changed) == dict(changed)

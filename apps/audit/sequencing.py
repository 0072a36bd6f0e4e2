"""Giving entries their place. One transaction at a time extends the tree; entries wait in `Pending` until then.

Nothing can be skipped: an entry and its `Pending` row appear with the same commit, however late that is, and the row
goes away with the same commit that writes the leaf.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from apps.audit import canonical, merkle, queries, signing
from apps.audit.models import Entry, Leaf, Node, Pending

LEAF_VERSION = 1


@dataclass(frozen=True)
class Waiting:
    """An entry without a place: its bytes are hashed as they lie in the table, not as its digest column says."""

    position: int
    entry_id: UUID
    subject: str
    digest: str


def leaf_body(log: str, seq: int, n: int, digest: str) -> bytes:
    """The bytes of a leaf: which log, which place, which entry."""
    return canonical.encode({"v": LEAF_VERSION, "log": log, "seq": seq, "n": n, "entry": digest})


def sequence(batch: int = 1000) -> int:
    """Place up to `batch` waiting entries in the order in which they were written; answers with how many."""
    if not Pending.objects.exists():
        return 0
    if not queries.origin():
        signing.ensure_key()
    with transaction.atomic():
        signing.hold_tree()
        waiting = _waiting(batch)
        if waiting:
            _extend(waiting)
            Pending.objects.filter(position__in=[entry.position for entry in waiting]).delete()
    return len(waiting)


def sequence_all() -> int:
    """Place everything that waits; answers with how many."""
    total = 0
    while placed := sequence():
        total += placed
    return total


def adopt_lost_entries() -> int:
    """Queue again every entry that has neither a place nor a waiting row (a restore may cause that). Slow: at start."""
    with transaction.atomic():
        signing.hold_tree()
        placed = Leaf.objects.filter(entry=OuterRef("pk"))
        queued = Pending.objects.filter(entry=OuterRef("pk"))
        lost = Entry.objects.filter(~Exists(placed), ~Exists(queued)).order_by("id").values_list("id", "at")
        return len(Pending.objects.bulk_create([Pending(entry_id=pk, at=at) for pk, at in lost]))


def _waiting(batch: int) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.position, e.id, e.subject, e.body FROM audit_pending p JOIN audit_entry e ON e.id = p.entry_id"
            " ORDER BY p.position LIMIT %s",
            [batch],
        )
        return [Waiting(row[0], row[1], row[2], canonical.digest(bytes(row[3]))) for row in cursor.fetchall()]


def _extend(waiting: Sequence[Waiting]) -> None:
    size, log = queries.tree_size(), queries.origin()
    frontier = merkle.Frontier.at(size, queries.stored_nodes(merkle.nodes_of([(0, size)])))
    counts = _counts({entry.subject for entry in waiting})
    leaves, nodes = [], []
    for entry in waiting:
        n = counts[entry.subject]
        counts[entry.subject] += 1
        body = leaf_body(log, frontier.size, n, entry.digest)
        hashed = merkle.leaf_hash(body)
        seq = frontier.size
        leaves.append(Leaf(seq=seq, n=n, entry_id=entry.entry_id, subject=entry.subject, body=body, hash=hashed))
        nodes += [
            Node(height=height, position=position, hash=found)
            for height, position, found in frontier.append(hashed)
            if height % queries.STORED_EVERY == 0
        ]
    Leaf.objects.bulk_create(leaves)
    Node.objects.bulk_create(nodes)


def _counts(subjects: set[str]) -> dict[str, int]:
    """How many leaves each subject has: one index probe per subject."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s, COALESCE((SELECT max(n) + 1 FROM audit_leaf WHERE subject = s), 0) FROM unnest(%s::text[]) AS s",
            [sorted(subjects)],
        )
        return dict(cursor.fetchall())

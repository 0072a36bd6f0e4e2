"""What an evidence bundle needs from the log: entries of some subjects, their places, proofs and signed heads.

docs/formats/bundle.md defines the files. A bundle is made in two steps, because the entry about its issue names the
payload: `export` gives the payload's part at one signed head, `proofs` gives what is proved at a later one.
"""

import base64
import csv
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Count

from apps.audit import canonical, merkle, note, queries
from apps.audit.models import Checkpoint, Entry, Leaf
from apps.core.errors import NotFound, Unavailable
from apps.core.models import Immutable

ALL_LEAVES_UP_TO = 65_536  # below, all leaf hashes go into the bundle: then any earlier head can be compared
EARLIER_HEADS = 200
ROW_BATCH = 200


@dataclass(frozen=True)
class Export:
    """The entries of some subjects below one signed head."""

    checkpoint: Checkpoint
    subjects: dict[str, int]
    leaves: Sequence[Leaf]

    @property
    def size(self) -> int:
        """How many entries the log had."""
        return self.checkpoint.size

    @property
    def root(self) -> str:
        """The root then, in hexadecimal digits."""
        return bytes(self.checkpoint.root).hex()

    @property
    def entries(self) -> list[Entry]:
        """The entries, in log order."""
        return [leaf.entry for leaf in self.leaves]

    def payload(self, also: Iterable[Immutable] = ()) -> dict[str, bytes]:
        """Files below data/: entries, leaves, counts, head, and the records that entries bind (`also`: snapshots)."""
        objects = io.StringIO()
        writer = csv.writer(objects, lineterminator="\n")
        writer.writerow(["subject", "count"])
        writer.writerows(sorted(self.subjects.items()))
        return {
            "data/events.jsonl": b"".join(bytes(leaf.entry.body) + b"\n" for leaf in self.leaves),
            "data/leaves.jsonl": b"".join(bytes(leaf.body) + b"\n" for leaf in self.leaves),
            "data/objects.csv": objects.getvalue().encode(),
            "data/checkpoint.txt": self.checkpoint.note.encode(),
            **dict(record_file(row) for row in [*bound_rows(self.entries), *also]),
        }


def export(subjects: Iterable[Any], *, checkpoint: Checkpoint | None = None) -> Export:
    """The entries of these subjects below a signed head (default: the newest). NotFound before the first."""
    head = checkpoint or queries.latest_checkpoint()
    if head is None:
        raise NotFound("The log has no signed head yet. It gets one within seconds of its first entry.")
    names = sorted({str(getattr(subject, "subject", subject)) for subject in subjects})
    found = Leaf.objects.filter(subject__in=names, seq__lt=head.size)
    counts = dict(found.values_list("subject").annotate(n=Count("seq")).order_by())
    leaves = list(found.select_related("entry").order_by("seq"))
    return Export(head, {name: counts.get(name, 0) for name in names}, leaves)


def proofs(exported: Export, issued: Entry, checkpoint: Checkpoint) -> dict[str, bytes]:
    """Files below proof/: the head, the entry of issue, an inclusion proof for each entry, consistency with earlier."""
    place = Leaf.objects.get(entry=issued)
    ranges = {leaf.seq: merkle.inclusion_ranges(leaf.seq, checkpoint.size) for leaf in [*exported.leaves, place]}
    node = queries.stored_nodes(merkle.nodes_of(part for parts in ranges.values() for part in parts))
    proven = {
        seq: str(note.Proof(seq, tuple(merkle.roots(parts, node)), checkpoint.note)).encode()
        for seq, parts in ranges.items()
    }
    return {
        "proof/checkpoint.txt": checkpoint.note.encode(),
        "proof/issued.entry.json": bytes(issued.body),
        "proof/issued.leaf.json": bytes(place.body),
        "proof/issued.tlog-proof": proven[place.seq],
        **{f"proof/events/{leaf.seq}.tlog-proof": proven[leaf.seq] for leaf in exported.leaves},
        **_history(exported.size, checkpoint.size),
    }


def entry_proof(seq: int) -> dict[str, bytes]:
    """One entry, its leaf and its proof: what the page offers for download."""
    found = queries.inclusion(seq)
    if found.checkpoint is None:
        raise Unavailable(f"Entry {seq} is not below a signed head yet. Try again in a few seconds.")
    return {
        "entry.json": bytes(found.entry.body),
        "leaf.json": bytes(found.leaf.body),
        "entry.tlog-proof": str(found).encode(),
    }


def leaf_proof(seq: int) -> str:
    """The C2SP tlog-proof of one entry, with its leaf in the `extra` line. Unavailable before a head covers it."""
    found = queries.inclusion(seq)
    if found.checkpoint is None:
        raise Unavailable(f"Entry {seq} is not below a signed head yet. Try again in a few seconds.")
    return str(note.Proof(seq, found.hashes, found.checkpoint.note, bytes(found.leaf.body)))


def settled(entry: Entry, *, seconds: float = 30.0) -> Checkpoint:
    """Wait until a signed head covers this entry. Unavailable when the sequencer does not come; not in a transaction."""
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("An entry gets its place after its transaction has committed.")
    end = time.monotonic() + seconds
    while True:
        seq = Leaf.objects.filter(entry=entry).values_list("seq", flat=True).first()
        head = queries.checkpoint_at_least(seq + 1) if seq is not None else None
        if head is not None:
            return head
        if time.monotonic() > end:
            raise Unavailable("The log has not signed a head for this entry in time. Is the sequencer running?")
        time.sleep(0.1)


def wait_for_head(*, seconds: float = 30.0) -> Checkpoint:
    """Wait until every entry that has a place now is below a signed head. Unavailable when the sequencer does not sign."""
    size, end = queries.tree_size(), time.monotonic() + seconds
    while (head := queries.checkpoint_at_least(size)) is None:
        if time.monotonic() > end:
            raise Unavailable("The log has not signed a head in time. Is the sequencer running?")
        time.sleep(0.1)
    return head


def trust_facts() -> dict[str, Any]:
    """The log's part of a trust file: its name and its public keys, with the heads they count for where that is limited."""
    return {"origin": queries.origin(), "vkeys": [_as_trusted(period) for period in queries.key_periods()]}


def _as_trusted(period: note.KeyPeriod) -> str | dict[str, Any]:
    if period.first == 0 and period.last is None:
        return str(period.key)
    limit = {} if period.last is None else {"revoked_after_size": period.last}
    return {"vkey": str(period.key), "valid_from_size": period.first, **limit}


def record_file(row: Immutable) -> tuple[str, bytes]:
    """Name and content of an immutable row in a bundle: the bytes that its digest is over."""
    content = canonical.encode(row.content())
    return f"data/rows/{canonical.digest(content).removeprefix('sha256:')}.json", content


def bound_rows(entries: Iterable[Entry]) -> list[Immutable]:
    """The immutable rows whose digests these entries hold."""
    wanted: dict[str, list[str]] = {}
    for entry in entries:
        label, _, key = entry.row.partition(":")
        if key:
            wanted.setdefault(label, []).append(key)
    found: list[Immutable] = []
    for label, keys in wanted.items():
        model = apps.get_model(label)
        for start in range(0, len(keys), ROW_BATCH):
            found += model._default_manager.filter(pk__in=keys[start : start + ROW_BATCH]).order_by("pk")
    return found


def _history(first: int, second: int) -> dict[str, bytes]:
    """Proofs that the log at `second` continues what it was: all leaf hashes of a small log, else proofs from heads."""
    sizes = {
        first,
        *Checkpoint.objects.filter(size__lte=second).order_by("-size").values_list("size", flat=True)[:EARLIER_HEADS],
    }
    spelled = {
        str(size): [base64.b64encode(part).decode() for part in queries.consistency(size, second)]
        for size in sorted(sizes)
    }
    files = {"proof/consistency.json": canonical.encode_entry(spelled)}
    if second <= ALL_LEAVES_UP_TO:
        hashes = Leaf.objects.filter(seq__lt=second).order_by("seq").values_list("hash", flat=True)
        files["proof/leaves.bin"] = b"".join(bytes(found) for found in hashes)
    return files

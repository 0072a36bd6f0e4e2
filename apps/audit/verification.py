"""`verify --database`: read the whole log and every immutable row again and say what does not fit together.

Reads in one snapshot, in streams, in one pass over the log; nothing here trusts a column that can be computed.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.audit import anchoring, canonical, immutable, merkle, note, queries, rows, signing
from apps.audit.models import Anchor, Checkpoint, Entry, Key, Node, Pending, Verdict, VerificationRun, format_time
from apps.audit.permissions import READ_EVERYTHING
from apps.audit.recording import VERSION, record, system
from apps.audit.sequencing import leaf_body
from apps.core import jobs
from apps.core.models import Job, JobState
from apps.core.permissions import authorise

KEPT_FINDINGS = 100
TASK = "audit.verify"
CHUNK = 2000
ANCHORS_IN_FULL = 50
ANNOUNCING = {"audit.key_added", "audit.key_rotated", "audit.restored"}

PLACED = """
SELECT l.seq, l.n, l.subject, l.body, l.hash,
       e.id, e.body, e.digest, e.at, e.actor, e.verb, e.subject, e.row, e.row_digest, e.row_at
FROM audit_leaf l LEFT JOIN audit_entry e ON e.id = l.entry_id ORDER BY l.seq"""
UNPLACED = """
SELECT e.id, e.body, e.digest, e.at, e.actor, e.verb, e.subject, e.row, e.row_digest, e.row_at,
       EXISTS (SELECT 1 FROM audit_pending p WHERE p.entry_id = e.id)
FROM audit_entry e LEFT JOIN audit_leaf l ON l.entry_id = e.id WHERE l.seq IS NULL"""
NOT_DENSE = """
SELECT subject, seq FROM (
    SELECT subject, seq, n, row_number() OVER (PARTITION BY subject ORDER BY seq) - 1 AS expected FROM audit_leaf
) placed WHERE n <> expected LIMIT 20"""


@dataclass
class Reading:
    """What was read so far, and what did not fit."""

    started_at: datetime = field(default_factory=timezone.now)
    entries: int = 0
    rows: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)
    finding_count: int = 0
    unknown_count: int = 0

    def find(self, check: str, subject: object, sentence: str) -> None:
        """Note a difference; the first hundred are kept in words, all are counted."""
        self.finding_count += 1
        if len(self.findings) < KEPT_FINDINGS:
            self.findings.append({"check": check, "subject": str(subject), "sentence": sentence})

    @property
    def verdict(self) -> Verdict:
        """Tampered when anything differs; cannot verify when something could not be read."""
        if self.finding_count:
            return Verdict.UNVERIFIABLE if self.finding_count == self.unknown_count else Verdict.TAMPERED
        return Verdict.VALID


def verify_database(prior: str = "") -> VerificationRun:
    """Verify everything and keep the result, which is also an entry of the log. `prior`: a head that was held outside."""
    reading = Reading()
    with _snapshot():
        for table, sentence in immutable.weaknesses(_guarded_tables()):
            reading.find("triggers", table, sentence)
        keys = _read_keys(reading)
        frontier = _read_log(reading, keys, prior)
        _read_unplaced(reading)
        _read_numbers(reading)
        _read_anchors(reading)
        rows.read_rows(reading)
        newest = queries.latest_checkpoint()
        pending = Pending.objects.count()
    with transaction.atomic():
        run: VerificationRun = VerificationRun.objects.create(
            verdict=reading.verdict,
            entries=reading.entries,
            rows=reading.rows,
            size=frontier.size,
            root=frontier.root().hex(),
            checkpoint_size=newest.size if newest else None,
            pending=pending,
            findings=reading.findings,
            finding_count=reading.finding_count,
            started_at=reading.started_at,
            finished_at=timezone.now(),
        )
        verb = "audit.verified" if run.is_valid else "audit.verification_failed"
        said = {"verdict": run.verdict, "size": str(run.size), "root": run.root, "findings": str(run.finding_count)}
        record(system("verifier"), verb, "log:self", data=said)
    return run


@transaction.atomic
def request_verification(*, actor: Any) -> Job:
    """Ask a worker to verify everything. NotAllowed for those who do not read the whole log."""
    authorise(actor, READ_EVERYTHING)
    return plan_verification(by=actor)


@transaction.atomic
def plan_verification(*, by: Any = None) -> Job:
    """The job that verifies everything: the one that is waiting or running already, or a new one."""
    waiting = Job.objects.filter(task=TASK, state__in=[JobState.WAITING, JobState.RUNNING]).first()
    return waiting or jobs.enqueue(TASK, subject="log:self", by=by)


@contextmanager
def _snapshot() -> Iterator[None]:
    """One view of the database for the whole reading (inside a caller's transaction: the caller's view)."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _guarded_tables() -> list[str]:
    return sorted({*immutable.protected_tables(), *(model._meta.db_table for model in rows.immutable_models())})


def _stream(query: str) -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(query)
        while batch := cursor.fetchmany(CHUNK):
            yield from batch


def _read_keys(reading: Reading) -> list[note.VerifierKey]:
    found = []
    for vkey in Key.objects.order_by("id").values_list("vkey", flat=True):
        try:
            found.append(note.VerifierKey.parse(vkey))
        except note.BadNote as bad:
            reading.find("keys", vkey, f"A key of the log cannot be read: {bad}.")
    return found


def _read_log(reading: Reading, keys: list[note.VerifierKey], prior: str) -> merkle.Frontier:
    """One pass over the leaves in order: entry, place, hash, stored nodes, checkpoints."""
    log = queries.origin()
    frontier, announced = merkle.Frontier(), set[str]()
    nodes = {(height, place): found for height, place, found in _stored_nodes()}
    heads = Heads(reading, keys, log)
    heads.hold(prior)
    for row in _stream(PLACED):
        read_place(reading, log, frontier.size, row)
        if row[5] is not None:
            value = read_entry(reading, f"entry {row[0]}", row[5:])
            if value.get("verb") in ANNOUNCING and isinstance(value.get("data"), dict):
                announced.add(str(value["data"].get("vkey")))
        for height, place, found in frontier.append(bytes(row[4])):
            if height % queries.STORED_EVERY == 0 and nodes.pop((height, place), None) != found:
                reading.find("tree", f"node {height}/{place}", "A stored node is not the hash of its leaves.")
        heads.reach(frontier)
    for height, place in nodes:
        reading.find("tree", f"node {height}/{place}", "A node is stored for leaves that do not exist.")
    heads.finish(frontier)
    for waiting in Entry.objects.filter(verb__in=ANNOUNCING, leaf__isnull=True):
        with suppress(ValueError):  # bytes that cannot be read are found where unplaced entries are read
            announced.add(str(waiting.facts.get("vkey")))
    for key in keys:
        if str(key) not in announced and frontier.size:
            reading.find("keys", str(key), "A key signs checkpoints that no entry of the log announces.")
    return frontier


def _stored_nodes() -> Iterator[tuple[int, int, bytes]]:
    for node in Node.objects.iterator():
        yield node.height, node.position, bytes(node.hash)


def read_place(reading: Reading, log: str, expected_seq: int, row: tuple[Any, ...]) -> None:
    seq, n, subject, body, hashed, entry_id, entry_body = row[:7]
    where = f"entry {seq}"
    if seq != expected_seq:
        reading.find("leaves", where, f"The log goes from {expected_seq - 1} to {seq}: leaves are missing.")
    if entry_id is None:
        reading.find("leaves", where, "The leaf has no entry any more.")
        return
    if bytes(hashed) != merkle.leaf_hash(bytes(body)):
        reading.find("leaves", where, "The hash is not that of the leaf's bytes.")
    if bytes(body) != leaf_body(log, seq, n, canonical.digest(bytes(entry_body))):
        reading.find("leaves", where, "The leaf does not name this log, this place and these bytes of the entry.")
    if subject != row[11]:
        reading.find("leaves", where, "The leaf is filed under another subject than its entry.")


def read_entry(reading: Reading, where: str, row: tuple[Any, ...]) -> dict[str, Any]:
    """Check one entry against its own bytes; returns what the bytes say, empty when they cannot be read."""
    pk, body, digest, at, actor, verb, subject, bound, bound_digest, bound_at = row[:10]
    reading.entries += 1
    if canonical.digest(bytes(body)) != digest:
        reading.find("entries", where, "The bytes of the entry do not give its digest.")
    try:
        value = canonical.parse_entry(bytes(body))
    except canonical.NotCanonical as damage:
        reading.find("entries", where, f"The bytes of the entry are not canonical: {damage}.")
        return {}
    if value.get("v") != VERSION:
        reading.unknown_count += 1
        reading.find("entries", where, f"The entry has version {value.get('v')!r}, which this program does not know.")
        return value
    said = value.get("row") or {}
    copies = {
        "id": (str(pk), value.get("id")),
        "at": (format_time(at), value.get("at")),
        "actor": (actor, value.get("actor")),
        "verb": (verb, value.get("verb")),
        "subject": (subject, value.get("subject")),
        "row": (bound, said.get("id", "")),
        "row_digest": (bound_digest, said.get("digest", "")),
        "row_at": (format_time(bound_at) if bound_at else None, said.get("at")),
    }
    for name, (column, original) in copies.items():
        if column != original:
            reading.find("entries", where, f"The column {name} says {column!r}, the bytes say {original!r}.")
    return value


def _read_unplaced(reading: Reading) -> None:
    for row in _stream(UNPLACED):
        read_entry(reading, f"entry {row[0]}", row)
        if not row[10]:
            reading.find("leaves", f"entry {row[0]}", "The entry has no place in the log and does not wait for one.")


def _read_numbers(reading: Reading) -> None:
    for subject, seq in _stream(NOT_DENSE):
        reading.find("leaves", f"entry {seq}", f"The entries of {subject} are not numbered without a gap.")


def _read_anchors(reading: Reading) -> None:
    """What was given outside, against the heads it was given for; of the time stamps the newest are asked in full."""
    newest = list(queries.anchors()[:ANCHORS_IN_FULL])
    for kept in newest:
        if fault := anchoring.fault_of(kept):
            reading.find("anchors", f"{kept.kind} of {kept.checkpoint_id}", fault)
    older = Anchor.objects.filter(kind=Anchor.Kind.TIME_STAMP).exclude(pk__in=[kept.pk for kept in newest])
    for kept in older.select_related("checkpoint").iterator(chunk_size=CHUNK):
        if hashlib.sha256(kept.checkpoint.note.encode()).digest() not in bytes(kept.blob):
            reading.find("anchors", f"{kept.kind} of {kept.checkpoint_id}", "The time stamp is over something else.")


class Heads:
    """Every signed head, compared when the reading reaches its size: rows, and what the signer itself remembers."""

    def __init__(self, reading: Reading, keys: list[note.VerifierKey], log: str) -> None:
        self.reading, self.keys, self.log = reading, keys, log
        self.waiting = Checkpoint.objects.order_by("size").iterator(chunk_size=CHUNK)
        self.next: Checkpoint | None = next(self.waiting, None)
        self.remembered = signing.remembered(log)
        self.periods = queries.key_periods() if keys else []
        revoked = Key.objects.filter(revocations__isnull=False).values_list("vkey", flat=True)
        self.revoked = {key for key in keys if str(key) in set(revoked)}
        self.doubtful: list[int] = []
        self.prior: note.Checkpoint | None = None

    def hold(self, prior: str) -> None:
        """A head that somebody kept outside: by a key of this log, for this log."""
        if not prior:
            return
        try:
            self.prior = note.Checkpoint.parse(prior.rpartition("\n\n")[0] + "\n")
            if self.log and self.prior.origin != self.log:
                self.reading.unknown_count += 1
                sentence = f"The head that you hold is of the log {self.prior.origin}; this is {self.log}."
                self.reading.find("prior", "your head", sentence)
                self.prior = None
            elif self.log:
                note.open_note(prior, self.keys)
        except note.BadNote as bad:
            self.reading.find("prior", "your head", f"No key of this log vouches for the head that you hold: {bad}.")

    def reach(self, frontier: merkle.Frontier) -> None:
        """The tree has grown by one leaf; compare the heads of this size."""
        while self.next is not None and self.next.size <= frontier.size:
            if self.next.size == frontier.size:
                self._compare(self.next, frontier.root())
            else:
                self.reading.find("checkpoints", f"checkpoint {self.next.size}", "Its size is not a size of this log.")
            self.next = next(self.waiting, None)
        if self.prior and self.prior.size == frontier.size and self.prior.root != frontier.root():
            sentence = "The entries up to the size of the head that you hold are others: this log does not continue it."
            self.reading.find("prior", f"head of {frontier.size}", sentence)
        if self.remembered and self.remembered.size == frontier.size and self.remembered.root != frontier.root():
            sentence = "The log up to here is not what the signer signed; its own memory has another root."
            self.reading.find("checkpoints", f"checkpoint {frontier.size}", sentence)

    def finish(self, frontier: merkle.Frontier) -> None:
        """Heads beyond the end: entries were removed."""
        if self.prior and self.prior.size > frontier.size:
            sentence = (
                f"The head that you hold has {self.prior.size} entries, the database {frontier.size}: an older backup was"
                " restored, or entries were removed."
            )
            self.reading.find("prior", f"head of {self.prior.size}", sentence)
        for size in self.doubtful:
            sentence = "Only a revoked key signed it, and no later head vouches for it."
            self.reading.find("checkpoints", f"checkpoint {size}", sentence)
        while self.next is not None:
            sentence = f"A head of {self.next.size} entries was signed; the log has {frontier.size}."
            self.reading.find("checkpoints", f"checkpoint {self.next.size}", sentence)
            self.next = next(self.waiting, None)
        if self.remembered and self.remembered.size > frontier.size:
            sentence = f"The signer remembers a log of {self.remembered.size} entries; there are {frontier.size}."
            self.reading.find("checkpoints", f"checkpoint {self.remembered.size}", sentence)

    def _weigh(self, size: int, signers: list[note.VerifierKey]) -> None:
        """A head by a key that was revoked for its size needs a later one that counts; by one that was retired, none does."""
        counting = [period for period in self.periods if period.key in signers]
        if any(period.may_sign(size) for period in counting):
            self.doubtful.clear()
        elif any(period.key in self.revoked for period in counting):
            self.doubtful.append(size)
        else:
            sentence = "It is signed with a key that does not count for heads of this size."
            self.reading.find("checkpoints", f"checkpoint {size}", sentence)

    def _compare(self, checkpoint: Checkpoint, root: bytes) -> None:
        where = f"checkpoint {checkpoint.size}"
        try:
            head = note.open_checkpoint(checkpoint.note, self.keys, self.log)
            signers = note.open_note(checkpoint.note, self.keys)[1]
        except note.BadNote as bad:
            self.reading.find("checkpoints", where, f"The signed head cannot be trusted: {bad}.")
            return
        self._weigh(checkpoint.size, signers)
        if (head.size, head.root) != (checkpoint.size, bytes(checkpoint.root)):
            self.reading.find("checkpoints", where, "The columns say something else than the signed head.")
        if head.root != root:
            self.reading.find("checkpoints", where, "The entries up to here do not give the root that was signed.")

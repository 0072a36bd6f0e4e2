"""Reads of the log: epochs, entries in order, tree hashes, proofs, and how far behind the sequencer is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from apps.audit import merkle, note, tiles
from apps.audit.answers import Inclusion, Standing, Tail
from apps.audit.models import Anchor, Checkpoint, Cursor, Entry, Key, Leaf, Node, Pending, VerificationRun
from apps.audit.permissions import reads_everything
from apps.core.errors import NotFound

SEQUENCER = "audit.sequencer"  # the cursor row in which the sequencer leaves its sign of life
ANCHORS = "audit.anchor."  # the cursor rows in which the ways out of here leave their failures
STORED_EVERY = 8  # heights that are stored: 8, 16, 24, ...


def epochs(refs: Iterable[Any]) -> dict[str, int]:
    """The epoch of each subject ("kind:key" or an object with `.subject`) in one query; 0 for one never changed."""
    names = {str(getattr(ref, "subject", ref)) for ref in refs}
    found = dict.fromkeys(names, 0)
    pairs = [name.split(":", 1) for name in sorted(names)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.kind, s.key, s.epoch FROM audit_subject s"
            " JOIN unnest(%s::text[], %s::text[]) AS asked(kind, key) ON s.kind = asked.kind AND s.key = asked.key",
            [[pair[0] for pair in pairs], [pair[-1] for pair in pairs]],
        )
        found.update((f"{kind}:{key}", epoch) for kind, key, epoch in cursor.fetchall())
    return found


def entries_after(cursor: int, limit: int = 500) -> list[Entry]:
    """Placed entries with seq >= cursor, in log order; each carries its `seq`."""
    return _with_entries(Leaf.objects.filter(seq__gte=cursor).order_by("seq"), limit)


def entries_for(subject: Any, limit: int | None = None) -> list[Entry]:
    """Placed entries about one subject, in log order."""
    name = str(getattr(subject, "subject", subject))
    return _with_entries(Leaf.objects.filter(subject=name).order_by("n"), limit)


def leaves(user: Any) -> QuerySet[Leaf]:
    """Leaves with the entries that this user may read, newest first."""
    found: QuerySet[Leaf] = Leaf.objects.select_related("entry").order_by("-seq")
    return found if reads_everything(user) else found.filter(entry__actor=getattr(user, "audit_ref", ""))


def matching(
    found: QuerySet[Leaf],
    *,
    subject: str = "",
    actor: str = "",
    verb: str = "",
    text: str = "",
    as_at: date | None = None,
    seq_below: int | None = None,
) -> QuerySet[Leaf]:
    """Those with this subject, actor and verb, up to the end of this day (UTC).

    `text` is a number in the log, the start of a digest of an entry or of the record it binds, or a part of a subject.
    """
    if subject:
        found = found.filter(subject=subject)
    if actor:
        found = found.filter(entry__actor=actor)
    if verb:
        found = found.filter(entry__verb=verb)
    if seq_below is not None:
        found = found.filter(seq__lt=seq_below)
    if as_at:
        found = found.filter(entry__at__lt=datetime.combine(as_at + timedelta(days=1), time.min, UTC))
    return found.filter(_means(text.strip())) if text.strip() else found


def visible_leaf(user: Any, seq: int) -> Leaf:
    """One leaf with its entry. NotFound when there is none or this user may not read it."""
    leaf: Leaf | None = leaves(user).filter(seq=seq).first()
    if leaf is None:
        raise NotFound(f"There is no entry {seq}, or you may not read it.")
    return leaf


def tree_size() -> int:
    """How many leaves the log has."""
    last = Leaf.objects.aggregate(last=Max("seq"))["last"]
    return 0 if last is None else last + 1


def stored_nodes(names: Iterable[merkle.Node]) -> merkle.NodeHash:
    """A node callable that answers for these perfect subtrees, read with one query per stored height."""
    asked = set(names)
    bases: dict[int, list[tuple[int, int]]] = {}
    for height, index in asked:
        base = height - height % STORED_EVERY
        width = 1 << (height - base)
        bases.setdefault(base, []).append((index * width, (index + 1) * width))
    hashes = {base: _hashes(base, ranges) for base, ranges in bases.items()}

    def node(height: int, index: int) -> bytes:
        base = height - height % STORED_EVERY
        width = 1 << (height - base)
        return merkle.root_of([hashes[base][position] for position in range(index * width, (index + 1) * width)])

    return node


def tile(name: str) -> bytes:
    """The bytes of a C2SP tile or bundle of leaves. NotFound for what is none, or not below the signed head yet."""
    found, head = tiles.Tile.parse(name), latest_checkpoint()
    if found is None or head is None or found.covers > head.size:
        raise NotFound("No tile has this name below the newest signed head.")
    places = (found.first, found.first + found.width)
    if found.level is None:
        rows = Leaf.objects.filter(seq__gte=places[0], seq__lt=places[1]).order_by("seq")
        return tiles.bundle(bytes(body) for body in rows.values_list("body", flat=True))
    hashes = _hashes(found.level * tiles.HEIGHT, [places])
    return b"".join(hashes[place] for place in range(*places))


def root_at(size: int) -> bytes:
    """The root of the first `size` leaves."""
    whole = [(0, size)]
    return merkle.roots(whole, stored_nodes(merkle.nodes_of(whole)))[0] if size else merkle.EMPTY_ROOT


def inclusion(seq: int, size: int | None = None) -> Inclusion:
    """Inclusion proof of entry `seq` in the tree of `size` leaves (default: the last checkpoint)."""
    leaf = Leaf.objects.select_related("entry").filter(seq=seq).first()
    if leaf is None:
        raise NotFound(f"The log has no entry {seq}.")
    newest = latest_checkpoint()
    if size is None:
        size = newest.size if newest and newest.size > seq else tree_size()
    require_size(size)
    if size <= seq:
        raise NotFound(f"Entry {seq} is not among the first {size} entries.")
    ranges = merkle.inclusion_ranges(seq, size)
    node = stored_nodes(merkle.nodes_of([*ranges, (0, size)]))
    root = merkle.roots([(0, size)], node)[0]
    checkpoint = Checkpoint.objects.filter(size=size).first()
    return Inclusion(leaf.entry, leaf, size, tuple(merkle.roots(ranges, node)), root, checkpoint)


def consistency(first: int, second: int) -> list[bytes]:
    """Proof that the log at size `second` begins with the log at size `first`. NotFound for sizes it never had."""
    require_size(second)
    if not 0 < first <= second:
        raise NotFound(f"A proof leads from a size of at least 1 to a larger one; {first} to {second} is not that.")
    ranges = merkle.consistency_ranges(first, second)
    return merkle.roots(ranges, stored_nodes(merkle.nodes_of(ranges)))


def require_size(size: int) -> None:
    """NotFound unless the log has, or had, this many entries."""
    have = tree_size()
    if not 0 < size <= have:
        raise NotFound(f"The log has {have} entries; there is no tree of {size}.")


def latest_checkpoint() -> Checkpoint | None:
    """The newest signed head."""
    newest: Checkpoint | None = Checkpoint.objects.order_by("-size").first()
    return newest


def checkpoint_at_least(size: int) -> Checkpoint | None:
    """The oldest signed head that covers the first `size` entries."""
    found: Checkpoint | None = Checkpoint.objects.filter(size__gte=size).order_by("size").first()
    return found


def public_keys() -> list[note.VerifierKey]:
    """Every public key of this log, oldest first."""
    return [note.VerifierKey.parse(vkey) for vkey in Key.objects.order_by("id").values_list("vkey", flat=True)]


def key_periods() -> list[note.KeyPeriod]:
    """Every key with the heads it counts for, oldest first: until the next key takes over, or less when it was revoked."""
    keys = list(Key.objects.order_by("id").prefetch_related("revocations"))
    ends = [key.valid_from_size for key in keys[1:]]
    found = []
    for key, end in zip_longest(keys, ends):
        limits = [row.trusted_up_to for row in key.revocations.all()] + ([] if end is None else [end])
        found.append(note.KeyPeriod(note.VerifierKey.parse(key.vkey), key.valid_from_size, min(limits, default=None)))
    return found


def keys_for(size: int) -> list[note.VerifierKey]:
    """The keys whose signature under a head of this size counts."""
    return [period.key for period in key_periods() if period.may_sign(size)]


def origin() -> str:
    """The name of this log; empty before its first key."""
    return Key.objects.order_by("id").values_list("name", flat=True).first() or ""


def last_verification() -> VerificationRun | None:
    """The newest result of `verify --database`."""
    newest: VerificationRun | None = VerificationRun.objects.order_by("-finished_at").first()
    return newest


def standing() -> Standing:
    """How the whole log stands now, in six queries."""
    reach, newest, given = _reach(), latest_checkpoint(), _given_outside()
    covered, held = newest.size if newest else 0, given[0].checkpoint_id if given else 0
    placed = _placed_at(covered, held)
    cursors = Cursor.objects.filter(Q(name=SEQUENCER) | Q(name__startswith=ANCHORS, failures__gt=0)).order_by("name")
    errors = dict(cursors.values_list("name", "error"))
    return Standing(
        verification=last_verification(),
        checkpoint=newest,
        uncovered=reach.size - covered + reach.waiting,
        oldest_uncovered_at=placed.get(covered) or reach.oldest_at,
        lag=max(timezone.now() - reach.next_at, timedelta(0)) if reach.next_at else timedelta(0),
        trouble=errors.pop(SEQUENCER, ""),
        origin=reach.origin,
        tail=_tail(reach, given, placed.get(held)),
        troubles={name.removeprefix(ANCHORS): error for name, error in errors.items()},
    )


def signing_trouble() -> str:
    """Why the sequencer signs no head any more, in a sentence; empty when it does."""
    return Cursor.objects.filter(name=SEQUENCER).values_list("error", flat=True).first() or ""


def sequencer_lag() -> timedelta:
    """How long the oldest entry has waited for its place; zero when none waits."""
    oldest = Pending.objects.order_by("position").values_list("at", flat=True).first()
    return max(timezone.now() - oldest, timedelta(0)) if oldest else timedelta(0)


def sequencer_seen_at() -> datetime | None:
    """When the sequencer last showed a sign of life; None when it never did."""
    return Cursor.objects.filter(name=SEQUENCER).values_list("moved_at", flat=True).first()


def in_use() -> tuple[list[str], list[str]]:
    """Every actor and every verb that the log holds, sorted; found by skipping along the indexes, not by reading the log."""
    query = " UNION ALL ".join(_distinct(column) for column in ("actor", "verb"))
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    actors, verbs = (sorted(value for column, value in rows if column == name) for name in ("actor", "verb"))
    return actors, verbs


def unanchored_tail() -> Tail:
    """The entries that no head held outside covers: how many, the time of the oldest, and up to where others can check.

    `.entries` (int), `.oldest_at` (datetime or None), `.anchored_size` (0: never), `.anchored_at`, `.kinds` ("rfc3161",
    "mail", "git", "store"), `.is_anchored`, `.sentence` for people. Pages, /readyz, the API and dossiers print it.
    """
    given = _given_outside()
    held = given[0].checkpoint_id if given else 0
    return _tail(_reach(), given, _placed_at(held).get(held))


def anchors() -> QuerySet[Anchor]:
    """What was given outside, newest first."""
    found: QuerySet[Anchor] = Anchor.objects.select_related("checkpoint").order_by("-checkpoint_id", "kind")
    return found


def anchoring_troubles() -> dict[str, str]:
    """The ways out of here that fail now: kind to sentence."""
    rows = Cursor.objects.filter(name__startswith=ANCHORS, failures__gt=0).order_by("name")
    return {name.removeprefix(ANCHORS): error for name, error in rows.values_list("name", "error")}


@dataclass(frozen=True)
class _Reach:
    """How far the log goes: entries with a place, entries that wait for one, and its name."""

    size: int
    waiting: int
    oldest_at: datetime | None
    next_at: datetime | None
    origin: str


def _reach() -> _Reach:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(seq) + 1 FROM audit_leaf), 0), count(*), min(at),"
            " (SELECT at FROM audit_pending ORDER BY position LIMIT 1),"
            " coalesce((SELECT name FROM audit_key ORDER BY id LIMIT 1), '') FROM audit_pending"
        )
        return _Reach(*cursor.fetchone())


def _given_outside() -> list[Anchor]:
    """What was given outside of the newest head that was, first things first."""
    newest = Anchor.objects.order_by("-checkpoint_id").values("checkpoint_id")[:1]
    return list(Anchor.objects.filter(checkpoint_id=newest).order_by("at"))


def _placed_at(*sizes: int) -> dict[int, datetime]:
    """When the first entry after each of these sizes was made."""
    return dict(Leaf.objects.filter(seq__in=sizes).order_by().values_list("seq", "entry__at"))


def _tail(reach: _Reach, given: list[Anchor], first_at: datetime | None) -> Tail:
    held = given[0].checkpoint_id if given else 0
    kinds = tuple(sorted({anchor.kind for anchor in given}))
    count = max(reach.size - held, 0) + reach.waiting
    return Tail(count, first_at or reach.oldest_at, held, given[0].at if given else None, kinds)


def _with_entries(found: QuerySet[Leaf], limit: int | None) -> list[Entry]:
    return [leaf.entry for leaf in found.select_related("entry")[:limit]]


def _hashes(base: int, ranges: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    column = "position" if base else "seq"
    wanted = Q()
    for start, end in ranges:
        wanted |= Q(**{f"{column}__gte": start, f"{column}__lt": end})
    rows = Node.objects.filter(wanted, height=base) if base else Leaf.objects.filter(wanted)
    found = {position: bytes(value) for position, value in rows.values_list(column, "hash")}
    for start, end in ranges:
        if any(position not in found for position in range(start, end)):
            raise NotFound(f"The tree has a gap between {start << base} and {end << base}. Run `verify --database`.")
    return found


def _means(text: str) -> Q:
    if text.isdecimal() and len(text) < 19:
        return Q(seq=int(text))
    digest = text.lower().removeprefix("sha256:")
    if len(digest) >= 8 and set(digest) <= set("0123456789abcdef"):
        start = f"sha256:{digest}"
        return Q(entry__digest__startswith=start) | Q(entry__row_digest__startswith=start)
    return Q(subject__contains=text)


def _distinct(column: str) -> str:
    # A loose index scan: one index probe per distinct value.
    return f"""
        (WITH RECURSIVE seen(value) AS (
            SELECT (SELECT min({column}) FROM audit_entry)
            UNION ALL
            SELECT (SELECT min({column}) FROM audit_entry WHERE {column} > seen.value)
            FROM seen WHERE seen.value IS NOT NULL
        ) SELECT '{column}', value FROM seen WHERE value IS NOT NULL)"""

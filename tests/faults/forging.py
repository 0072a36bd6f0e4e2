"""A log in memory, ways to forge it, and how carefully: used by `tests.faults.tampering`."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

TABLES = ("audit_entry", "audit_leaf", "audit_node", "audit_checkpoint", "audit_key")
CARES = ("naive", "copies", "rehashed", "resigned")
COPIED = ("actor", "verb", "subject")
Row = dict[str, Any]


@dataclass
class Story:
    """The tables of a log as they were, its head that was given outside, and what a forger needs."""

    tables: dict[str, list[Row]]
    held: str
    held_size: int
    origin: str
    keys: tuple[tuple[int, Any], ...]  # the log's own, each with the first size that it signs alone
    other: Any
    changed: set[str] = field(default_factory=set)

    def copy(self) -> "Story":
        """To be forged."""
        rows = {name: [dict(row) for row in found] for name, found in self.tables.items()}
        return Story(rows, self.held, self.held_size, self.origin, self.keys, self.other)

    def placed(self) -> list[Row]:
        """The entries in log order."""
        by_id = {row["id"]: row for row in self.tables["audit_entry"]}
        return [by_id[leaf["entry_id"]] for leaf in self.tables["audit_leaf"]]


def build(entries: int, tail: int) -> Story:
    """A log with a rotated key, a head that is held outside, and a tail behind it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from apps.audit import note, queries, services

    write(entries // 2, 0)
    first = services.ensure_key()
    from_size = services.rotate_key(actor=services.system("operator"), reason="Yearly").valid_from_size
    write(entries // 2, 1)
    head = services.sign_checkpoint()
    if head is None:
        raise SystemExit("The log has no head.")
    write(tail, 2)
    services.sign_checkpoint()
    origin = queries.origin()
    other = note.Signer(origin, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
    keys = ((0, first), (from_size, services.ensure_key()))
    return Story({name: read(name) for name in TABLES}, head.note, head.size, origin, keys, other)


def write(count: int, share: int) -> None:
    """Entries about seven subjects, placed and signed in steps."""
    from django.db import transaction

    from apps.audit import services

    for number in range(count):
        with transaction.atomic():
            said = {"number": str(number), "share": str(share)}
            services.record(
                services.system("tests"), "tests.happened", f"model:{number % 7}", data=said, reason=f"R {number}"
            )
        if number % 20 == 19:
            services.sequence_all()
            services.sign_checkpoint()
    services.sequence_all()


def read(table: str) -> list[Row]:
    """All rows, in their order."""
    from django.db import connection

    order = {"audit_leaf": "seq", "audit_checkpoint": "size"}.get(table, "id")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY {order}")
        names = [column.name for column in cursor.description]
        return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]


def plain(value: Any) -> Any:
    """Bytes instead of views of them."""
    return bytes(value) if isinstance(value, memoryview) else value


# --- what is done -----------------------------------------------------------------------------------------------------


def edited(story: Story, chance: random.Random, change: Callable[[Row], None]) -> int:
    """Another content of one entry."""
    from apps.audit import canonical

    place = chance.randrange(len(story.tables["audit_leaf"]))
    row = story.placed()[place]
    value = canonical.parse(row["body"])
    change(value)
    row["body"] = canonical.encode(value)
    return place


def edit(story: Story, chance: random.Random) -> int:
    """One value is another."""
    key = chance.choice(["actor", "verb", "subject", "reason", "at", "data", "id", "request"])
    values = {
        "at": "2020-01-01T00:00:00.000000Z",
        "data": {"number": "x"},
        "verb": "tests.changed",
        "subject": "model:x",
    }
    return edited(story, chance, lambda value: value.update({key: values.get(key, "system:nobody")}))


def insert_field(story: Story, chance: random.Random) -> int:
    """One value more."""
    return edited(story, chance, lambda value: value.update({"remark": "x"}))


def drop_field(story: Story, chance: random.Random) -> int:
    """One value less."""
    return edited(
        story, chance, lambda value: value.pop(chance.choice(["reason", "data", "request", "changes", "row"]))
    )


def rearranged(story: Story, order: Sequence[Row]) -> None:
    """Other entries at the same places, as many as there are places for; the leaves follow when they are hashed anew."""
    leaves = story.tables["audit_leaf"]
    while len(leaves) < len(order):
        leaves.append({**leaves[-1], "seq": leaves[-1]["seq"] + 1, "n": leaves[-1]["n"] + 1000})
    del leaves[len(order) :]
    for leaf, row in zip(leaves, order, strict=True):
        leaf["entry_id"] = row["id"]
    story.tables["audit_entry"] = list(order)


def drop(story: Story, chance: random.Random) -> int:
    """One entry less."""
    place, order = chance.randrange(len(story.tables["audit_leaf"])), story.placed()
    rearranged(story, order[:place] + order[place + 1 :])
    return place


def swap(story: Story, chance: random.Random) -> int:
    """Two entries have each other's place."""
    order = story.placed()
    first, second = sorted(chance.sample(range(len(order)), 2))
    order[first], order[second] = order[second], order[first]
    rearranged(story, order)
    return first


def reorder(story: Story, chance: random.Random) -> int:
    """Some neighbours in reverse."""
    order = story.placed()
    first = chance.randrange(len(order) - 3)
    last = min(first + chance.randrange(3, 9), len(order))
    order[first:last] = order[first:last][::-1]
    rearranged(story, order)
    return first


def duplicate(story: Story, chance: random.Random) -> int:
    """One entry once more, somewhere."""
    order = story.placed()
    copied, place = dict(chance.choice(order)), chance.randrange(len(order))
    copied["id"] = new_id(chance)
    rearranged(story, [*order[:place], copied, *order[place:]])
    return place


def insert(story: Story, chance: random.Random) -> int:
    """An entry that never happened."""
    from apps.audit import canonical

    order = story.placed()
    made, place = dict(chance.choice(order)), chance.randrange(len(order))
    made["id"] = new_id(chance)
    made["body"] = canonical.encode({**canonical.parse(made["body"]), "id": str(made["id"]), "reason": "Invented"})
    rearranged(story, [*order[:place], made, *order[place:]])
    return place


def new_id(chance: random.Random) -> Any:
    """Of an entry that was not there."""
    from uuid import UUID

    return UUID(int=chance.getrandbits(128) & ~(0xF << 76) | 0x7 << 76)


def foreign(story: Story, chance: random.Random) -> int:
    """Leaves of another log: from one place on, as if replayed."""
    place = chance.randrange(len(story.tables["audit_leaf"]))
    for leaf in story.tables["audit_leaf"][place:]:
        leaf["body"] = leaf["body"].replace(story.origin.encode(), b"elsewhere.example/log")
    if chance.random() < 0.5:
        rehash(story, "elsewhere.example/log", place)
    return place


def projection(story: Story, chance: random.Random) -> int:
    """A column that pages read is another, the bytes are not."""
    place = chance.randrange(len(story.tables["audit_leaf"]))
    row = story.placed()[place]
    column = chance.choice(["actor", "verb", "subject", "digest", "at", "row"])
    row[column] = (
        row["at"].replace(year=2020) if column == "at" else {"digest": "sha256:" + "0" * 64}.get(column, "tests.x")
    )
    return place


def leaf_column(story: Story, chance: random.Random) -> int:
    """A column of a leaf is another."""
    place = chance.randrange(len(story.tables["audit_leaf"]))
    leaf = story.tables["audit_leaf"][place]
    column = chance.choice(["n", "subject", "hash", "body"])
    leaf[column] = {"n": leaf["n"] + 5000, "subject": "model:elsewhere", "hash": b"\x01" * 32, "body": b"{}"}[column]
    return place


def head_only(story: Story, chance: random.Random) -> int:
    """A signed head is changed; the log is not."""
    heads = story.tables["audit_checkpoint"]
    head = chance.choice(heads)
    column = chance.choice(["root", "note", "size"])
    note = head["note"].split("\n")
    note[chance.randrange(3)] += "x"
    taken = {row["size"] for row in heads}
    head[column] = {"root": b"\x02" * 32, "note": "\n".join(note), "size": max(taken) + 7}[column]
    return 0


def head_swap(story: Story, chance: random.Random) -> int:
    """Two heads have each other's note, or one was signed by another key."""
    first, second = chance.sample(story.tables["audit_checkpoint"], 2)
    if chance.random() < 0.5:
        first["note"], second["note"] = second["note"], first["note"]
    else:
        text = first["note"].rpartition("\n\n")[0] + "\n"
        first["note"] = story.other.sign(text)
    return 0


def key_swap(story: Story, chance: random.Random) -> int:
    """Another key stands for one of the log's, and has signed all heads, or one more key has."""
    keys = story.tables["audit_key"]
    if chance.random() < 0.5:
        chance.choice(keys)["vkey"] = str(story.other.verifier)
    else:
        keys.append({**keys[-1], "id": keys[-1]["id"] + 1, "vkey": str(story.other.verifier)})
    for head in story.tables["audit_checkpoint"]:
        head["note"] = story.other.sign(head["note"].rpartition("\n\n")[0] + "\n")
    return 0


def node(story: Story, chance: random.Random) -> int:
    """A stored hash of the tree, from which tiles are made, is another, or is gone, or one too many."""
    nodes = story.tables["audit_node"]
    way = chance.choice(["edit", "drop", "add"]) if nodes else "add"
    if way == "edit":
        chance.choice(nodes)["hash"] = b"\x03" * 32
    elif way == "drop":
        nodes.remove(chance.choice(nodes))
    else:
        nodes.append({"id": 10**9, "height": 8, "position": 10**6, "hash": b"\x04" * 32})
    return 0


WAYS: dict[Callable[[Story, random.Random], int], tuple[str, ...]] = {
    edit: CARES, insert_field: CARES, drop_field: CARES, swap: CARES, reorder: CARES, drop: CARES,
    duplicate: CARES[2:], insert: CARES[2:], foreign: ("naive", "resigned"), projection: CARES[:1], leaf_column: CARES[:1],
    head_only: CARES[:1], head_swap: CARES[:1], key_swap: CARES[:1], node: CARES[:1],
}  # fmt: skip


# --- how carefully ----------------------------------------------------------------------------------------------------


def mend_copies(story: Story) -> None:
    """Columns and digests say what the bytes say, as far as the columns allow."""
    from datetime import datetime

    from apps.audit import canonical

    for row in story.tables["audit_entry"]:
        value = canonical.parse(row["body"])
        row["digest"] = canonical.digest(row["body"])
        for name in COPIED:
            row[name] = str(value.get(name, ""))
        row["at"] = datetime.fromisoformat(value["at"])
    for leaf, row in zip(story.tables["audit_leaf"], story.placed(), strict=True):
        leaf["subject"] = row["subject"]


def rehash(story: Story, origin: str = "", first: int = 0) -> None:
    """Numbers, leaves, hashes and stored nodes are those of the entries as they are now."""
    from apps.audit import canonical, merkle, queries
    from apps.audit.sequencing import leaf_body

    frontier, counts = merkle.Frontier(), Counter[str]()
    nodes = []
    for place, (leaf, row) in enumerate(zip(story.tables["audit_leaf"], story.placed(), strict=True)):
        leaf["seq"], leaf["n"] = place, counts[row["subject"]]
        counts[row["subject"]] += 1
        log = origin if origin and place >= first else story.origin
        leaf["body"] = leaf_body(log, place, leaf["n"], canonical.digest(row["body"]))
        leaf["hash"] = merkle.leaf_hash(leaf["body"])
        for height, position, found in frontier.append(leaf["hash"]):
            if height % queries.STORED_EVERY == 0:
                nodes.append({"id": 10**6 + len(nodes), "height": height, "position": position, "hash": found})
    story.tables["audit_node"] = nodes


def resign(story: Story) -> None:
    """All heads are signed anew by the log's own key, and the signer remembers the newest."""
    from apps.audit import merkle, note, signing

    hashes = [leaf["hash"] for leaf in story.tables["audit_leaf"]]
    heads = [head for head in story.tables["audit_checkpoint"] if head["size"] < len(hashes)]
    heads.append({**story.tables["audit_checkpoint"][-1], "size": len(hashes)})
    for head in heads:
        head["root"] = merkle.root_of(hashes[: head["size"]])
        made = note.Checkpoint(story.origin, head["size"], head["root"])
        (_, first), (from_size, second) = story.keys
        signed = (second if head["size"] > from_size else first).sign(made.text)
        head["note"] = second.cosign(signed) if head["size"] == from_size else signed
    story.tables["audit_checkpoint"] = heads
    signing.remember(made)


STEPS: tuple[Callable[[Story], None], ...] = (lambda story: None, mend_copies, rehash, resign)

"""What one run of the verifier knows, and how it reads entries, places and records."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.dossiers.verifier.bag import Bag
from apps.dossiers.verifier.signed import Head, read_head, read_proof
from apps.dossiers.verifier.strict import LARGEST, NotStrict, read_strict, sha256
from apps.dossiers.verifier.tree import is_included, leaf_of
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import ERASED, FAIL, PASS, SKIP, CannotVerify, Check, Erased, Report, Tampered

VERSION = "1"
LEAF_VERSION = 1
LARGEST_ENTRY = 65_535
LEAF_KEYS = {"v", "log", "seq", "n", "entry"}
ENTRY_TEXTS = ("id", "at", "actor", "verb", "subject", "reason", "request")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
HEAD_FILE = "proof/checkpoint.txt"
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OSError)


@dataclass
class Event:
    """One entry of the log as the bundle carries it."""

    entry: dict[str, Any]
    digest: str
    leaf: dict[str, Any]
    leaf_bytes: bytes

    @property
    def seq(self) -> int:
        """Its number in the log."""
        return int(self.leaf["seq"])


@dataclass
class Examination:
    """What one run knows: the bundle, whom to trust, and what earlier checks have established."""

    bag: Bag
    trust: Trust | None
    prior: bytes | None
    report: Report
    head: Head | None = None
    anchored: int = 0
    issued: Event | None = None
    events: list[Event] = field(default_factory=list)

    def known_head(self) -> Head:
        """The head of the log that proofs lead to; without a trust file it is only what the bundle claims."""
        return self.head or read_head(self.bag.read(HEAD_FILE))

    def run(self, name: str, title: str, work: Callable[["Examination", Check], str], is_required: bool = True) -> None:
        """Run one check and note its state."""
        check = Check(name, title, is_required)
        self.report.checks.append(check)
        try:
            check.sentence = work(self, check)
            check.state = PASS
        except (Tampered, NotStrict) as damage:
            check.state, check.sentence = FAIL, str(damage)
        except Erased as lack:
            check.state, check.sentence = ERASED, str(lack)
        except CannotVerify as lack:
            check.state, check.sentence = SKIP, str(lack)
        except UNREADABLE as damage:
            check.state, check.sentence = FAIL, f"A part of the bundle cannot be read: {damage!r}."


def read_event(entry: bytes, leaf: bytes) -> Event:
    """One entry with its leaf; both canonical, and the leaf names the entry."""
    value, place = read_strict(entry, has_numbers=False), read_strict(leaf)
    if not isinstance(value, dict) or not isinstance(place, dict) or len(entry) > LARGEST_ENTRY:
        raise Tampered(f"An entry and its leaf are JSON objects, an entry of at most {LARGEST_ENTRY} bytes.")
    if value.get("v") != VERSION or type(place.get("v")) is not int or place["v"] != LEAF_VERSION:
        raise CannotVerify(f"An entry has version {value.get('v')!r}, which this verifier does not know.")
    if set(place) != LEAF_KEYS or not all(
        type(place[key]) is int and 0 <= place[key] <= LARGEST for key in ("seq", "n")
    ):
        raise Tampered("A leaf does not name log, place and entry.")
    if place["entry"] != "sha256:" + sha256(entry):
        raise Tampered(f"The leaf {place['seq']} names another entry.")
    if not all(isinstance(value.get(key), str) for key in ENTRY_TEXTS) or not MOMENT.fullmatch(value["at"]):
        raise Tampered(f"Entry {place['seq']} does not say who did what to which object, when and why.")
    if not isinstance(value.get("data"), dict) or not isinstance(value.get("row"), dict | None):
        raise Tampered(f"Entry {place['seq']} does not say what was noted.")
    return Event(value, place["entry"], place, leaf)


def require_included(examination: Examination, event: Event, name: str) -> None:
    """The event's leaf is in the tree of the signed head."""
    head = examination.known_head()
    index, hashes, note = read_proof(examination.bag.read(name))
    if note != head.note:
        raise Tampered(f"{name} leads to another head of the log.")
    if event.leaf["log"] != head.origin or index != event.seq:
        raise Tampered(f"{name} proves another place or another log.")
    if not is_included(index, head.size, leaf_of(event.leaf_bytes), hashes, head.root):
        raise Tampered(f"Entry {event.seq} is not in the log that was signed.")


def bound_row(bag: Bag, event: Event) -> dict[str, Any]:
    """The record whose digest the entry binds."""
    row = event.entry.get("row")
    digest = row.get("digest") if isinstance(row, dict) else None
    content = bag.read(f"data/rows/{hex_of(digest)}.json")
    if "sha256:" + sha256(content) != digest:
        raise Tampered(f"The record of entry {event.seq} is not the one that the log bound.")
    value = read_strict(content)
    if not isinstance(value, dict):
        raise Tampered(f"The record of entry {event.seq} is not a JSON object.")
    return value


def facts_of(event: Event) -> dict[str, Any]:
    """What the entry says beside its verb."""
    found: dict[str, Any] = event.entry["data"]
    return found


def hex_of(digest: object) -> str:
    """The 64 digits of `sha256:...`; Tampered for anything else, so that it can stand in a file name."""
    match = re.fullmatch(r"sha256:([0-9a-f]{64})", digest) if isinstance(digest, str) else None
    if not match:
        raise Tampered(f"{str(digest)[:80]!r} is not a digest.")
    return match[1]


def lines_of(bag: Bag, name: str) -> list[bytes]:
    """The lines of a file that ends in a line end."""
    content = bag.read(name)
    if content and not content.endswith(b"\n"):
        raise Tampered(f"{name} is cut off.")
    return content.split(b"\n")[:-1]

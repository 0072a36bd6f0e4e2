"""The record itself: every requirement, the trail of entries with their leaves, the index of evidence, how to verify."""

from itertools import groupby
from typing import Any

from apps.audit import verbs
from apps.dossiers import items, wording
from apps.dossiers.record import VersionRecord
from apps.policy.models import Framework

Content = dict[str, Any]
CHUNK = 200
MOST_ENTRIES = 600
OWN_RULES = {"house": "House rules", "minimum-evidence": "Minimum evidence of the tier"}
LETTERS = {
    "model_version": "V",
    "model": "M",
    "use_case": "U",
    "review": "R",
    "evidence": "E",
    "finding": "F",
    "waiver": "W",
    "decision": "G",
    "dataset": "D",
    "dataset_version": "S",
    "dossier": "O",
}
LATER = frozenset({"not_yet_effective"})
NOT_ASKED = "Does not apply: "
GROUPS = (
    ("Gaps", "not met, missing, expired, not checked, or waiting for an answer", wording.GAPS),
    ("Waived", "not met, and accepted until a date", frozenset({"waived"})),
    ("Met", "met by the evidence named", frozenset({"satisfied"})),
    ("Not yet in force", "applying from a later date", LATER),
)
CHECKS = (
    ("Bundle complete, every file has its digest", "a file is missing, added or changed"),
    ("Checkpoint signed by a key of your trust file", "another log, another key, a changed root"),
    ("Entry of issue names this payload and this PDF", "another dossier was issued"),
    ("Each entry is in the tree where its leaf says", "an entry was changed, moved or removed"),
    ("Numbers per object without a gap", "an entry was left out"),
    ("Each signature covers the content its signer was shown", "a signature was moved, or its content changed"),
    ("Each record and file has its digest", "evidence, policy or decision changed afterwards"),
    ("Seal and digest of the whole PDF", "one bit of the file differs"),
    ("Time stamp over the checkpoint, where there is one", "the record is younger than it claims"),
    ("The log continues what it was when the dossier was made", "earlier entries were rewritten"),
)


def query(record: VersionRecord) -> Content:
    """Registers, trail, index, verification, glossary."""
    return {
        "registers": registers(record),
        "not_applicable": not_applicable(record),
        "policy": str(record.judgement.policy),
        "trail": trail(record),
        "index": [items.head_of(row, record) for row in record.evidence],
        "checks": [list(row) for row in CHECKS],
    }


def registers(record: VersionRecord) -> list[Content]:
    """Every requirement that applies, gaps first, in tables that are split by framework."""
    names = dict(Framework.objects.values_list("slug", "short_name")) | OWN_RULES
    found = []
    for title, meaning, outcomes in GROUPS:
        rows = [row for row in record.judgement.results if row.outcome in outcomes]
        by_framework = sorted(rows, key=lambda row: (row.framework, wording.OUTCOME_ORDER.index(row.outcome)))
        tables = [
            {
                "framework": names.get(framework, framework or "Without a framework"),
                "rows": [register_row(row, record) for row in chosen],
            }
            for framework, chosen in (
                (name, list(members)) for name, members in groupby(by_framework, key=lambda row: row.framework)
            )
        ]
        found.append(
            {"title": title, "meaning": meaning, "count": len(rows), "tables": tables, "is_brief": outcomes == LATER}
        )
    return found


def register_row(row: Any, record: VersionRecord) -> Content:
    """One requirement."""
    numbers = [record.numbers[item["id"]] for item in row.evidence if item["id"] in record.numbers]
    blocking = " Blocks the gate." if row.is_blocking else ""
    return {
        "id": row.id,
        "title": row.title,
        "reference": row.ref or "none",
        "observed": row.observed or "not recorded",
        "required": row.required or "not recorded",
        "evidence": numbers,
        "outcome": wording.outcome(row),
        "blocking": row.is_blocking,
        "sentence": f"{row.sentence}{blocking} {row.fix}".strip() if row.outcome in wording.GAPS else "",
    }


def not_applicable(record: VersionRecord) -> list[Content]:
    """What does not apply, grouped by the facts that excluded it."""
    found: dict[str, list[str]] = {}
    for row in record.judgement.results:
        if row.outcome == "not_applicable":
            found.setdefault(row.sentence, []).append(row.id)
    return [
        {"sentence": sentence.removeprefix(NOT_ASKED), "ids": ids}
        for sentence, ids in sorted(found.items(), key=lambda pair: -len(pair[1]))
    ]


def trail(record: VersionRecord) -> Content:
    """The entries in scope, the newest where there are too many to print, in tables of bearable length."""
    leaves = list(record.log.leaves)
    shown = leaves[-MOST_ENTRIES:]
    names = record.names_of({leaf.entry.actor for leaf in shown})
    letters: dict[str, str] = {}
    rows = [trail_row(leaf, names, letters) for leaf in shown]
    return {
        "origin": record.head.note.split("\n", 1)[0],
        "size": record.log.size,
        "root": wording.groups(record.log.root),
        "total": len(leaves),
        "shown": len(shown),
        "objects": len(record.log.subjects),
        "tables": [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)],
        "letters": [f"{letter} {kind.replace('_', ' ')}" for kind, letter in letters.items()],
    }


def trail_row(leaf: Any, names: dict[str, str], letters: dict[str, str]) -> Content:
    """One entry with its place."""
    kind, _, key = leaf.subject.partition(":")
    letters[kind] = LETTERS.get(kind, kind)
    entry = leaf.entry
    return {
        "seq": leaf.seq,
        "object": f"{letters[kind]} {key.replace('-', '')[-5:]} {leaf.n}",
        "at": wording.utc(entry.at).removesuffix(" UTC"),
        "actor": names.get(entry.actor, entry.actor),
        "verb": entry.verb,
        "phrase": verbs.phrase(entry.verb),
        "reason": entry.reason[:240],
        "hash": wording.groups(bytes(leaf.hash).hex())[:2],
    }

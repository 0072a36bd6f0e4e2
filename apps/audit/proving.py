"""One entry checked from its bytes up to the signed head, step by step, in sentences."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.audit import merkle, note, queries
from apps.audit.models import Leaf
from apps.audit.queries import Inclusion
from apps.audit.verification import Reading, read_entry, read_place
from apps.core.errors import NotFound


@dataclass(frozen=True)
class Step:
    """One step: whether it held (None: it could not be taken yet), in a sentence, with the digest it is about."""

    holds: bool | None
    sentence: str
    digest: str = ""


@dataclass
class Proof:
    """All steps for one entry."""

    steps: list[Step] = field(default_factory=list)
    inclusion: Inclusion | None = None

    @property
    def state(self) -> str:
        """tampered, pending or verified."""
        if any(step.holds is False for step in self.steps):
            return "tampered"
        return "pending" if any(step.holds is None for step in self.steps) else "verified"


def prove(leaf: Leaf) -> Proof:
    """Check this entry: its bytes, its place, the path to the root, and who signed the root."""
    proof = Proof()
    _entry(proof, leaf)
    _place(proof, leaf)
    try:
        proof.inclusion = queries.inclusion(leaf.seq)
    except NotFound as gap:
        proof.steps.append(Step(False, gap.detail))
        return proof
    _path(proof, leaf, proof.inclusion)
    _head(proof, proof.inclusion)
    return proof


def _entry(proof: Proof, leaf: Leaf) -> None:
    entry, reading = leaf.entry, Reading()
    columns = (entry.pk, entry.body, entry.digest, entry.at, entry.actor, entry.verb, entry.subject)
    read_entry(reading, f"entry {leaf.seq}", (*columns, entry.row, entry.row_digest, entry.row_at))
    found = [finding["sentence"] for finding in reading.findings]
    good = _("The bytes of the entry give its digest, and what is shown here is what they say.")
    proof.steps += [Step(False, sentence) for sentence in found] or [Step(True, good, entry.digest)]


def _place(proof: Proof, leaf: Leaf) -> None:
    entry, reading = leaf.entry, Reading()
    place = (leaf.seq, leaf.n, leaf.subject, leaf.body, leaf.hash)
    row = (*place, entry.pk, entry.body, entry.digest, entry.at, entry.actor, entry.verb, entry.subject)
    read_place(reading, queries.origin(), leaf.seq, row)
    good = _("The leaf names this log, number %(seq)s and this entry.") % {"seq": leaf.seq}
    found = [Step(False, finding["sentence"]) for finding in reading.findings]
    proof.steps += found or [Step(True, good, bytes(leaf.hash).hex())]


def _path(proof: Proof, leaf: Leaf, found: Inclusion) -> None:
    holds = merkle.verify_inclusion(leaf.seq, found.size, bytes(leaf.hash), found.hashes, found.root)
    numbers = {"count": len(found.hashes), "size": found.size}
    good = _("%(count)s sibling hashes lead to the root of %(size)s entries.") % numbers
    bad = _("%(count)s sibling hashes do not lead to the root of %(size)s entries.") % numbers
    proof.steps.append(Step(holds, good if holds else bad, found.root.hex()))


def _head(proof: Proof, found: Inclusion) -> None:
    if found.checkpoint is None:
        sentence = _("No signed head covers this entry yet; the sequencer signs one within seconds.")
        proof.steps.append(Step(None, sentence))
        return
    try:
        head = note.open_checkpoint(found.checkpoint.note, queries.keys_for(found.size), queries.origin())
    except note.BadNote as damage:
        proof.steps.append(Step(False, _("The signed head cannot be trusted: %(why)s.") % {"why": damage}))
        return
    holds = (head.size, head.root) == (found.size, found.root)
    good = _("This root is in the signed head of %(size)s entries.") % {"size": head.size}
    bad = _("The signed head of %(size)s entries has another root.") % {"size": head.size}
    proof.steps.append(Step(holds, good if holds else bad))

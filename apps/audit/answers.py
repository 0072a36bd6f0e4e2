"""What reads of the log answer with: a proof, how the log stands, and what of it nobody outside can check."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.audit import merkle, note
from apps.audit.models import Anchor, Checkpoint, Entry, Leaf, Verdict, VerificationRun
from apps.core import moment

LATE = 30  # seconds after which a waiting entry is worth a word


@dataclass(frozen=True)
class Inclusion:
    """Proof that one entry is in the log, with everything needed to check it elsewhere."""

    entry: Entry
    leaf: Leaf
    size: int
    hashes: tuple[bytes, ...]
    root: bytes
    checkpoint: Checkpoint | None

    @property
    def is_valid(self) -> bool:
        """Whether entry bytes, leaf, path and root fit together."""
        return (
            bytes(self.leaf.hash) == merkle.leaf_hash(bytes(self.leaf.body))
            and merkle.verify_inclusion(self.leaf.seq, self.size, bytes(self.leaf.hash), self.hashes, self.root)
            and (self.checkpoint is None or bytes(self.checkpoint.root) == self.root)
        )

    def __str__(self) -> str:
        return str(note.Proof(self.leaf.seq, self.hashes, self.checkpoint.note if self.checkpoint else ""))


@dataclass(frozen=True)
class Tail:
    """What only this installation vouches for: the entries after the newest signed head that was given outside."""

    entries: int
    oldest_at: datetime | None
    anchored_size: int
    anchored_at: datetime | None
    kinds: tuple[str, ...]

    @property
    def is_anchored(self) -> bool:
        """Whether any head was ever given outside."""
        return self.anchored_size > 0

    @property
    def sentence(self) -> str:
        """For people: what stands outside, and what does not yet."""
        if not self.is_anchored:
            return (
                f"No signed head of this log was given outside yet: its {self.entries} entries are only as good as"
                " whoever holds the database and the signing key."
            )
        ways = ", ".join(str(Anchor.Kind(kind).label).lower() for kind in self.kinds)
        if not self.entries:
            return f"Every entry is below a signed head that was given outside ({ways})."
        since = moment.in_words(self.oldest_at) if self.oldest_at else "now"
        return (
            f"The first {self.anchored_size} entries are below a signed head that was given outside ({ways});"
            f" {self.entries} newer ones, the oldest of {since}, are only as good as the operator."
        )


@dataclass(frozen=True)
class Standing:
    """How the whole log stands: last verification, signed head, what no head covers yet, and the sequencer."""

    verification: VerificationRun | None
    checkpoint: Checkpoint | None
    uncovered: int
    oldest_uncovered_at: datetime | None
    lag: timedelta
    trouble: str
    origin: str
    tail: Tail
    troubles: dict[str, str]

    @property
    def root(self) -> str:
        """The signed root in hexadecimal digits."""
        return bytes(self.checkpoint.root).hex() if self.checkpoint else ""

    @property
    def state(self) -> str:
        """tampered, unknown (never or not fully verified), attention (nothing is signed any more) or verified."""
        if self.verification is None:
            return "unknown"
        if not self.verification.is_valid:
            return "tampered" if self.verification.verdict == Verdict.TAMPERED else "unknown"
        return "attention" if self.trouble or self.troubles or self.lag > timedelta(seconds=LATE) else "verified"

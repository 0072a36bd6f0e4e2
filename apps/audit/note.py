"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-proof) with Ed25519. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519 = b"\x01"
SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)")
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
MAX_SIGNATURES = 100


class BadNote(ValueError):
    """A note, checkpoint, proof file or key that cannot be trusted; the message says why."""


@dataclass(frozen=True)
class VerifierKey:
    """A named public key, as it is written in a trust file."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that mark this key's signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+id+key`; refuses an id that does not belong to the key and algorithms other than Ed25519."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _decode(encoded, "key")
        if key[:1] != ED25519 or len(key) != 33 or not is_key_name(name):
            raise BadNote("a verifier key is NAME+ID+KEY with an Ed25519 key of 32 bytes")
        found = cls(name, key[1:])
        if found.key_id.hex() != key_id:
            raise BadNote(f"the id {key_id} does not belong to this key")
        return found

    def is_signature_of(self, signature: bytes, text: str) -> bool:
        """Whether these 64 bytes are this key's signature over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A named private key."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(self.name, public)

    def sign(self, text: str) -> str:
        """The note: text, blank line, one signature line."""
        require_text(text)
        return f"{text}\n{self._line(text)}"

    def cosign(self, note: str) -> str:
        """The note with one more signature line."""
        return note + self._line(note.rpartition("\n\n")[0] + "\n")

    def _line(self, text: str) -> str:
        signature = self.verifier.key_id + self.private.sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


@dataclass(frozen=True)
class KeyPeriod:
    """A key and the heads it counts for: of `first` entries up to `last` (None: without end)."""

    key: VerifierKey
    first: int
    last: int | None

    def may_sign(self, size: int) -> bool:
        """Whether this key's signature under a head of this size counts."""
        return self.first <= size and (self.last is None or size <= self.last)


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: whose, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the signed text; extension lines are refused, because nobody here would check them."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] != "" or not lines[0]:
            raise BadNote("a checkpoint has exactly three lines: origin, size and root")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise BadNote("the size of a checkpoint is a decimal number without leading zeros")
        root = _decode(lines[2], "root")
        if len(root) != 32:
            raise BadNote("the root of a checkpoint is 32 bytes")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True)
class Proof:
    """An inclusion proof with the checkpoint it leads to; `extra` is the leaf, for those who have only this file."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def __str__(self) -> str:
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra else []
        hashes = (base64.b64encode(part).decode() for part in self.hashes)
        lines = [PROOF_HEADER, *extra, f"index {self.index}", *hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Read a tlog-proof file; its `extra` line is covered by nothing, only by what its leaf hash proves."""
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines.pop(0) != PROOF_HEADER:
            raise BadNote(f"a proof begins with {PROOF_HEADER}")
        extra = _decode(lines.pop(0)[6:], "extra") if lines and lines[0].startswith("extra ") else b""
        if not lines or not re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[0]):
            raise BadNote("a proof names the index of its leaf")
        hashes = tuple(_decode(line, "hash") for line in lines[1:])
        return cls(int(lines[0][6:]), hashes, checkpoint, extra)


def open_note(note: str, keys: Sequence[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text of a note and the known keys that signed it.

    A signature that claims a known key and fails refuses the whole note; unknown keys are ignored; a note without
    any known signature is refused.
    """
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise BadNote("a note is text, a blank line and signature lines")
    text += "\n"
    require_text(text)
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadNote(f"a note has at most {MAX_SIGNATURES} signatures")
    signed: list[VerifierKey] = []
    for line in lines:
        key = _signed_by(line, text, keys)
        if key and key not in signed:
            signed.append(key)
    if not signed:
        raise BadNote("no known key signed this note")
    return text, signed


def open_checkpoint(note: str, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint in a signed note, when a known key signed it for this origin."""
    checkpoint = Checkpoint.parse(open_note(note, keys)[0])
    if checkpoint.origin != origin:
        raise BadNote(f"the checkpoint belongs to {checkpoint.origin}, not to {origin}")
    return checkpoint


def is_key_name(name: str) -> bool:
    """Whether a text may name a key or a log: not empty, no white space, no plus sign."""
    return bool(name) and not any(character.isspace() or character == "+" for character in name)


def require_text(text: str) -> None:
    """Refuse what a note may not hold: control characters other than line ends, or a missing last line end."""
    if not text.endswith("\n") or any(ord(character) < 0x20 and character != "\n" for character in text):
        raise BadNote("the text of a note ends in a line end and holds no other control character")


def _signed_by(line: str, text: str, keys: Iterable[VerifierKey]) -> VerifierKey | None:
    match = SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise BadNote("a line below the text is not a signature")
    signature = _decode(match[2], "signature")
    if len(signature) < 5:
        raise BadNote("a signature is shorter than its key id")
    for key in keys:
        if key.name == match[1] and key.key_id == signature[:4]:
            if not key.is_signature_of(signature[4:], text):
                raise BadNote(f"the signature of {key.name} does not match the text")
            return key
    return None


def _decode(text: str, what: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadNote(f"the {what} is not base64") from error
    if base64.b64encode(found).decode() != text:
        raise BadNote(f"the {what} is not the one base64 spelling of its bytes")
    return found

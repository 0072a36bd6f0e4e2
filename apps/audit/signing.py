"""The log's key and its checkpoints. Only the sequencer's process reads the private key.

The signer remembers in a file beside its key what it signed last, and signs only what provably begins with that. So
a database that was rolled back or rewritten gets no new signature, even when its own checkpoint rows were changed too.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from django.conf import settings
from django.db import connection, transaction

from apps.audit import merkle, note, queries
from apps.audit.models import Checkpoint, Key
from apps.audit.recording import record, system
from apps.core.errors import Conflict, NotFound, Unavailable
from apps.core.files import write_once, write_whole

LOCK = 0x1A0D17  # advisory lock of everything that extends or signs the tree


class InconsistentTree(Conflict):
    """The log no longer begins with what was signed before. Nothing is signed until somebody has looked."""

    code, title = "INCONSISTENT_LOG", "The log does not continue what was signed"


def hold_tree() -> None:
    """Keep every other sequencer and signer out until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def key_file() -> Path:
    """Where the private key of the log lies."""
    return Path(settings.SIGNING_KEY_FILE)


def next_key_file() -> Path:
    """Where the next private key waits during a rotation."""
    return key_file().with_suffix(".next.pem")


def load_private_key() -> Ed25519PrivateKey:
    """The private key; made on first use outside production, where somebody else must have put it."""
    path = key_file()
    if not path.exists():
        if getattr(settings, "PRODUCTION", False):
            command = f"openssl genpkey -algorithm ed25519 -out {path}"
            raise Unavailable(f"There is no signing key at {path}. Make one: {command}")
        _make_key(path)
    private = _read_key(path)
    if not isinstance(private, Ed25519PrivateKey):
        raise Unavailable(f"The signing key at {path} is not an Ed25519 key.")
    return private


def _read_key(path: Path) -> Any:
    return load_pem_private_key(path.read_bytes(), password=None)


@transaction.atomic
def ensure_key() -> note.Signer:
    """The signer of this log. A key that the log does not know yet is announced before it signs; a replaced one never signs."""
    hold_tree()
    finish_rotation()
    private = load_private_key()
    origin = queries.origin()
    signer = note.Signer(origin or f"{settings.LOG_ORIGIN}/{secrets.token_hex(4)}", private)
    vkey = str(signer.verifier)
    newest = Key.objects.order_by("-id").values_list("vkey", flat=True).first()
    if newest != vkey and Key.objects.filter(vkey=vkey).exists():
        raise Unavailable(f"The signing key at {key_file()} was replaced by a newer one, which is not there.")
    if newest != vkey:
        Key.objects.create(vkey=vkey, name=signer.name, valid_from_size=queries.tree_size())
        record(system("log"), "audit.key_added", "log:self", data={"vkey": vkey})
    return signer


def log_name() -> str:
    """The name of this log, for what is signed against it. A log without a key has no name yet: its first key is made now."""
    return queries.origin() or ensure_key().name


@transaction.atomic
def sign_checkpoint() -> Checkpoint | None:
    """Sign the head of the tree when it has grown. InconsistentTree when it does not continue the last."""
    signer = ensure_key()
    size = queries.tree_size()
    root = queries.root_at(size)
    _require_continuation(remembered(signer.name) or _newest(signer.name), size, root)
    newest = queries.latest_checkpoint()
    if size == 0 or (newest is not None and newest.size == size):
        return newest
    head = note.Checkpoint(signer.name, size, root)
    signed = signer.sign(head.text)
    remember(head)
    checkpoint: Checkpoint = Checkpoint.objects.create(size=size, root=root, note=signed)
    return checkpoint


def finish_rotation() -> None:
    """Put the next key in the current one's place, when the log has announced it; the current one is kept as retired."""
    current, following = key_file(), next_key_file()
    newest = Key.objects.order_by("-id").first()
    if newest is None or not following.exists():
        return
    if str(note.Signer(newest.name, _read_key(following)).verifier) != newest.vkey:
        return  # a rotation that never committed; the next one writes over it
    if current.exists():
        retired = note.Signer(newest.name, _read_key(current)).verifier.key_id.hex()
        keep = current.with_suffix(f".{retired}.retired.pem")
        keep.unlink(missing_ok=True)
        os.link(current, keep)
    following.replace(current)


def _require_continuation(before: note.Checkpoint | None, size: int, root: bytes) -> None:
    if before is None:
        return
    if size < before.size:
        raise InconsistentTree(
            f"The log has {size} entries, but a checkpoint of {before.size} was signed before. Entries were removed,"
            " or an old backup was restored. Run `verify --database` and compare with a checkpoint held outside."
        )
    try:
        proof = queries.consistency(before.size, size)
    except NotFound as gap:
        raise InconsistentTree(gap.detail) from gap
    if not merkle.verify_consistency(before.size, size, proof, before.root, root):
        raise InconsistentTree(
            f"The first {before.size} entries are no longer those that were signed."
            " Run `verify --database` and compare with a checkpoint held outside."
        )


def is_continued(before: note.Checkpoint) -> bool:
    """Whether the log begins with this head."""
    size = queries.tree_size()
    try:
        _require_continuation(before, size, queries.root_at(size))
    except (InconsistentTree, NotFound):
        return False
    return True


def remembered(origin: str) -> note.Checkpoint | None:
    """The head that this machine's signer signed last for this log; None where no signer ran."""
    kept = _kept_heads().get(origin)
    return note.Checkpoint(origin, int(kept["size"]), bytes.fromhex(kept["root"])) if kept else None


def _kept_heads() -> dict[str, dict[str, str]]:
    path = _memory()
    try:
        found: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as damage:
        raise Unavailable(
            f"What was signed last cannot be read from {path}: {damage}. Nothing is signed, because nothing shows that the log"
            " still continues it. Put the file back from where it was kept; if it is lost, see docs/trust.md."
        ) from damage
    return found


def _newest(origin: str) -> note.Checkpoint | None:
    newest = queries.latest_checkpoint()
    return note.Checkpoint(origin, newest.size, bytes(newest.root)) if newest else None


def remember(head: note.Checkpoint) -> None:
    """Keep, on this machine and outside the database, what was signed."""
    path = _memory()
    kept = _kept_heads()
    kept[head.origin] = {"size": str(head.size), "root": head.root.hex()}
    with _told(path):
        write_whole(path, json.dumps(kept, indent=1).encode())


def _memory() -> Path:
    return key_file().with_suffix(".signed.json")


def write_key(path: Path, private: Ed25519PrivateKey) -> None:
    """Write a private key that only its owner can read; what lay there before is replaced."""
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, _pem(private), mode=0o600)


def _make_key(path: Path) -> None:
    with _told(path), suppress(FileExistsError):  # whoever comes second keeps the first one's key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_once(path, [_pem(Ed25519PrivateKey.generate())], mode=0o600)


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A disk that refuses is told like everything that keeps the log from being signed, and tried again."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as refused:
        reason = refused.strerror or str(refused)
        raise Unavailable(f"The signer cannot use {path}: {reason}. Nothing is signed until it can.") from refused

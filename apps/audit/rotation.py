"""A new key for the log, announced under the old one; and the end of trust in a key.

The new private key is written beside the current one, the log tells of it, one head is signed with both keys, and only then
the new file takes the place of the current one. A crash in between is finished by the next `ensure_key`. The retired private key is
kept as `<name>.<id>.retired.pem` until the operator destroys it; public keys are never removed.
"""

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from apps.audit import note, queries, signing
from apps.audit.models import Checkpoint, Key, KeyRevocation
from apps.audit.recording import System, record
from apps.audit.sequencing import sequence
from apps.core.errors import Conflict, NotFound

log = structlog.get_logger(__name__)


def rotate_key(*, actor: System, reason: str) -> Key:
    """Give the log a new key: heads above the one signed by both are signed with it alone. Not inside a transaction."""
    signing.sign_checkpoint()  # what cannot be continued is not handed to a new key either
    with transaction.atomic():
        signing.hold_tree()
        old = signing.ensure_key()
        private = Ed25519PrivateKey.generate()
        signing.write_key(signing.next_key_file(), private)
        new = note.Signer(old.name, private)
        said = {"vkey": str(new.verifier), "previous": str(old.verifier)}
        record(actor, "audit.key_rotated", "log:self", data=said, reason=reason)
        while sequence():
            pass
        size = queries.tree_size()
        head = note.Checkpoint(old.name, size, queries.root_at(size))
        Checkpoint.objects.create(size=size, root=head.root, note=new.cosign(old.sign(head.text)))
        key: Key = Key.objects.create(vkey=str(new.verifier), name=new.name, valid_from_size=size)
    signing.remember(head)
    signing.finish_rotation()
    log.warning("log_key_rotated", vkey=key.vkey, valid_from_size=size)
    return key


def accept_restore(*, actor: System, reason: str) -> Key:
    """Go on with a log that lost entries to a restore. Conflict when nothing was lost. Not inside a transaction.

    The key that signed what is gone never signs another history: the log goes on with a new one, and holds what was lost.
    """
    lost = signing.remembered(queries.origin())
    if lost is None or signing.is_continued(lost):
        raise Conflict("This log continues everything that this machine signed. There is no loss to accept.")
    private = Ed25519PrivateKey.generate()
    new = note.Signer(lost.origin, private)
    with transaction.atomic():
        signing.hold_tree()
        signing.write_key(signing.next_key_file(), private)
        said = {"vkey": str(new.verifier), "lost_size": str(lost.size), "lost_root": lost.root.hex()}
        said["size"] = str(queries.tree_size())
        record(actor, "audit.restored", "log:self", data=said, reason=reason)
        while sequence():
            pass
        size = queries.tree_size()
        head = note.Checkpoint(lost.origin, size, queries.root_at(size))
        Checkpoint.objects.create(size=size, root=head.root, note=new.sign(head.text))
        key: Key = Key.objects.create(vkey=str(new.verifier), name=new.name, valid_from_size=size)
    signing.remember(head)
    signing.finish_rotation()
    log.warning("restore_accepted", lost=lost.size, size=size)
    return key


@transaction.atomic
def revoke_key(key_id: str, *, trusted_up_to: int, actor: System, reason: str) -> KeyRevocation:
    """From now on the key with this id counts only for heads of up to so many entries. The current key is rotated first."""
    found = [key for key in Key.objects.order_by("id") if note.VerifierKey.parse(key.vkey).key_id.hex() == key_id]
    if not found:
        raise NotFound(f"The log has no key with the id {key_id}. `manage.py rotate_log_key --list` shows them.")
    if found[0].pk == Key.objects.order_by("-id").values_list("pk", flat=True).first():
        raise Conflict("This key signs the log now. Rotate it first: python3 manage.py rotate_log_key --reason WHY")
    said = {"vkey": found[0].vkey, "trusted_up_to": str(trusted_up_to)}
    record(actor, "audit.key_revoked", "log:self", data=said, reason=reason)
    revocation: KeyRevocation = KeyRevocation.objects.create(key=found[0], trusted_up_to=trusted_up_to, reason=reason)
    return revocation

"""New keys for the log, heads by the key that counts for their size, and the end of trust in a key."""

import errno
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command

from apps.audit import note, proving, queries, services, signing
from apps.audit.management.commands.sequencer import Sequencer
from apps.audit.models import Checkpoint, Entry, Key, Leaf
from apps.audit.verification import verify_database
from apps.config import health
from apps.core.errors import Conflict, NotFound, Unavailable

pytestmark = pytest.mark.django_db


def rotate() -> Key:
    return services.rotate_key(actor=services.system("operator"), reason="Yearly")


def key_id(vkey: str) -> str:
    return note.VerifierKey.parse(vkey).key_id.hex()


def test_the_new_key_is_announced_under_the_old_one_and_one_head_is_signed_by_both(
    grow: Callable[[int], Checkpoint],
) -> None:
    first = grow(3)
    key = rotate()
    shared, later = queries.latest_checkpoint(), grow(2)
    old, new = queries.public_keys()
    assert str(new) == key.vkey and key.valid_from_size == shared.size
    entry = Entry.objects.get(verb="audit.key_rotated")
    assert entry.facts == {"vkey": str(new), "previous": str(old)}
    assert entry.leaf.seq < shared.size
    assert [len(note.open_note(head.note, [old, new])[1]) for head in (first, shared, later)] == [1, 2, 1]
    assert note.open_note(later.note, [old, new])[1] == [new]
    assert verify_database().is_valid
    assert all(proving.prove(leaf).state == "verified" for leaf in Leaf.objects.select_related("entry"))


def test_the_retired_private_key_is_kept_apart_and_does_not_sign_again(
    grow: Callable[[int], Checkpoint], signing_key: Path
) -> None:
    grow(1)
    before = signing_key.read_bytes()
    rotate()
    (retired,) = signing_key.parent.glob("*.retired.pem")
    assert retired.read_bytes() == before != signing_key.read_bytes()
    assert retired.stat().st_mode & 0o777 == signing_key.stat().st_mode & 0o777 == 0o600
    signing_key.write_bytes(before)
    with pytest.raises(Unavailable, match="was replaced"):
        grow(1)


def test_a_rotation_that_was_cut_off_before_the_files_changed_places_is_finished(
    grow: Callable[[int], Checkpoint], signing_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(1)
    with monkeypatch.context() as cut:
        cut.setattr(signing, "finish_rotation", lambda: None)
        key = rotate()
    assert signing.next_key_file().exists()
    head = grow(1)
    assert [str(found) for found in note.open_note(head.note, queries.public_keys())[1]] == [key.vkey]
    assert not signing.next_key_file().exists()


def test_a_rotation_that_never_committed_leaves_the_old_key_in_place(
    grow: Callable[[int], Checkpoint], signing_key: Path
) -> None:
    grow(1)
    signing.write_key(signing.next_key_file(), Ed25519PrivateKey.generate())
    before = signing_key.read_bytes()
    assert grow(1) is not None
    assert signing_key.read_bytes() == before
    rotate()
    assert verify_database().is_valid


def test_a_log_that_does_not_continue_what_was_signed_gets_no_new_key(
    grow: Callable[[int], Checkpoint], tamper: Callable[..., None]
) -> None:
    grow(5)
    tamper("DELETE FROM audit_checkpoint", "DELETE FROM audit_leaf WHERE seq > 3")
    with pytest.raises(services.InconsistentTree):
        rotate()
    assert Key.objects.count() == 1


def test_a_head_counts_only_when_the_key_of_its_size_signed_it(grow: Callable[[int], Checkpoint]) -> None:
    grow(2)
    old = signing.load_private_key()
    rotate()
    head = grow(3)
    forged = note.Signer(queries.origin(), old).sign(
        note.Checkpoint.parse(note.open_note(head.note, queries.public_keys())[0]).text
    )
    keys = queries.keys_for(head.size)
    assert note.open_checkpoint(head.note, keys, queries.origin()).size == head.size
    with pytest.raises(note.BadNote):
        note.open_checkpoint(forged, keys, queries.origin())


def test_a_forged_head_by_a_retired_key_is_found(
    grow: Callable[[int], Checkpoint], tamper: Callable[..., None]
) -> None:
    grow(2)
    old = signing.load_private_key()
    rotate()
    head = grow(3)
    text = note.open_note(head.note, queries.public_keys())[0]
    forged = note.Signer(queries.origin(), old).sign(text).replace("'", "''")
    tamper(f"UPDATE audit_checkpoint SET note = '{forged}' WHERE size = {head.size}")
    assert [finding["check"] for finding in verify_database().findings] == ["checkpoints"]


def test_heads_of_a_revoked_key_beyond_its_limit_need_a_later_head_that_counts(
    grow: Callable[[int], Checkpoint],
) -> None:
    first, last = grow(2), grow(2)
    old = str(queries.public_keys()[0])
    with pytest.raises(Conflict, match="Rotate it first"):
        services.revoke_key(key_id(old), trusted_up_to=1, actor=services.system("operator"), reason="Leaked")
    rotate()
    services.revoke_key(key_id(old), trusted_up_to=first.size, actor=services.system("operator"), reason="Leaked")
    assert Entry.objects.get(verb="audit.key_revoked").facts["trusted_up_to"] == str(first.size)
    periods = queries.key_periods()
    assert (periods[0].first, periods[0].last) == (0, first.size)
    assert queries.keys_for(last.size) == []
    grow(1)
    assert verify_database().is_valid
    vkeys = services.trust_facts()["vkeys"]
    assert vkeys[0] == {"vkey": old, "revoked_after_size": first.size, "valid_from_size": 0}
    assert vkeys[1]["valid_from_size"] > last.size


def test_one_key_is_written_into_the_trust_file_as_it_always_was(grow: Callable[[int], Checkpoint]) -> None:
    grow(1)
    assert services.trust_facts()["vkeys"] == [str(queries.public_keys()[0])]


def test_the_commands_rotate_list_and_revoke(grow: Callable[[int], Checkpoint]) -> None:
    grow(1)
    with pytest.raises(CommandError, match="--reason"):
        call_command("rotate_log_key")
    said = StringIO()
    call_command("rotate_log_key", reason="Yearly", stdout=said)
    assert "destroy the retired private key" in said.getvalue()
    old = key_id(str(queries.public_keys()[0]))
    call_command("revoke_log_key", old, trusted_up_to=2, reason="Leaked", stdout=said)
    with pytest.raises(CommandError, match="no key with the id"):
        call_command("revoke_log_key", "00000000", trusted_up_to=2, reason="Leaked")
    listed = StringIO()
    call_command("rotate_log_key", list=True, stdout=listed)
    assert f"{old}  heads of 0 entries up to 2" in listed.getvalue()
    with pytest.raises(NotFound):
        services.revoke_key("zz", trusted_up_to=1, actor=services.system("operator"), reason="x")


def test_a_key_that_somebody_else_made_is_announced_and_counts_from_then_on(
    grow: Callable[[int], Checkpoint], signing_key: Path, settings: Any
) -> None:
    old = grow(2)
    signing_key.unlink()
    new = grow(2)
    periods = queries.key_periods()
    assert old.size <= periods[0].last == periods[1].first <= new.size
    assert periods[1].key in queries.keys_for(new.size)
    assert queries.keys_for(new.size + 1) == [periods[1].key]
    assert verify_database().is_valid


def test_a_disk_that_refuses_is_told_as_what_keeps_the_log_from_being_signed_and_signing_goes_on_afterwards(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = grow(2)
    write()
    sequencer = Sequencer()
    sequencer.stopping.set()
    with monkeypatch.context() as full:
        full.setattr(
            os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device"))
        )
        sequencer.turn()
    assert "No space left on device" in health.log_state()["trouble"]
    assert queries.latest_checkpoint() == before and signing.remembered(queries.origin()).size == before.size
    sequencer.turn()
    assert health.log_state()["ok"] and queries.latest_checkpoint().size > before.size


def test_a_memory_of_the_signer_that_cannot_be_read_keeps_it_from_signing(
    grow: Callable[[int], Checkpoint], signing_key: Path
) -> None:
    before = grow(2)
    signing_key.with_suffix(".signed.json").write_text('{"half')
    with pytest.raises(Unavailable, match="Nothing is signed, because nothing shows"):
        grow(1)
    assert queries.latest_checkpoint() == before

"""Entries, epochs, places, checkpoints."""

import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from apps.audit import canonical, merkle, note, queries, services
from apps.audit.models import Checkpoint, Entry, Key, Leaf, Node, Pending, Subject

pytestmark = pytest.mark.django_db


def test_an_entry_outside_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        services.record(services.system("tests"), "tests.happened", "model:a")


def test_an_entry_holds_its_canonical_bytes_and_true_copies(write: Callable[..., Entry]) -> None:
    written = write(reason="Because", data={"limit": "0.80", "is_new": True}, changes=["use_case:2", "model_version:1"])
    entry = Entry.objects.get(pk=written.pk)
    assert entry.digest == canonical.digest(bytes(entry.body))
    assert entry.value["at"] == entry.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert (entry.reason, entry.facts) == ("Because", {"limit": "0.80", "is_new": True})
    assert entry.changes == ["model_version:1", "use_case:2"]
    assert (entry.actor, entry.verb, entry.subject) == ("system:tests", "tests.happened", "model:a")
    assert entry.seq is None


@pytest.mark.parametrize(
    ("verb", "subject", "more"),
    [
        ("happened", "model:a", {}),
        ("tests.happened", "model", {}),
        ("tests.happened", "model:a b", {}),
        ("tests.happened", "model:a", {"data": {"limit": 0.8}}),
        ("tests.happened", "model:a", {"changes": ["nothing"]}),
        ("tests.happened", "model:a", {"reason": "x" * 70_000}),
    ],
)
def test_an_entry_that_could_not_be_read_later_is_refused(
    write: Callable[..., Entry], verb: str, subject: str, more: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        write(verb, subject, **more)
    assert not Entry.objects.exists()


def test_epochs_rise_once_per_entry_that_changes_the_subject(write: Callable[..., Entry]) -> None:
    write(changes=["use_case:1", "use_case:1", "policy:2"])
    write(changes=["use_case:1"])
    assert queries.epochs(["use_case:1", "policy:2", "policy:3"]) == {"use_case:1": 2, "policy:2": 1, "policy:3": 0}
    assert queries.epochs([]) == {}


def test_a_rolled_back_change_leaves_neither_entry_nor_epoch(write: Callable[..., Entry]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        write(changes=["use_case:1"])
        raise RuntimeError
    assert not Entry.objects.exists()
    assert not Pending.objects.exists()
    assert queries.epochs(["use_case:1"]) == {"use_case:1": 0}


def test_places_are_dense_over_the_log_and_over_each_subject(grow: Callable[[int], Checkpoint]) -> None:
    grow(300)
    grow(300)
    rows = list(Leaf.objects.order_by("seq").values_list("seq", "subject", "n"))
    assert [seq for seq, _, _ in rows] == list(range(601))  # and the entry that announced the key
    for subject in {subject for _, subject, _ in rows}:
        counts = [n for _, found, n in rows if found == subject]
        assert counts == list(range(len(counts)))
    assert not Pending.objects.exists()
    assert Node.objects.filter(height=8).count() == 2


def test_the_root_is_that_of_the_definition_at_every_size(grow: Callable[[int], Checkpoint]) -> None:
    grow(530)
    hashes = [bytes(value) for value in Leaf.objects.order_by("seq").values_list("hash", flat=True)]
    for size in (1, 2, 255, 256, 257, 511, 512, 513, 531):
        assert queries.root_at(size) == merkle.root_of(hashes[:size])
    bodies = [bytes(value) for value in Leaf.objects.order_by("seq").values_list("body", flat=True)]
    assert hashes == [merkle.leaf_hash(body) for body in bodies]


def test_proofs_from_stored_nodes_hold(grow: Callable[[int], Checkpoint]) -> None:
    checkpoint = grow(600)
    keys, origin = queries.public_keys(), queries.origin()
    head = note.open_checkpoint(checkpoint.note, keys, origin)
    assert (head.size, head.root) == (601, bytes(checkpoint.root))
    for seq in (0, 1, 255, 256, 511, 512, 600):
        proof = queries.inclusion(seq)
        assert proof.is_valid
        assert note.Proof.parse(str(proof)).hashes == proof.hashes
    for first in (1, 2, 256, 300, 512, 600):
        found = queries.consistency(first, 601)
        assert merkle.verify_consistency(first, 601, found, queries.root_at(first), head.root)


def test_a_checkpoint_is_signed_only_when_the_log_has_grown(grow: Callable[[int], Checkpoint]) -> None:
    first = grow(3)
    assert services.sign_checkpoint() == first
    assert Checkpoint.objects.count() == 1
    assert grow(1).size == first.size + 1


def test_the_key_is_made_once_readable_by_its_owner_only_and_announced_in_the_log(signing_key: Path) -> None:
    signer = services.ensure_key()
    assert str(services.ensure_key().verifier) == str(signer.verifier)
    assert stat.S_IMODE(signing_key.stat().st_mode) == 0o600
    assert Key.objects.get().vkey == str(signer.verifier)
    assert Entry.objects.get(verb="audit.key_added").facts == {"vkey": str(signer.verifier)}


def test_the_log_has_a_name_before_anything_is_signed_against_it() -> None:
    assert queries.origin() == ""
    name = services.log_name()
    assert name.startswith("imprimatur.local/log/") and queries.origin() == name
    assert services.log_name() == name and Key.objects.count() == 1


def test_production_does_not_make_its_own_key(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(Exception, match="openssl genpkey"):
        services.ensure_key()


def test_a_new_key_keeps_the_name_of_the_log_and_old_checkpoints_stay_readable(
    grow: Callable[[int], Checkpoint], signing_key: Path
) -> None:
    old = grow(2)
    signing_key.unlink()
    new = grow(2)
    keys, origin = queries.public_keys(), queries.origin()
    assert len(keys) == 2
    assert [note.open_checkpoint(found.note, keys, origin).size for found in (old, new)] == [old.size, new.size]
    with pytest.raises(note.BadNote):
        note.open_checkpoint(new.note, keys[:1], origin)


def test_nothing_is_signed_when_the_log_no_longer_continues_what_was_signed(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry], tamper: Callable[..., None]
) -> None:
    grow(5)
    tamper("UPDATE audit_leaf SET hash = sha256('x') WHERE seq = 2")
    write()
    services.sequence_all()
    with pytest.raises(services.InconsistentTree, match="no longer those that were signed"):
        services.sign_checkpoint()


def test_nothing_is_signed_when_entries_were_removed_even_with_their_checkpoints(
    grow: Callable[[int], Checkpoint], tamper: Callable[..., None]
) -> None:
    grow(5)
    tamper("DELETE FROM audit_checkpoint", "DELETE FROM audit_leaf WHERE seq > 3")
    with pytest.raises(services.InconsistentTree, match="Entries were removed"):
        services.sign_checkpoint()


def test_an_entry_that_lost_its_waiting_row_is_adopted(write: Callable[..., Entry]) -> None:
    entry = write()
    Pending.objects.all().delete()
    assert services.sequence() == 0
    assert services.adopt_lost_entries() == 1
    services.sequence_all()
    assert Leaf.objects.filter(entry=entry).exists()
    assert services.adopt_lost_entries() == 0


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_is_not_skipped(write: Callable[..., Entry]) -> None:
    written, may_commit = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            write(subject="model:late")
            written.set()
            may_commit.wait(10)
        connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    assert written.wait(10)
    write(subject="model:early")
    services.sequence_all()
    assert set(Leaf.objects.values_list("subject", flat=True)) == {"log:self", "model:early"}
    may_commit.set()
    thread.join(10)
    services.sequence_all()
    assert Leaf.objects.get(subject="model:late").seq == 2


@pytest.mark.django_db(transaction=True)
def test_writers_and_two_sequencers_at_once_leave_a_dense_log(write: Callable[..., Entry]) -> None:
    services.ensure_key()
    done = threading.Event()

    def writer() -> None:
        for number in range(40):
            write(subject=f"model:{number % 4}", changes=["policy:1", f"use_case:{number % 2}"])
        connection.close()

    def sequencer() -> None:
        while not done.is_set():
            services.sequence(7)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        sequencers = [pool.submit(sequencer) for _ in range(2)]
        writers = [pool.submit(writer) for _ in range(4)]
        wait(writers, timeout=60)
        done.set()
        for work in (*writers, *sequencers):
            work.result(timeout=60)
    services.sequence_all()
    assert list(Leaf.objects.order_by("seq").values_list("seq", flat=True)) == list(range(161))
    assert Subject.objects.get(kind="policy", key="1").epoch == 160
    assert services.sign_checkpoint().size == 161

"""`verify --database` finds every change, also one made with the triggers off."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from apps.audit import canonical, merkle, queries, services, signing, tasks
from apps.audit.models import Checkpoint, Entry, Leaf, Node, Verdict
from apps.audit.verification import verify_database
from apps.core import jobs
from apps.core.models import Job

pytestmark = pytest.mark.django_db

SIZE = 300


@pytest.fixture
def log(grow: Callable[[int], Checkpoint]) -> Checkpoint:
    """A signed log of 300 entries and the announcement of its key."""
    return grow(SIZE)


def checks_of(run: Any) -> set[str]:
    return {finding["check"] for finding in run.findings}


def test_an_untouched_log_is_verified_and_the_result_is_in_the_log(log: Checkpoint) -> None:
    run = verify_database()
    assert (run.verdict, run.findings, run.entries, run.size) == (Verdict.VALID, [], SIZE + 1, SIZE + 1)
    assert run.root == bytes(log.root).hex()
    entry = Entry.objects.get(verb="audit.verified")
    assert entry.facts["verdict"] == "valid"
    assert queries.last_verification() == run


def test_the_log_is_verified_every_day_without_being_asked(log: Checkpoint) -> None:
    assert any(planned["task"] == tasks.verify_daily.name for planned in settings.CELERY_BEAT_SCHEDULE.values())
    tasks.verify_daily()
    tasks.verify_daily()
    job = jobs.run_now(Job.objects.get(task=tasks.verify.name))
    assert (job.state, job.result["verdict"]) == ("done", Verdict.VALID)
    tasks.verify_daily()
    assert Job.objects.filter(task=tasks.verify.name).count() == 2


def test_an_empty_log_and_waiting_entries_are_no_difference(write: Callable[..., Entry]) -> None:
    assert verify_database().is_valid
    write()
    run = verify_database()
    assert run.is_valid
    assert (run.entries, run.size, run.pending) == (2, 0, 2)  # and the entry about the run before


CHANGES = {
    "a byte of an entry": "UPDATE audit_entry SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE id = '{id}'",
    "an entry with its digest": "UPDATE audit_entry SET body = replace(convert_from(body, 'UTF8'), 'Reason 7', 'Reason 8')"
    "::bytea, digest = 'sha256:' || encode(sha256(replace(convert_from(body, 'UTF8'), 'Reason 7', 'Reason 8')::bytea), 'hex')"
    " WHERE id = '{id}'",
    "a digest": "UPDATE audit_entry SET digest = 'sha256:' || repeat('0', 64) WHERE id = '{id}'",
    "the copy of the actor": "UPDATE audit_entry SET actor = 'user:somebody' WHERE id = '{id}'",
    "the copy of the verb": "UPDATE audit_entry SET verb = 'tests.other' WHERE id = '{id}'",
    "the copy of the subject": "UPDATE audit_entry SET subject = 'model:z' WHERE id = '{id}'",
    "the copy of the time": "UPDATE audit_entry SET at = at - interval '1 microsecond' WHERE id = '{id}'",
    "the copy of the row": "UPDATE audit_entry SET row = 'tests.row:1' WHERE id = '{id}'",
    "the copy of the row's time": "UPDATE audit_entry SET row_at = now() WHERE id = '{id}'",
    "the bytes of a leaf": "UPDATE audit_leaf SET body = set_byte(body, 5, get_byte(body, 5) # 1) WHERE seq = 7",
    "the hash of a leaf": "UPDATE audit_leaf SET hash = sha256('x') WHERE seq = 7",
    "the subject of a leaf": "UPDATE audit_leaf SET subject = 'model:z' WHERE seq = 7",
    "the number of a leaf": "UPDATE audit_leaf SET n = n + 1000 WHERE seq = 7",
    "two places exchanged": "UPDATE audit_leaf SET seq = CASE seq WHEN 7 THEN 100000 ELSE seq END WHERE seq = 7",
    "a removed leaf": "DELETE FROM audit_leaf WHERE seq = 7",
    "a removed entry": "DELETE FROM audit_entry WHERE id = '{id}'",
    "a removed tail": "DELETE FROM audit_leaf WHERE seq > 290",
    "a stored node": "UPDATE audit_node SET hash = sha256('x')",
    "a removed node": "DELETE FROM audit_node",
    "the root of a checkpoint": "UPDATE audit_checkpoint SET root = sha256('x')",
    "the text of a checkpoint": "UPDATE audit_checkpoint SET note = replace(note, '301', '302')",
    "another key": "UPDATE audit_key SET vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_the_triggers_off_is_found(log: Checkpoint, tamper: Callable[..., None], change: str) -> None:
    pk = Leaf.objects.get(seq=7).entry_id
    statement = CHANGES[change].format(id=pk)
    if change == "a removed entry":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_leaf'::regclass AND contype = 'f'"
            )
            (name,) = cursor.fetchone()
        tamper(f'ALTER TABLE audit_leaf DROP CONSTRAINT "{name}"', statement)
    else:
        tamper(statement)
    run = verify_database()
    assert run.verdict == Verdict.TAMPERED, change
    assert Entry.objects.filter(verb="audit.verification_failed").exists()


def test_a_forged_history_that_fits_itself_is_found_by_what_was_signed(
    log: Checkpoint, tamper: Callable[..., None]
) -> None:
    """An intruder rewrites an entry and everything below it: only the signed head and the signer's memory tell."""
    leaf = Leaf.objects.select_related("entry").get(seq=7)
    body = bytes(leaf.entry.body).replace(b"Reason 7", b"Reason 9")
    digest = canonical.digest(body)
    forged = canonical.encode({**canonical.parse(bytes(leaf.body)), "entry": digest})
    hashes = [bytes(value) for value in Leaf.objects.order_by("seq").values_list("hash", flat=True)]
    hashes[7] = merkle.leaf_hash(forged)
    block = merkle.root_of(hashes[:256])
    assert body != bytes(leaf.entry.body)
    tamper(
        f"UPDATE audit_entry SET body = '\\x{body.hex()}', digest = '{digest}' WHERE id = '{leaf.entry_id}'",
        f"UPDATE audit_leaf SET body = '\\x{forged.hex()}', hash = '\\x{hashes[7].hex()}' WHERE seq = 7",
        f"UPDATE audit_node SET hash = '\\x{block.hex()}' WHERE height = 8 AND position = 0",
    )
    assert Node.objects.count() == 1
    assert checks_of(verify_database()) == {"checkpoints"}
    tamper("DELETE FROM audit_checkpoint")
    run = verify_database()
    assert checks_of(run) == {"checkpoints"}
    assert "the signer signed" in run.findings[0]["sentence"]


def test_an_entry_slipped_in_without_a_place_is_found(log: Checkpoint, write: Callable[..., Entry]) -> None:
    write()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_pending")
    run = verify_database()
    assert run.verdict == Verdict.TAMPERED
    assert "does not wait" in run.findings[0]["sentence"]


def test_a_switched_off_trigger_is_found(log: Checkpoint) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_leaf DISABLE TRIGGER audit_leaf_keep")
    run = verify_database()
    assert run.verdict == Verdict.TAMPERED
    assert run.findings == [
        {
            "check": "triggers",
            "subject": "audit_leaf",
            "sentence": "The trigger that refuses UPDATE and DELETE on audit_leaf is missing, changed or switched off.",
        }
    ]


def test_an_entry_of_a_later_version_cannot_be_verified(log: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.audit.verification.VERSION", "0")
    run = verify_database()
    assert run.verdict == Verdict.UNVERIFIABLE
    assert "does not know" in run.findings[0]["sentence"]


def test_only_a_hundred_findings_are_kept_in_words_but_all_are_counted(
    log: Checkpoint, tamper: Callable[..., None]
) -> None:
    tamper("UPDATE audit_entry SET actor = 'user:somebody'")
    run = verify_database()
    assert len(run.findings) == 100
    assert run.finding_count == SIZE + 1


def test_a_rolled_back_log_is_found_by_the_signers_memory(
    log: Checkpoint, tamper: Callable[..., None], signing_key: Path
) -> None:
    tamper("DELETE FROM audit_checkpoint", "DELETE FROM audit_leaf WHERE seq > 290")
    findings = {finding["sentence"] for finding in verify_database().findings}
    assert f"The signer remembers a log of {SIZE + 1} entries; there are 291." in findings
    assert signing.remembered(queries.origin()).size == SIZE + 1


def test_lag_and_the_tail_without_a_checkpoint_are_told(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry]
) -> None:
    assert queries.sequencer_lag() == timedelta(0)
    grow(2)
    standing = queries.standing()
    assert (standing.uncovered, standing.oldest_uncovered_at) == (0, None)
    first = write()
    assert queries.sequencer_lag() > timedelta(0)
    services.sequence_all()
    write()
    standing = queries.standing()
    assert (standing.uncovered, standing.oldest_uncovered_at) == (2, first.at)

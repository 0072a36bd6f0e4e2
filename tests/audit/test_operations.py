"""What happens to the installation itself is in the log: exports, backups, restores, settings, migrations, clocks, downloads."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from apps.audit import queries, services, signing
from apps.audit.management.commands.sequencer import Sequencer
from apps.audit.models import Checkpoint, Entry, Verdict
from apps.audit.verification import verify_database
from apps.config import database, health
from apps.core.errors import Conflict
from tests.factories import person, signed_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_an_export_of_the_trail_is_in_the_trail(grow: Callable[[int], Checkpoint]) -> None:
    grow(3)
    auditor = person("auditor")
    answer = signed_in(auditor).get("/audit/export.jsonl?verb=tests.happened")
    assert len(b"".join(answer.streaming_content).splitlines()) == 3
    entry = Entry.objects.get(verb="audit.exported")
    assert entry.actor == auditor.audit_ref
    assert entry.facts == {"filter": {"verb": "tests.happened"}, "entries": "3"}


@pytest.mark.django_db
def test_a_backup_is_signed_first_and_noted(grow: Callable[[int], Checkpoint], write: Callable[..., Entry]) -> None:
    grow(2)
    write()
    services.sequence_all()
    call_command("backup_taken", "vault 3, tape 7")
    assert Entry.objects.get(verb="audit.backed_up").facts == {"place": "vault 3, tape 7", "size": "4"}
    assert queries.latest_checkpoint().size == 4


@pytest.mark.django_db
def test_settings_are_noted_when_they_differ_and_hold_no_secret(settings: Any) -> None:
    assert services.note_settings().facts["settings"]["TSA_URL"] == ""
    assert services.note_settings() is None
    settings.TSA_URL = "https://tsa.example/tsr"
    entry = services.note_settings()
    assert entry.facts["changed"] == ["ANCHORS", "TSA_URL"]
    assert settings.SECRET_KEY not in bytes(entry.body).decode()


@pytest.mark.django_db
def test_migrations_are_noted_once_the_log_has_begun(grow: Callable[[int], Checkpoint]) -> None:
    assert services.note_migrations(["audit.0001_initial"]) is None
    grow(1)
    assert services.note_migrations([]) is None
    assert services.note_migrations(["b.0002", "a.0001"]).facts == {"migrations": ["a.0001", "b.0002"]}


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_or_differs_from_the_databases_is_told_once(hours: int) -> None:
    clocks = services.Clocks()
    assert clocks.look() is None
    with time_machine.travel(timedelta(hours=hours), tick=True):
        assert clocks.look().facts["clock"] == "jumped"
        assert clocks.look() is None
    assert clocks.look().facts["clock"] == "jumped"
    assert clocks.look() is None
    assert Entry.objects.filter(verb="audit.clock_anomaly").count() == 2
    with time_machine.travel(timedelta(hours=hours), tick=True):
        elsewhere = services.Clocks()
        assert elsewhere.look().facts["clock"] == "differs from the database's"
        assert elsewhere.look() is None


@pytest.mark.django_db
def test_a_restored_older_database_is_not_signed_health_says_so_and_accepting_it_leaves_the_loss_in_the_log(
    grow: Callable[[int], Checkpoint], tamper: Callable[..., None], write: Callable[..., Entry]
) -> None:
    old, held = grow(3), grow(5)
    tamper(
        f"DELETE FROM audit_checkpoint WHERE size > {old.size}",
        f"DELETE FROM audit_leaf WHERE seq >= {old.size}",
        "DELETE FROM audit_entry WHERE NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.entry_id = audit_entry.id)",
    )
    sequencer = Sequencer()
    sequencer.stopping.set()
    sequencer.turn()
    state = health.log_state()
    assert not state["ok"] and "an old backup was restored" in state["trouble"]
    assert queries.latest_checkpoint() == old
    key = services.accept_restore(actor=services.system("operator"), reason="Disk failure, backup of last night")
    told = Entry.objects.get(verb="audit.restored")
    assert (told.facts["lost_size"], told.facts["lost_root"]) == (str(held.size), bytes(held.root).hex())
    assert [str(found) for found in queries.keys_for(grow(1).size)] == [key.vkey]
    sequencer.turn()
    assert health.log_state()["ok"]
    assert verify_database().is_valid
    run = verify_database(held.note)
    assert (run.verdict, [finding["check"] for finding in run.findings]) == (Verdict.TAMPERED, ["prior"])
    with pytest.raises(Conflict, match="no loss to accept"):
        services.accept_restore(actor=services.system("operator"), reason="Again")
    with pytest.raises(CommandError, match="no loss to accept"):
        call_command("accept_restore", reason="Again")


@pytest.mark.django_db
def test_a_head_held_outside_is_compared_with_the_database(
    grow: Callable[[int], Checkpoint], tamper: Callable[..., None]
) -> None:
    held, later = grow(3), grow(3)
    assert verify_database(held.note).is_valid and verify_database(later.note).is_valid
    foreign = held.note.replace(queries.origin(), "elsewhere.example/log")
    assert verify_database(foreign).verdict == Verdict.UNVERIFIABLE
    forged = held.note.replace(f"\n{held.size}\n", f"\n{held.size + 1}\n", 1)
    assert verify_database(forged).verdict == Verdict.TAMPERED
    assert verify_database("nonsense").verdict == Verdict.TAMPERED
    signing.key_file().with_suffix(".signed.json").unlink()
    tamper("DELETE FROM audit_checkpoint", "DELETE FROM audit_node", f"DELETE FROM audit_leaf WHERE seq >= {held.size}")
    run = verify_database(later.note)
    assert "an older backup was restored" in next(f["sentence"] for f in run.findings if f["check"] == "prior")


@pytest.mark.django_db(transaction=True)
def test_yesterdays_backup_restored_elsewhere_is_found_with_a_head_kept_outside(
    grow: Callable[[int], Checkpoint], tmp_path: Path
) -> None:
    grow(5)
    tools, where = database.binaries("18"), connection.get_connection_params()
    reach = ["-h", str(where["host"]), "-U", str(where["user"])]
    backup = str(tmp_path / "yesterday.dump")
    subprocess.run([tools / "pg_dump", *reach, "-Fc", "-f", backup, where["dbname"]], check=True)
    held = tmp_path / "checkpoint.txt"
    held.write_text(grow(4).note)
    subprocess.run([tools / "createdb", *reach, "restored"], check=True)
    try:
        subprocess.run([tools / "pg_restore", *reach, "-d", "restored", backup], check=True)
        environment = {
            **os.environ,
            "DATABASE_URL": f"postgresql://{where['user']}@/restored?host={where['host']}",
            "SIGNING_KEY_FILE": str(tmp_path / "another" / "log.pem"),  # another machine: its signer remembers nothing
            "IMPRIMATUR_BOOTSTRAP": "off",
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, str(ROOT / "manage.py"), "verify", "--database"]
        alone = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert alone.returncode == 0, alone.stdout + alone.stderr
        asked = [*command, "--prior", str(held)]
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "has 10 entries, the database 6: an older backup was restored" in done.stdout
        asked[-1] = str(tmp_path / "absent")
        assert subprocess.run(asked, env=environment, capture_output=True, check=False).returncode == 3
    finally:
        subprocess.run([tools / "dropdb", *reach, "--force", "restored"], check=True)

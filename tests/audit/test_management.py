"""The sequencer as a program of its own: signals, checkpoints, signs of life."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from apps.audit import queries
from apps.audit.management.commands.sequencer import Sequencer
from apps.audit.models import Checkpoint, Entry, Leaf

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_one_turn_places_signs_and_ends(write: Callable[..., Entry]) -> None:
    write()
    call_command("sequencer", "--once")
    assert Leaf.objects.count() == 2
    assert Checkpoint.objects.get().size == 2


@pytest.mark.django_db(transaction=True)
def test_the_program_places_an_entry_within_a_second_and_signs_before_it_ends(
    write: Callable[..., Entry], signing_key: Path
) -> None:
    parts = connection.get_connection_params()
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}",
        "SIGNING_KEY_FILE": str(signing_key),
        "IMPRIMATUR_BOOTSTRAP": "off",
    }
    program = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "sequencer"], env=environment, cwd=ROOT)
    try:
        wait_for(lambda: queries.sequencer_seen_at() is not None, 60)
        entry = write()
        wait_for(lambda: Leaf.objects.filter(entry=entry).exists(), 5)
        assert queries.sequencer_lag().total_seconds() == 0
        write()
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    finally:
        program.kill()
        program.wait()
    newest = queries.latest_checkpoint()
    assert newest is not None
    assert newest.size == queries.tree_size() == 4  # the key, the settings and two of ours


@pytest.mark.django_db
def test_a_damaged_log_is_told_and_not_signed(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry], tamper: Callable[..., None]
) -> None:
    grow(5)
    tamper("DELETE FROM audit_leaf WHERE seq = 2")
    write()
    sequencer = Sequencer()
    sequencer.stopping.set()
    sequencer.turn()
    standing = queries.standing()
    assert "gap" in standing.trouble
    assert Checkpoint.objects.count() == 1


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "It did not happen in time"
        time.sleep(0.05)

"""The embedded server: one for many users, gone with the last, back after any kill. Real servers in temporary folders."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from apps.config import database, keeper
from tests.database import FAST

HOLDER = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from apps.config.database import Embedded
Embedded(Path({folder!r}), {options!r}).ensure()
print("holding", flush=True)
time.sleep(120)
"""


def servers(folder: Path) -> list[int]:
    return keeper._servers_in(folder.resolve() / "data")


def wait_until_gone(folder: Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while servers(folder):
        assert time.monotonic() < end, f"still running: {servers(folder)}"
        time.sleep(0.02)


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Another process that uses the server; returns once it holds it."""
    text = HOLDER.format(root=str(database.ROOT), folder=str(folder), options=FAST)
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "holding\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def ask(server: database.Embedded, question: str, role: str = "owner") -> object:
    with psycopg.connect(server.address(role), autocommit=True) as connection:
        cursor = connection.execute(question.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[database.Embedded]:
    made = database.Embedded(tmp_path / "pg", FAST, initdb=("--no-sync",))
    yield made
    made.stop()


def test_the_address_is_known_before_anything_runs(tmp_path: Path) -> None:
    quiet = database.Embedded(tmp_path / "pg")
    assert quiet.address() == f"postgresql://app@/imprimatur?host={tmp_path}/pg/run"
    assert not (tmp_path / "pg").exists()


def test_the_server_starts_and_ends_with_its_last_user(server: database.Embedded) -> None:
    server.ensure()
    assert ask(server, "SELECT current_database()") == "imprimatur"
    server.release()
    wait_until_gone(server.folder)


def test_a_second_user_joins_the_running_server_and_keeps_it_when_the_first_leaves(server: database.Embedded) -> None:
    server.ensure()
    before = servers(server.folder)
    other = hold(server.folder)
    try:
        assert set(before) <= set(servers(server.folder))
        server.release()
        time.sleep(0.3)
        assert ask(server, "SELECT 1") == 1
    finally:
        end(other)
    wait_until_gone(server.folder)


def test_six_starts_at_once_make_one_server(server: database.Embedded) -> None:
    text = HOLDER.format(root=str(database.ROOT), folder=str(server.folder), options=FAST)
    users = [subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    try:
        assert [user.stdout.readline() for user in users if user.stdout] == ["holding\n"] * 6
        masters = (server.folder / "data" / "postmaster.pid").read_text().splitlines()[:1]
        assert int(masters[0]) in servers(server.folder)
        assert ask(server, "SELECT 1") == 1
    finally:
        for user in users:
            end(user)
    wait_until_gone(server.folder)


def test_a_killed_keeper_takes_its_server_along_and_the_next_start_brings_both_back(server: database.Embedded) -> None:
    server.ensure()
    os.kill(int((server.folder / "keeper.pid").read_text()), signal.SIGKILL)
    wait_until_gone(server.folder)
    server.ensure()
    assert ask(server, "SELECT 1") == 1


def test_a_killed_postmaster_is_replaced(server: database.Embedded) -> None:
    server.ensure()
    ask(server, "SET synchronous_commit = on; CREATE TABLE kept AS SELECT 42 AS answer")
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    with psycopg.connect(server.address("owner")):  # a backend outlives its postmaster for a moment
        os.kill(postmaster, signal.SIGKILL)
        time.sleep(0.05)
        server.ensure()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_a_stale_pid_that_names_a_living_stranger_is_not_believed(server: database.Embedded) -> None:
    server.ensure()
    server.release()
    wait_until_gone(server.folder)
    stale = server.folder / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.folder / 'data'}\n1\n5432\n{server.socket}\n\n  1 1\nready\n")
    (server.socket / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    server.ensure()
    assert ask(server, "SELECT 1") == 1


def test_an_interrupted_first_start_leaves_nothing_half_made(server: database.Embedded) -> None:
    (server.folder / "data.new").mkdir(parents=True)
    (server.folder / "data.new" / "PG_VERSION").write_text("18\n")
    server.ensure()
    assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["with some spaces", "deep/" * 25 + "end"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    made = database.Embedded(tmp_path / name, FAST, initdb=("--no-sync",))
    try:
        made.ensure()
        assert ask(made, "SELECT 1") == 1
        assert len(os.fsencode(made.socket)) < 100
    finally:
        made.stop()
    assert servers(made.folder) == []
    assert made.socket.is_relative_to(made.folder) or not made.socket.exists()


def test_the_application_role_uses_tables_and_makes_none(server: database.Embedded) -> None:
    server.ensure()
    assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", "app") is False
    for refused in (
        "CREATE TABLE mine (a int)",
        "SET session_replication_role = replica",
        "SET ROLE owner",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(server, refused, "app")


def test_a_database_of_an_unknown_version_is_refused_in_a_sentence(server: database.Embedded) -> None:
    (server.folder / "data").mkdir(parents=True)
    (server.folder / "data" / "PG_VERSION").write_text("19\n")
    with pytest.raises(database.Unavailable, match="made by PostgreSQL 19"):
        server.ensure()


def test_stopping_ends_the_server_whoever_uses_it(server: database.Embedded) -> None:
    other = hold(server.folder)
    try:
        server.stop()
        assert servers(server.folder) == []
    finally:
        end(other)

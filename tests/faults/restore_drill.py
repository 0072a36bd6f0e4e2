"""A backup is restored elsewhere: what is lost, how it shows, how the installation goes on, and who stays erased.

    python -m tests.faults.restore_drill [--entries 5000] [--after 400] [--folder DIR]

1. Entries are written and signed, the log notes a backup (`backup_taken`), `pg_dump` takes it.
2. Writing goes on; a person is erased; a head is given to somebody outside. Then the database is gone.
3. `pg_restore` into an empty cluster on another socket, as on another host, with this machine's keys and the files beside them.
4. `verify --database` alone is content; with the head from outside it has to fail. Nothing is signed, `/readyz` says why.
5. `accept_restore`: the loss is in the log, the log goes on with a new key, the person is erased again, the old head fails for ever.

Prints how long the backup and the way back took (RTO) and what was lost (RPO): entries, and seconds since the backup.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.rig import MANAGE, ROOT, Lost
from tests.faults.standing import installation

BATCH = 100


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it answered."""
    begun = time.monotonic()
    found = work()
    return round(time.monotonic() - begun, 2), found


def require(holds: object, what: str) -> None:
    """Raises Lost with the sentence."""
    if not holds:
        raise Lost(what)


def write(count: int, name: str) -> None:
    """Entries, placed and signed."""
    from django.db import transaction

    from apps.audit import services

    for start in range(0, count, BATCH):
        with transaction.atomic():
            for number in range(start, min(start + BATCH, count)):
                said = {"number": str(number), "part": name}
                services.record(services.system("tests"), "tests.happened", f"model:{number % 50}", data=said)
    services.sequence_all()
    services.sign_checkpoint()


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The product's own command, in a process of its own."""
    return subprocess.run(
        [*MANAGE, *words], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def tool(name: str, *words: object) -> None:
    """A program of PostgreSQL that has to succeed."""
    from apps.config import database

    done = subprocess.run(
        [str(database.binaries() / name), *map(str, words)], capture_output=True, text=True, check=False
    )
    require(done.returncode == 0, f"{name} failed: {done.stderr.strip()[-500:]}")


def before(entries: int, place: Path) -> dict[str, Any]:
    """A log, a person with a committed name, and a backup of both."""
    from django.db import connection, transaction

    from apps.accounts import services as accounts
    from tests.factories import person

    leaver = person("developer", username="leaver", printed_name="Unmistakable Name")
    for role, name in (("privacy_officer", "privacy"), ("compliance", "compliance")):
        person(role, username=name)
    with transaction.atomic():
        commitment = accounts.commit_name(leaver)
    write(entries, "before")
    noted = manage("backup_taken", "the drill")
    require(noted.returncode == 0, noted.stderr)
    where = connection.get_connection_params()
    reach = ("-h", where["host"], "-U", "owner")
    seconds, _ = timed(lambda: tool("pg_dump", *reach, "-Fc", "-f", place / "backup.dump", where["dbname"]))
    size = (place / "backup.dump").stat().st_size
    return {
        "leaver": leaver,
        "commitment": commitment,
        "backup seconds": seconds,
        "backup bytes": size,
        "at": time.time(),
    }


def after(entries: int, made: dict[str, Any], place: Path) -> dict[str, Any]:
    """What the backup does not know: entries, an erasure, a head that somebody outside holds."""
    from apps.accounts import erased
    from apps.accounts.models import User
    from apps.audit import consumers, queries

    write(entries, "after")
    told = manage("erase_person", "leaver", "--basis", "asked", "--approver", "privacy", "--reason", "Request 17")
    require(told.returncode == 0, told.stderr)
    write(1, "last")
    while consumers.consume():
        pass
    require(str(made["leaver"].pk) in erased.listed(), "The erasure is not on the list outside the database.")
    require(User.objects.get(pk=made["leaver"].pk).erased_at is not None, "The person was not erased.")
    head = queries.latest_checkpoint()
    require(head, "The log has no signed head.")
    (place / "head.txt").write_text(head.note)
    return {"entries": queries.tree_size(), "seconds since the backup": round(time.time() - made["at"], 1)}


def restore(place: Path) -> Any:
    """Into an empty cluster of its own; from here on this process and its commands use that one."""
    from django.db import connection

    from apps.config import database

    elsewhere = database.Embedded(place / "elsewhere")
    elsewhere.ensure()
    reach = ("-h", elsewhere.socket, "-U", "owner")
    tool("pg_restore", *reach, "-d", database.NAME, "--clean", "--if-exists", "--exit-on-error", place / "backup.dump")
    connection.close()
    os.environ["DATABASE_URL"] = elsewhere.address("owner")
    connection.settings_dict.update(HOST=str(elsewhere.socket), USER="owner")
    return elsewhere


def one_turn() -> None:
    """What the sequencer does every quarter of a second; it says what keeps it from signing."""
    from apps.audit.management.commands.sequencer import Sequencer

    sequencer = Sequencer()
    sequencer.stopping.set()
    sequencer.turn()


def noticed(place: Path) -> None:
    """The old backup shows: to whoever holds a head, to the signer, in readiness."""
    from apps.config import health

    alone = manage("verify", "--database")
    require("Result: TAMPERED" in alone.stdout, "The signer's memory did not show the loss.")
    stranger = manage("verify", "--database", SIGNING_KEY_FILE=str(place / "nobody" / "log.pem"))
    require(stranger.returncode == 0, f"Without memory and head the backup is whole: {stranger.stdout[-500:]}")
    held = manage(
        "verify", "--database", "--prior", str(place / "head.txt"), SIGNING_KEY_FILE=str(place / "nobody" / "log.pem")
    )
    require(
        held.returncode == 1 and "an older backup was restored" in held.stdout, f"--prior did not fail: {held.stdout}"
    )
    one_turn()
    state = health.log_state()
    require(not state["ok"] and "old backup was restored" in state["trouble"], f"Readiness says {state}.")
    require(health.erasures_state() == {"ok": False, "come_back": 1}, "Nobody was told that an erased person is back.")


def went_on(made: dict[str, Any], place: Path) -> None:
    """The restore is accepted, the log goes on, the person is erased again."""
    from apps.accounts.models import User
    from apps.accounts.queries import openings
    from apps.audit import consumers
    from apps.config import health

    require(openings([made["commitment"]]), "The backup should have brought the name back.")
    accepted = manage("accept_restore", "--reason", "Drill")
    require(accepted.returncode == 0, accepted.stderr)
    write(3, "again")
    while consumers.consume():
        pass
    leaver = User.objects.get(pk=made["leaver"].pk)
    require(leaver.erased_at and "Unmistakable" not in leaver.printed_name, "The person is still there.")
    require(not openings([made["commitment"]]), "The name can still be read.")
    one_turn()
    for state in (health.log_state(), health.erasures_state()):
        require(state["ok"], f"Readiness says {state}.")
    whole = manage("verify", "--database")
    require(whole.returncode == 0, f"verify --database: {whole.stdout[-800:]}")
    held = manage("verify", "--database", "--prior", str(place / "head.txt"))
    require(held.returncode == 1, "The head from the lost stretch has to fail for ever.")


def run(place: Path, entries: int, later: int) -> dict[str, Any]:
    """The whole drill."""
    made = before(entries, place)
    lost = after(later, made, place)
    begun = time.monotonic()
    seconds, elsewhere = timed(lambda: restore(place))
    try:
        from apps.audit import queries

        restored = queries.tree_size()
        noticing, _ = timed(lambda: noticed(place))
        going_on, _ = timed(lambda: went_on(made, place))
    finally:
        elsewhere.stop()
    return {
        "entries in the backup": restored,
        "backup": f"{made['backup seconds']} s, {made['backup bytes']} bytes",
        "lost (RPO)": {
            "entries": lost["entries"] - restored,
            "seconds since the backup": lost["seconds since the backup"],
        },
        "way back (RTO), seconds": {
            "all": round(time.monotonic() - begun, 1),
            "restore": seconds,
            "found by verify, signer and readiness": noticing,
            "accepted, erased again, verified": going_on,
        },
        "erased again": 1,
    }


def main() -> int:
    """Exit 0 when the loss showed everywhere and the installation went on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=5000, help="before the backup")
    parser.add_argument("--after", type=int, default=400, help="between backup and loss")
    parser.add_argument("--folder", type=Path, help="where everything lives; kept (default: a temporary one, removed)")
    asked = parser.parse_args()
    with installation(asked.folder) as place:
        try:
            print(json.dumps(run(place, asked.entries, asked.after), indent=1))
        except Lost as lost:
            print(f"FAILED: {lost}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

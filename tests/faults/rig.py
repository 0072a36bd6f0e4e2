"""A demo of its own that can be killed in parts: start it, watch its journey, kill -9, and see what is left."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
OURS = ("IMPRIMATUR_", "DATABASE_URL", "MIGRATION_DATABASE_URL", "BASE_URL", "SECRET_KEY", "DJANGO_", "ALLOWED_")
MARKS = {
    "heavy": "heavy@%h",
    "light": "light@%h",
    "web": "apps.config.wsgi",
    "sequencer": "manage.py sequencer",
    "serving": "serve.py --models",
    "journey": "manage.py journey",
}
TARGETS = ("heavy", "light", "web", "sequencer", "postgres", "journey", "everything")
STEPS = (
    "prepared", "trained", "lineage_received", "version_registered", "evidence_computed", "denied", "evidence_stated",
    "waiver_granted", "submitted", "reviewed", "signed", "allowed", "data_event", "denied_again", "dossier_built", "dossier_verified",
    "approved_and_deployed", "blocked_by_fairness", "waiting_for_you", "waiver_about_to_end", "retired",
)  # fmt: skip
LEAST = {"heavy": 2, "light": 2, "web": 2}  # a part that can work has the process that starts and one that it started
PAUSE, SLICE = 0.01, 0.03


class Lost(Exception):
    """Something that was acknowledged is no longer there, or the journey did not go on."""


def clean_environment(folder: Path) -> dict[str, str]:
    """What the command would see in a new shell, with a folder of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(OURS) or name == "IMPRIMATUR_BOOTSTRAP"
    }
    return {**kept, "IMPRIMATUR_VAR": str(folder)}


def processes() -> Iterator[tuple[int, int, str]]:
    """Every process: its number, its parent's, its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            yield int(entry.name), parent, words_of(int(entry.name))


@dataclass
class Rig:
    """One demo: its folder, its port, the command while it runs, and what it acknowledged."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    told: dict[int, str] = field(default_factory=dict)  # entries of the log that were read over the API, by number
    ids: dict[str, set[str]] = field(default_factory=dict)  # what state.json named, by kind
    starts: int = 0
    teller: int = 0  # the journey's process, when last seen

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """`manage.py demo --port N`, with its output in a file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "demo", "--port", str(self.port)],
                cwd=ROOT,
                env=clean_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    def is_running(self) -> bool:
        """Whether the command has not ended."""
        return self.process is not None and self.process.poll() is None

    def stop(self, patience: float = 60) -> None:
        """SIGTERM, as Ctrl-C; then the command and everything it started is gone."""
        if self.process is None:
            return
        self.let_go()  # a held process would not hear SIGTERM
        children = self.descendants()
        if self.is_running():
            self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill("everything")
            raise Lost(f"The command did not stop within {patience:.0f} s.") from None
        end = time.monotonic() + 30  # the keeper of the database leaves last, when nobody holds its lease
        while left := [pid for pid in children if state_of(pid) != "Z"]:
            if time.monotonic() > end:
                raise Lost(f"{len(left)} processes survived the command: {left}")
            time.sleep(PAUSE)
        self.process = None

    def descendants(self) -> list[int]:
        """The processes below the command."""
        below: dict[int, list[int]] = {}
        for pid, parent, _ in processes():
            below.setdefault(parent, []).append(pid)
        found, queue = [], [self.process.pid] if self.process else []
        while queue:
            for pid in below.get(queue.pop(), []):
                found.append(pid)
                queue.append(pid)
        return found

    def pids(self, target: str) -> list[int]:
        """The processes of one part, all of them below our command or in our folder."""
        if target == "postgres":
            ours = str(self.folder / "postgres" / "data")
            return [pid for pid, _, words in processes() if "/postgres -D" in words and ours in words]
        mine = set(self.descendants())
        if target == "everything":
            return [*([self.process.pid] if self.process else []), *mine, *self.pids("postgres")]
        return [pid for pid, _, words in processes() if pid in mine and MARKS[target] in words]

    def is_up(self, target: str) -> bool:
        """Whether the part runs and could be at work."""
        return len(self.pids("journey" if target == "everything" else target)) >= LEAST.get(target, 1)

    def hold(self) -> None:
        """Stop the clock of the story, so that something can be killed exactly where it stands."""
        self.signal_journey(signal.SIGSTOP)

    def let_go(self) -> None:
        """Let the story go on."""
        self.signal_journey(signal.SIGCONT)

    def signal_journey(self, number: signal.Signals) -> None:
        """Send a signal to the journey, if there is one."""
        if MARKS["journey"] not in words_of(self.teller):
            self.teller = next(iter(self.pids("journey")), 0)
        if self.teller:
            with suppress(ProcessLookupError):
                os.kill(self.teller, number)

    def advance(self, step: str, holds: Callable[[], bool] = lambda: False) -> None:
        """Let the story go on in slices until the step is over, or until it holds; then the story stands still.

        So not even a step of a tenth of a second slips by between two looks.
        """

        def one_slice() -> bool:
            self.let_go()
            time.sleep(SLICE)
            self.hold()
            return self.is_done(step) or holds()

        self.wait_until(one_slice, step)

    def kill(self, target: str) -> int:
        """kill -9; how many processes it hit."""
        hit = 0
        for pid in self.pids(target):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            hit += 1
        if target == "everything" and self.process is not None:
            self.process.wait(30)
        return hit

    # --- the journey ----------------------------------------------------------------------------------------------

    def steps(self) -> dict[str, dict[str, Any]]:
        """`journey.json` by name of the step."""
        try:
            return {
                row["name"]: row for row in json.loads((self.folder / "demo" / "journey.json").read_text())["steps"]
            }
        except FileNotFoundError:
            return {}

    def is_done(self, step: str) -> bool:
        """Whether this step held."""
        return bool(self.steps().get(step, {}).get("ok"))

    def wait_until(self, holds: Callable[[], bool], what: str, patience: float = 300) -> None:
        """Return once it holds. When the story broke off, the command is run again, once, as a person would."""
        end, again = time.monotonic() + patience, 1
        while not holds():
            if self.has_broken_off():
                if not again:
                    raise Lost(f"{what}: the journey broke off twice. {self.last_words()}")
                again -= 1
                self.stop()
                self.start()
                self.wait_until(lambda: bool(self.pids("journey")) or holds(), "the journey to begin again", 120)
            if time.monotonic() > end:
                raise Lost(f"{what}: not within {patience:.0f} s. {self.last_words()}")
            time.sleep(PAUSE)

    def has_broken_off(self) -> bool:
        """Whether the command ended, or stands idle with a story that is not told to its end."""
        if not self.is_running():
            return True
        said = (self.folder / "demo.log").read_text(errors="replace")
        return said.count("The journey did not reach its end") >= self.starts

    def last_words(self) -> str:
        """The end of the log, for the person who reads the failure."""
        failed = [row for row in self.steps().values() if not row["ok"]]
        return json.dumps(failed)[-1500:] + "\n" + (self.folder / "demo.log").read_text(errors="replace")[-1500:]

    # --- what was acknowledged ------------------------------------------------------------------------------------

    def get(self, path: str, patience: float = 60) -> Any:
        """An answer of the API as the auditor, asked again while nobody answers."""
        cast = json.loads((self.folder / "demo" / "cast.json").read_text())
        headers = {"Authorization": f"Bearer {cast['users']['auditor']['token']}"}
        end = time.monotonic() + patience
        while True:
            try:
                asked = urllib.request.Request(f"{self.base}{path}", headers=headers)
                with urllib.request.urlopen(asked, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code != 503 or time.monotonic() > end:
                    raise Lost(f"GET {path} answers {refused.code}: {refused.read()[:300]!r}") from refused
            except (OSError, ValueError) as away:
                if time.monotonic() > end:
                    raise Lost(f"GET {path}: {away}") from away
            time.sleep(0.2)

    @property
    def base(self) -> str:
        """The address that the command said, which differs from the port asked for when that was taken."""
        return f"http://127.0.0.1:{self.port}"

    def remember(self) -> None:
        """Keep what has been acknowledged so far: the newest entries of the log and the ids in state.json."""
        if (self.folder / "demo" / "cast.json").exists():
            for row in self.get("/api/v1/audit/entries?limit=20")["results"]:
                self.told[row["seq"]] = row["leaf_hash"]
        path = self.folder / "demo" / "state.json"
        state = json.loads(path.read_text()) if path.exists() else {}
        for row in state.get("versions", {}).values():
            self.ids.setdefault("versions", set()).add(row["id"])
        for kind, found in (("datasets", "datasets"), ("reviews", "reviews"), ("deployments", "deployments")):
            self.ids.setdefault(kind, set()).update(state.get(found, {}).values())
        for kind, single in (("deployments", "deployment"), ("dossiers", "dossier"), ("gate/decisions", "decision")):
            if single in state:
                self.ids.setdefault(kind, set()).add(state[single])

    def check_nothing_is_lost(self) -> dict[str, int]:
        """Everything acknowledged can be read back, the log is dense and whole. Raises Lost."""
        for seq, leaf in self.told.items():
            if self.get(f"/api/v1/audit/entries/{seq}")["leaf_hash"] != leaf:
                raise Lost(f"Entry {seq} is another one than was read before the kill.")
        for kind, found in self.ids.items():
            for identifier in found:
                self.get(f"/api/v1/{kind}/{identifier}")
        count = self.check_log_is_dense()
        done = subprocess.run(
            [*MANAGE, "verify", "--database"],
            cwd=ROOT,
            env={**clean_environment(self.folder), "IMPRIMATUR_MODE": "demo"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != 0:
            raise Lost(f"verify --database exits {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        return {"entries": count, "read back": len(self.told), "objects": sum(map(len, self.ids.values()))}

    def check_log_is_dense(self) -> int:
        """The numbers of the log's entries are 0, 1, 2, ...; answers with how many there are."""
        path, seen = "/api/v1/audit/entries?limit=200", []
        while path:
            page = self.get(path)
            seen += [row["seq"] for row in page["results"]]
            path = (page["next"] or "").removeprefix(self.base)
        if seen != list(range(len(seen) - 1, -1, -1)):
            raise Lost("The log has a gap.")
        return len(seen)


def words_of(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace") if pid else ""
    except OSError:
        return ""


def state_of(pid: int) -> str:
    """The state letter of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"

"""Every step of the journey times every part of the product: kill -9 at its beginning and in its middle.

    python -m tests.faults.matrix [--targets heavy,web,...] [--from submitted] [--until dossier_verified] [--folder DIR]

One demo per target. At the beginning of every step the journey is held (SIGSTOP) until the target is up; then the target is killed
with SIGKILL, all its processes, and the journey goes on at once. Where the step still runs two seconds after the target is back, it is
killed again. A cell holds when the target was hit while its step ran and the step held nevertheless, by supervision alone or, where the
journey itself was hit, when the command is run again. A cell without a hit does not count as held. At the end everything that was
acknowledged is read back. Figures of the last run stand in docs/faults.md.
"""

import argparse
import json
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.rig import STEPS, TARGETS, Lost, Rig

MIDDLE = 2.0


@dataclass
class Cell:
    """One step with one target: how often it was killed, how long the step took, how often the command was started."""

    target: str
    step: str
    kills: int
    seconds: float
    restarts: int
    ok: bool
    said: str = ""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def begin(folder: Path) -> Rig:
    """A demo whose journey has begun."""
    rig = Rig(folder, free_port())
    rig.start()
    rig.wait_until(lambda: bool(rig.pids("journey")), "the journey to begin")
    return rig


def strike(rig: Rig, target: str, step: str) -> int:
    """Kill the target where the story stands; start the command again when it was all of it. 1 when it was hit."""
    rig.remember()
    if rig.is_done(step):
        return 0
    hit = rig.kill(target)
    if target == "everything":
        rig.start()
    return int(hit > 0)


def strike_twice(rig: Rig, target: str, step: str) -> int:
    """At the beginning, and again two seconds after the target is back, if the step takes that long. The story stands still meanwhile."""
    rig.hold()
    rig.wait_until(lambda: rig.is_up(target), f"{target} to be up before {step}")
    kills = strike(rig, target, step)
    rig.advance(step, lambda: rig.is_up(target))
    middle = time.monotonic() + MIDDLE
    rig.advance(step, lambda: time.monotonic() > middle)
    kills += strike(rig, target, step)
    rig.advance(step)
    return kills


def step_under_fire(rig: Rig, target: str, step: str) -> Cell:
    """Kill at the beginning of the step and in its middle; it has to hold."""
    begun, starts, kills, said = time.monotonic(), rig.starts, 0, ""
    try:
        kills = strike_twice(rig, target, step)
    except Lost as lost:
        said = str(lost)
    if not said and not kills:
        said = "The step was over before it was hit."
    return Cell(target, step, kills, round(time.monotonic() - begun, 1), rig.starts - starts, not said, said)


def row_of(target: str, spared: list[str], steps: list[str], folder: Path) -> list[Cell]:
    """One demo, one target, every step but those that are spared; the last cell is the reading back of everything."""
    rig, cells = begin(folder), []
    try:
        for step in spared:
            rig.advance(step)
        for step in steps:
            cells.append(step_under_fire(rig, target, step))
            print(json.dumps(asdict(cells[-1])), flush=True)
            if not rig.is_done(step):
                return cells
        begun, said, ok = time.monotonic(), "", True
        try:
            rig.remember()
            said = json.dumps(rig.check_nothing_is_lost())
        except Lost as lost:
            said, ok = str(lost), False
        cells.append(Cell(target, "nothing lost", 0, round(time.monotonic() - begun, 1), 0, ok, said))
        print(json.dumps(asdict(cells[-1])), flush=True)
        return cells
    finally:
        rig.stop()


def main() -> int:
    """Run the rows that were asked for; exit 0 when every cell held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(TARGETS), help="of " + ", ".join(TARGETS))
    parser.add_argument("--from", dest="first", default=STEPS[0], choices=STEPS, help="the first step that is struck")
    parser.add_argument("--until", default=STEPS[-1], choices=STEPS, help="the last step")
    parser.add_argument("--folder", type=Path, help="where the demos live; kept (default: a temporary folder, removed)")
    asked = parser.parse_args()
    first, after = STEPS.index(asked.first), STEPS.index(asked.until) + 1
    spared, steps = list(STEPS[:first]), list(STEPS[first:after])
    base = asked.folder or Path(tempfile.mkdtemp(prefix="imprimatur-faults-"))
    cells: list[Cell] = []
    try:
        for target in asked.targets.split(","):
            cells += row_of(target, spared, steps, base / target)
    finally:
        if asked.folder is None:
            shutil.rmtree(base, ignore_errors=True)
    held, kills = sum(cell.ok for cell in cells), sum(cell.kills for cell in cells)
    print(f"{held} of {len(cells)} cells held; {kills} kills.")
    return 0 if held == len(cells) else 1


if __name__ == "__main__":
    sys.exit(main())

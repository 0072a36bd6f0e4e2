"""Checks over a hundred million rows: memory is bounded, progress moves, a kill -9 in the middle is got over, Dask counts the same.

    python -m tests.faults.rows [--rows 100000000] [--folder DIR] [--dask PYTHON]

An installation of its own with the workers as the supervisor starts them. The file is made, four checks are asked for as a job
through the services, the heavy worker is killed with SIGKILL (all its processes) when half of the rows are counted, and started
again. What it ends with must be what an unbroken run ends with, digest by digest, and parts must have been taken over. `--dask`
names a Python that has the product's requirements and the extra `distributed`: there the same parts are counted on a local
cluster, and every state is compared byte by byte with those counted in one process. Figures: docs/evidence.md.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.rig import MANAGE, ROOT, Lost, clean_environment, processes

KEYS = ("data_profile", "representation", "fairness", "performance")
PROTECTED = ("sex", "race")
PATIENCE = 3600.0
PAUSE = 0.5


# --- states, byte by byte ------------------------------------------------------------------------------------------------


@dataclass
class Noted:
    """A driver that keeps the digest of every answer, by the place of its part."""

    driver: Any
    rounds: list[dict[int, str]] = field(default_factory=list)

    def run(self, tasks: Sequence[str], budget: Any, beat: Any) -> Iterator[tuple[int, str]]:
        """The driver's answers."""
        noted: dict[int, str] = {}
        self.rounds.append(noted)
        for place, answer in self.driver.run(tasks, budget, beat):
            noted[place] = hashlib.sha256(answer.encode()).hexdigest()
            yield place, answer


def counted(path: Path, driver: Any) -> dict[str, Any]:
    """Digests of the states of every part, and of what the checks end with."""
    from apps.evidence import engine
    from apps.evidence.checks import registry
    from apps.evidence.checks.base import Result, Subject, Tools
    from apps.evidence.drivers.counting import Counting
    from apps.evidence.inputs import files

    subject = Subject(
        name="rows", target="y", score="x", threshold=0.5, declared={name: {"is_protected": True} for name in PROTECTED}
    )
    asked = {key: (registry()[key], registry()[key].Params()) for key in KEYS}
    noted, begun = Noted(driver), time.monotonic()
    size = path.stat().st_size
    file = files.DataFile(path, path.open("rb"), size, "the same file")
    with file:
        outcomes = engine.measure(file, asked, subject, Tools(), Counting(noted))
    if not all(isinstance(outcome, Result) for outcome in outcomes.values()):
        raise Lost(str(outcomes))
    results = {
        key: engine.finished(*asked[key], subject, outcome, [])["method"]["result_digest"]  # type: ignore[arg-type]
        for key, outcome in outcomes.items()
    }
    states = [[found[place] for place in sorted(found)] for found in noted.rounds]
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "states": states,
        "results": results,
        "peak": peak_of(os.getpid()),
    }


def on_a_cluster(path: Path) -> dict[str, Any]:
    """The same with a local Dask cluster of two processes."""
    from distributed import LocalCluster

    from apps.evidence.drivers.cluster import Cluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        return counted(path, Cluster(local))


def here(path: Path) -> dict[str, Any]:
    """In one process."""
    from apps.evidence.drivers.here import Here

    return counted(path, Here())


def asked_of(python: str, what: str, path: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What another Python counted."""
    command = [python, "-m", "tests.faults.rows", "--count", what, "--file", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Lost(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- one installation ----------------------------------------------------------------------------------------------------


def peak_of(pid: int) -> int:
    """The most memory that a process held so far, in bytes; 0 when it is gone."""
    with suppress(OSError, KeyError, IndexError):
        said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return int(said["VmHWM"].split()[0]) * 1024
    return 0


@dataclass
class Seen:
    """What was read of a job while it ran: when, stage, rows done, and the most memory that a process of the worker held."""

    seconds: list[float] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    peak: int = 0

    def note(self, begun: float, job: Any, pids: Sequence[int]) -> None:
        """One look."""
        self.peak = max([self.peak, *map(peak_of, pids)])
        if (job.stage, job.done) != ((self.stages or [""])[-1], (self.done or [-1])[-1]):
            self.seconds.append(round(time.monotonic() - begun, 1))
            self.stages.append(job.stage)
            self.done.append(job.done)


class House:
    """Database, workers and a version whose scored file has very many rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **clean_environment(folder), "IMPRIMATUR_BOOTSTRAP": "off", "PYTHONWARNINGS": "ignore", "C_FORCE_ROOT": "1",
            "DJANGO_SETTINGS_MODULE": "apps.config.settings", "ALLOWED_DATA_ROOTS": str(folder / "data"),
        }  # fmt: skip
        os.environ.update(self.environment)
        os.environ.pop("DATABASE_URL", None)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        """The database with its tables, and the light worker with the scheduler."""
        import django

        from apps.config import database

        database.ready()
        subprocess.run([*MANAGE, "migrate", "-v", "0"], cwd=ROOT, env=self.environment, check=True)
        django.setup()
        self.start("light")

    def start(self, name: str) -> None:
        """A worker as the supervisor starts it, its words in a file."""
        from apps.config import programs

        program = getattr(programs, name)()
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                program.command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """kill -9, all its processes at once."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def family(self, name: str) -> list[int]:
        """The processes of a worker."""
        process = self.running.get(name)
        return [pid for pid, parent, _ in processes() if process and process.pid in {pid, parent}]

    def end(self) -> None:
        """Everything that was started is gone."""
        from apps.config import database

        for name in list(self.running):
            self.kill(name)
        database.server().stop()

    def version(self, path: Path) -> Any:
        """A version with the file as its scored data, and protected attributes declared."""
        from tests import factories

        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        dataset = factories.dataset("applications", fields=(*PROTECTED, "y", "x"))
        dataset.fields.filter(path__in=PROTECTED).update(is_protected=True)
        version = factories.version(output={"kind": "binary_classification", "positive": 1, "threshold": 0.5})
        state = factories.dataset_version(dataset, sha256=sha256, uri=path.as_uri())
        factories.link(version, state, "scored", uri=path.as_uri(), sha256=sha256, target="y", score="x")
        return version

    def measured(self, version: Any, strikes: Callable[[Any], bool] = lambda job: False) -> tuple[Seen, dict[str, str]]:
        """Ask for the checks and watch the job to its end; the worker is killed once, when `strikes` says so."""
        from apps.core.models import Job, JobState
        from apps.evidence import services
        from apps.evidence.models import Evidence

        self.start("heavy")
        runs = services.request_checks(version, checks=list(KEYS), actor=version.created_by)
        seen, begun, is_struck = Seen(), time.monotonic(), False
        while True:
            job = Job.objects.get(pk=runs[0].job_id)
            seen.note(begun, job, self.family("heavy"))
            if job.state in {JobState.DONE, JobState.FAILED} or time.monotonic() - begun > PATIENCE:
                break
            if not is_struck and strikes(job):
                self.kill("heavy")
                is_struck = True
                self.start("heavy")
            time.sleep(PAUSE)
        seen.seconds.append(round(time.monotonic() - begun, 1))
        self.kill("heavy")
        found = Evidence.objects.filter(run__in=[run.pk for run in runs])
        if job.state != JobState.DONE or found.count() != len(KEYS):
            raise Lost(f"The job ended as {job.state}: {job.error or job.result}")
        return seen, {item.check_key: item.result_digest for item in found}


# --- the proof ------------------------------------------------------------------------------------------------------------


def prove(rows: int, folder: Path, dask: str) -> Iterator[dict[str, Any]]:
    """Each step with its figures. Raises Lost."""
    from tests.benchmarks import scale

    path = folder / "data" / "rows.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    if not path.exists():
        scale.write(path, rows)
    yield {
        "step": "the file",
        "rows": rows,
        "bytes": path.stat().st_size,
        "seconds": round(time.monotonic() - begun, 1),
    }
    house = House(folder)
    try:
        house.begin()
        version = house.version(path)
        seen, broken = house.measured(version, lambda job: job.stage.startswith("Counting") and job.done >= rows // 2)
        again = [stage for stage in seen.stages if stage.startswith("Counting") and "were counted before" in stage]
        if not again:
            raise Lost("After the kill no part was taken over.")
        yield {"step": "killed in the middle", **figures(seen), "taken over": again[0]}
        seen, unbroken = house.measured(version)
        yield {"step": "unbroken", **figures(seen), "same digests": broken == unbroken}
        if broken != unbroken:
            raise Lost(f"{broken} is not {unbroken}")
    finally:
        house.end()
    alone = asked_of(sys.executable, "here", path, house.environment)
    yield {
        "step": "one process",
        "seconds": alone["seconds"],
        "peak MiB": alone["peak"] >> 20,
        "states": sum(map(len, alone["states"])),
    }
    if dask:
        spread = asked_of(dask, "dask", path, house.environment)
        is_same = spread["states"] == alone["states"] and spread["results"] == alone["results"]
        yield {"step": "Dask, two processes", "seconds": spread["seconds"], "byte-equal states": is_same}
        if not is_same:
            raise Lost("A state counted on the cluster differs.")


def figures(seen: Seen) -> dict[str, Any]:
    """What was seen of a job."""
    counting = [done for stage, done in zip(seen.stages, seen.done, strict=True) if stage.startswith("Counting")]
    return {
        "seconds": seen.seconds[-1],
        "peak MiB of a process of the worker": seen.peak >> 20,
        "readings": len(seen.done),
        "readings while counting": len(counting),
        "rows at some of them": counting[:: max(1, len(counting) // 8)],
    }


def main() -> int:
    """Print one JSON object for each step; exit 0 when all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument(
        "--folder", type=Path, help="where everything is made; kept (default: a temporary folder, removed)"
    )
    parser.add_argument("--dask", default="", help="a Python with the requirements and the extra `distributed`")
    parser.add_argument("--count", choices=["here", "dask"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.count:
        print(json.dumps({"here": here, "dask": on_a_cluster}[asked.count](asked.file)))
        return 0
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="imprimatur-rows-"))
    try:
        for step in prove(asked.rows, folder, asked.dask):
            print(json.dumps(step), flush=True)
    except Lost as lost:
        print(json.dumps({"step": "lost", "said": str(lost)}))
        return 1
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The dossier: the whole job beside WeasyPrint alone on the same HTML, and the offline verifier beside plain hashing."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.audit import canonical
from apps.dossiers import building, rendering, services
from apps.dossiers.models import Dossier
from tests.benchmarks import measuring, staging
from tests.benchmarks.measuring import Cost, Measurement, median
from tests.dossiers.conftest import LARGE, by_group, claimed, settle
from tests.workflow.conftest import World

SIXTY_PAGES_SECONDS, VERIFY_SECONDS = 20, 3
HASH_ALL = """
import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as bundle:
    print(sum(len(hashlib.sha256(bundle.read(name)).digest()) for name in bundle.namelist()))
"""


@dataclass(frozen=True)
class Size:
    """Rows in each table by group, how many dossiers are made, how many times they are verified."""

    rows: int
    dossiers: int
    verified: int


SIZES = {"full": Size(600, 3, 15), "quick": Size(600, 1, 5), "smoke": Size(2, 0, 1)}


def measure(size: str) -> Iterator[Measurement]:
    """Making, then verifying."""
    wanted = SIZES[size]
    staging.prepare()
    world = staging.shown_world()
    for check in ("fairness", "subpopulations"):
        by_group(world, check, groups(wanted.rows), f"groups-of-{check}")
    staging.approve(world)
    kept: list[Dossier] = []
    first = measuring.cost(lambda: kept.append(make(world)))  # pays for imports and typefaces, so it counts only alone
    yield from making(world, kept[0], [first], wanted.dossiers)
    yield verifying(kept[0], wanted.verified)


def groups(count: int) -> list[dict[str, Any]]:
    """A table by group that long."""
    return [{**LARGE[number % 2], "group": f"group {number}"} for number in range(count)]


def make(world: World) -> Dossier:
    """A new dossier: the record read, laid out, sealed, entered into the log, packed with its proofs."""
    asked = services.request_dossier(world.version, actor=world.auditor)
    return building.build(Dossier.objects.get(pk=asked.pk), claimed(asked), settle=settle)


def alone(made: Dossier) -> Callable[[], Any]:
    """WeasyPrint with the same options on the HTML of this dossier."""
    from weasyprint import HTML

    html = rendering.as_html(canonical.parse(building.kept(made.content_sha256)))
    return lambda: HTML(string=html).write_pdf(pdf_variant=rendering.VARIANT, pdf_tags=True)


def making(world: World, made: Dossier, own: list[Cost], runs: int) -> Iterator[Measurement]:
    """By the clock and by the processor."""
    weasyprint, name, pages = alone(made), "WeasyPrint on the same HTML", made.issue.pages
    if runs:
        own, other = measuring.costs_in_turns(lambda: make(world), weasyprint, runs)
    else:
        other = [measuring.cost(weasyprint)]
    clock = [median([cost.clock for cost in costs]) for costs in (own, other)]
    processor = [median([cost.processor for cost in costs]) for costs in (own, other)]
    target, case = measuring.ratio_at_most(1.2), f"make {pages} pages"
    yield Measurement("dossier", case, *clock, name, target, "s", len(own))
    yield Measurement("dossier", f"{case}, processor time", *processor, name, target, "s", len(own))
    sixty, case = measuring.ours_at_most(SIXTY_PAGES_SECONDS), f"60 pages at the pace of {pages}"
    for words, seconds in (("", clock), (", processor time", processor)):
        scaled = [60 / pages * value for value in seconds]
        yield Measurement("dossier", f"{case}{words}", *scaled, name, sixty, "s", len(own))


def verifying(made: Dossier, runs: int) -> Measurement:
    """The verifier that travels in the bundle, in a process of its own; beside it a process that only hashes the files."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle, trust = folder / "bundle.zip", folder / "trust.json"
        bundle.write_bytes(building.kept(made.bundle_sha256))
        trust.write_bytes(services.trust_file())
        with zipfile.ZipFile(bundle) as bag:
            bag.extractall(folder / "bag")
        verifier = [sys.executable, "-I", str(folder / "bag/proof/verify.py"), "--trust", str(trust)]
        plain = [sys.executable, "-I", "-c", HASH_ALL, str(bundle)]
        own, other = measuring.in_turns(lambda: run(verifier), lambda: run(plain), runs)
    name, target = "SHA-256 of every file in the bundle", measuring.ours_at_most(VERIFY_SECONDS)
    case = f"verify a bundle of {made.issue.pages} pages"
    return Measurement("dossier", case, median(own), median(other), name, target, "s", runs)


def run(command: list[str]) -> None:
    """A program that has to succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
        raise SystemExit("\n".join([f"{command[2]} ended with {done.returncode}.", *failed, done.stderr[-500:]]))

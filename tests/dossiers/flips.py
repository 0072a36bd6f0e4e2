"""One byte of a bundle changed, again and again: every verifier has to notice every time.

    python -m tests.dossiers.flips                     a small bundle: every byte of every member but its PDF, all eight bits
    python -m tests.dossiers.flips --all               every byte to each of the 255 other values (about an hour)
    python -m tests.dossiers.flips --random 2000 --bundle BUNDLE --trust TRUST      random bits of a real bundle, PDF included;
                                                       every tenth in the place of the PDF's signature

Ends with 1 and names what nobody noticed.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from apps.dossiers.verifier.bag import Bag
from apps.dossiers.verifier.checks import examine
from apps.dossiers.verifier.examination import Examination
from apps.dossiers.verifier.strict import sha256
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import VALID, Report, Tampered
from tests.dossiers import second
from tests.dossiers.bundles import Authority, Bundle, Passkey, Seal

Flip = tuple[str, int, int]  # member, place, which bits
PDF = "data/dossier.pdf"
LARGEST = 20_000
GAP = re.compile(rb"/Contents <")
# Information for people, not bound by the log: mending the manifests hides a change in them.
FOR_PEOPLE = {"bag-info.txt", "bagit.txt", "proof/SPEC.md", "proof/verify.py", "proof/trust.json"}
MANIFESTS = ("manifest-sha256.txt", "tagmanifest-sha256.txt")


class MemoryBag(Bag):
    """The files of a bundle without a disk."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.names = files, set(files)

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise Tampered(f"The file {name} is missing.")
        return self.files[name]


def small(seal: Seal, authority: Authority | None = None) -> Bundle:
    """A bundle with everything that a verifier reads, of less than 20 kB without its PDF."""
    bundle = Bundle(seal, (Passkey(),), authority)
    size = sum(len(content) for name, content in bundle.files.items() if name != PDF)
    if size > LARGEST:
        raise ValueError(f"the small bundle has {size} bytes")
    return bundle


def every_byte(files: dict[str, bytes], masks: Iterable[int], without: Iterable[str] = (PDF,)) -> Iterator[Flip]:
    """Each place of each member, changed in each of these ways."""
    ways, left_out = list(masks), set(without)
    for name, content in sorted(files.items()):
        if name not in left_out:
            yield from ((name, place, mask) for place in range(len(content)) for mask in ways)


def at_random(files: dict[str, bytes], count: int, seed: int) -> Iterator[Flip]:
    """Random bits, by size of the members; every tenth in the place of the PDF's signature."""
    choose = random.Random(seed)
    names = sorted(files)
    start = next(match.end() for match in GAP.finditer(files[PDF]))
    end = files[PDF].index(b">", start)
    for number in range(count):
        is_in_seal = number % 10 == 0
        name = PDF if is_in_seal else choose.choices(names, [len(files[name]) for name in names])[0]
        place = choose.randrange(start, end) if is_in_seal else choose.randrange(len(files[name]))
        yield name, place, 1 << choose.randrange(8)


def missed_by_first(
    files: dict[str, bytes], trust: bytes, flips: Iterable[Flip], is_mended: bool = False
) -> list[Flip]:
    """The changes that the Python verifier calls valid."""
    trusted = Trust.read(trust)
    missed = []
    for name, place, mask in flips:
        damaged = bytearray(files[name])
        damaged[place] ^= mask
        changed = {**files, name: bytes(damaged)}
        bag = MemoryBag(mended(changed, name) if is_mended else changed)
        if examine(Examination(bag, trusted, None, Report("memory"))).exit_code == VALID:
            missed.append((name, place, mask))
    return missed


def missed_by_second(bundle: Path, trust: Path, flips: Sequence[Flip], is_mended: bool = False) -> list[Flip]:
    """The changes that the JavaScript verifier calls valid; one process for all."""
    question = {"bundle": bundle, "trust": trust, "flips": flips, "mended": is_mended}
    codes = second.answers([question])[0]["exit_codes"]
    return [flip for flip, code in zip(flips, codes, strict=True) if code == VALID]


def mended(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    """Both manifests list what is there now: what somebody without keys can do."""
    for manifest, names in zip(MANIFESTS, ((name,), (name, MANIFESTS[0])), strict=True):
        lines = files[manifest].decode("latin-1").split("\n")
        new = [f"{sha256(files[line[66:]])}  {line[66:]}" if line[66:] in names else line for line in lines]
        files = {**files, manifest: "\n".join(new).encode("latin-1")}
    return files


def main(given: argparse.Namespace) -> int:
    """Run, print figures, answer with the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        if given.bundle:
            bag = Bag(given.bundle)
            files = {name: bag.read(name) for name in bag.names}
            bundle, trust = Path(given.bundle), Path(given.trust)
            flips = list(at_random(files, given.random, given.seed))
        else:
            made = small(Seal(), Authority())
            files, bundle, trust = made.files, made.write(Path(folder) / "bag"), Path(folder) / "trust.json"
            trust.write_text(json.dumps(made.trust()))
            flips = list(every_byte(files, range(1, 256) if given.all else [1 << bit for bit in range(8)]))
        is_missed = [run(label, work, flips) for label, work in verifiers(files, bundle, trust).items()]
    return int(any(is_missed))


def verifiers(files: dict[str, bytes], bundle: Path, trust: Path) -> dict[str, Any]:
    """Both, as functions from changes to those they missed."""
    found: dict[str, Any] = {"Python": lambda flips: missed_by_first(files, trust.read_bytes(), flips)}
    if not second.is_missing():
        found["JavaScript"] = lambda flips: missed_by_second(bundle, trust, flips)
    return found


def run(label: str, work: Any, flips: Sequence[Flip]) -> bool:
    """One verifier over all changes; whether it missed any."""
    start = time.monotonic()
    missed = work(flips)
    print(
        f"{label}: {len(flips)} changes, {len(missed)} not noticed, {time.monotonic() - start:.0f} s",
        *missed[:20],
        sep="\n  ",
    )
    return bool(missed)


def arguments() -> argparse.Namespace:
    """What the command was given."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--all", action="store_true", help="every byte to each other value")
    found.add_argument("--random", type=int, default=2000, help="how many changes of --bundle")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--bundle", help="a real bundle (folder or .zip)")
    found.add_argument("--trust", help="its trust file")
    return found.parse_args()


if __name__ == "__main__":
    sys.exit(main(arguments()))

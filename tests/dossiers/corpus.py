"""A directory of good and damaged bundles, for this verifier and every other.

    python -m tests.dossiers.corpus DIRECTORY

makes `<number>-<name>/` with the bundle, the trust file and, where one is given, an earlier head; and `cases.jsonl`, one
object a line: name, bundle, trust, prior (paths below the directory, or null) and exit_code, which a verifier must give.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.dossiers.authorities import Authority, Passkey, Seal
from tests.dossiers.bundles import Bundle
from tests.dossiers.catalogue import CASES
from tests.dossiers.damages import Damage


class Workshop:
    """Makes bundles with the same seal and the same time-stamping authority."""

    def __init__(self) -> None:
        self.seal, self.authority = Seal(), Authority()

    def bundle(self, damage: Damage) -> Bundle:
        """A good bundle as the damage asks for it."""
        passkeys = tuple(Passkey(algorithm, number=number) for number, algorithm in enumerate(damage.passkeys, 1))
        return Bundle(self.seal, passkeys, self.authority if damage.is_stamped else None)

    def make(self, damage: Damage, folder: Path) -> dict[str, Any]:
        """Bundle, trust file and earlier head of one case; their paths and the exit code that they must give."""
        folder.mkdir(parents=True)
        bundle = self.bundle(damage)
        damage.apply(bundle)
        made: dict[str, Any] = {"trust": None, "prior": None, "exit_code": damage.code}
        if damage.trust is not None:
            made["trust"] = folder / "trust.json"
            made["trust"].write_text(json.dumps(bundle.trust(**damage.trust(bundle))))
        if damage.prior is not None:
            made["prior"] = folder / "prior.txt"
            made["prior"].write_bytes(damage.prior(bundle))
        return {**made, "bundle": damage.shape(bundle, folder)}


def write(folder: Path) -> list[dict[str, Any]]:
    """All cases; their paths are absolute here and below the directory in cases.jsonl."""
    workshop = Workshop()
    found = []
    for number, (name, damage) in enumerate(CASES.items()):
        short = f"{number:03}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"
        found.append({"name": name, **workshop.make(damage, folder / short)})
    lines = [{key: relative(value, folder) for key, value in case.items()} for case in found]
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return found


def relative(value: Any, folder: Path) -> Any:
    """A path as others can use it."""
    return str(value.relative_to(folder)) if isinstance(value, Path) else value


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(f"{len(write(Path(sys.argv[1])))} cases in {sys.argv[1]}")

"""The second verifier (tests/verifiers/js, for Node) as the tests call it."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[1] / "verifiers" / "js" / "verify.mjs"
NODE = shutil.which("node") or shutil.which("nodejs")
OLDEST = 18


def is_missing() -> bool:
    """Whether there is no Node here that can run it."""
    if NODE is None:
        return True
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False).stdout
    return not said.startswith("v") or int(said[1:].partition(".")[0]) < OLDEST


def answers(questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What it says to each question, in one process."""
    asked = "".join(json.dumps(question, default=str) + "\n" for question in questions)
    run = [NODE or "node", str(PROGRAM), "--batch"]
    done = subprocess.run(run, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]

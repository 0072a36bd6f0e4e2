"""Peers in environments of their own, which `uvx` makes: a script that reads files of ours and says one JSON object."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore", "PYTHONNOUSERSITE": "1"}
PATIENCE_S = 1800


def uvx() -> str | None:
    """The program that makes environments, of the path or beside this Python."""
    beside = Path(sys.executable).with_name("uvx")
    return str(beside) if beside.exists() else shutil.which("uvx")


def ask(packages: list[str], script: str, *arguments: str) -> dict[str, Any] | None:
    """What the script printed last, run with these packages; None when they cannot be had. Raises SystemExit when it fails."""
    program, first = uvx(), packages[0]
    others = [word for name in packages[1:] for word in ("--with", name)]
    command = [str(program), "--python", "3.11", "--from", first, *others, "python"]
    ready = program and not subprocess.run([*command, "-c", ""], capture_output=True, check=False).returncode
    if not ready:
        sys.stderr.write(f"{', '.join(packages)} could not be installed with uvx, so it was not measured.\n")
        return None
    environment = {**os.environ, **QUIET}
    done = subprocess.run(
        [*command, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{first} failed: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found

"""The checks of `manage.py lint`: each a name and a command, run from the root, judged by its exit code."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apps.config.database import ROOT

OPENAPI = ROOT / "docs" / "openapi.yaml"
BIN = Path(sys.executable).parent
PRODUCTION = {
    "IMPRIMATUR_MODE": "production",
    "SECRET_KEY": "only-for-the-check-that-looks-at-settings-0123456789abcdefghijklmnop",
    "BASE_URL": "https://imprimatur.example",
    "SECURE_SSL_REDIRECT": "true",
    "ALLOWED_HOSTS": "imprimatur.example",
}


@dataclass(frozen=True)
class Outcome:
    """What one check said."""

    name: str
    is_fine: bool
    said: str


def run(name: str, *command: str, environment: dict[str, str] | None = None) -> Outcome:
    """Run one program; its output matters only when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    return Outcome(name, done.returncode == 0, (done.stdout + done.stderr).strip())


def manage(name: str, *arguments: str, environment: dict[str, str] | None = None) -> Outcome:
    """Run one of our own commands in a new process."""
    return run(name, sys.executable, str(ROOT / "manage.py"), *arguments, environment=environment)


def style() -> Outcome:
    """Rules of the language."""
    return run("ruff check", str(BIN / "ruff"), "check", ".")


def layout() -> Outcome:
    """How code is set."""
    return run("ruff format", str(BIN / "ruff"), "format", "--check", ".")


def types() -> Outcome:
    """Types, Django's and DRF's included."""
    return run("mypy", str(BIN / "mypy"))


def imports() -> Outcome:
    """Who may lean on whom."""
    return run("import-linter", str(BIN / "lint-imports"), "--no-cache")


def templates() -> Outcome:
    """HTML of the templates."""
    return run("djlint", str(BIN / "djlint"), "templates", "--lint", "--quiet")


def migrations() -> Outcome:
    """Models and migrations agree."""
    return manage("migrations", "makemigrations", "--check", "--dry-run")


def openapi() -> Outcome:
    """The committed document is what the code says."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "openapi.yaml"
        made = manage("OpenAPI", "spectacular", "--file", str(fresh), "--validate", "--fail-on-warn")
        if not made.is_fine:
            return made
        if not OPENAPI.exists() or OPENAPI.read_text() != fresh.read_text():
            return Outcome(
                "OpenAPI",
                False,
                "docs/openapi.yaml is old. Renew: python3 manage.py spectacular --file docs/openapi.yaml",
            )
    return made


def deployment() -> Outcome:
    """Django's own questions about a production set-up."""
    return manage("check --deploy", "check", "--deploy", "--fail-level", "WARNING", environment=PRODUCTION)


CHECKS: tuple[Callable[[], Outcome], ...] = (style, layout, types, imports, templates, migrations, openapi, deployment)

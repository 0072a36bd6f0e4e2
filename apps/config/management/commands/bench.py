"""`manage.py bench NAME...`: measure on a PostgreSQL of its own, with the product's own settings, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.config import database
from apps.core import memory

PROGRAM = [sys.executable, "-m", "tests.benchmarks"]
SIZES = ("full", "quick", "smoke")
# what would make it measure something else than the product as it comes, or touch what is not its own
FOREIGN = ("_URL", "_KEY_FILE", "_CERT_FILE")


class Command(BaseCommand):
    """Each name runs in a process of its own, on a new cluster in `var/`, so that none is measured on the rows of another."""

    help = "Measure against floors and peers; prints one JSON object per measurement."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which benchmarks, and how large."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="the benchmarks to run, in this order")
        parser.add_argument("--list", action="store_true", help="say which there are")
        parser.add_argument("--size", choices=SIZES, default="full", help="smoke only proves that it runs (full)")
        parser.add_argument(
            "--quick", dest="size", action="store_const", const="quick", help="the same as --size quick"
        )

    def handle(self, *args: Any, names: list[str], size: str, **options: Any) -> None:
        """Run one after the other, also after one has failed."""
        listed = subprocess.run([*PROGRAM, "--list"], cwd=database.ROOT, stdout=subprocess.PIPE, text=True, check=True)
        known = dict(line.split("\t") for line in listed.stdout.splitlines())
        if options["list"] or not names:
            self.stdout.write("\n".join(f"{name:<10} {title}" for name, title in known.items()))
            return
        if unknown := [name for name in names if name not in known]:
            raise CommandError(f"There is no benchmark {', '.join(unknown)}. There are {', '.join(known)}.")
        failed = [name for name in names if measure(name, size) != 0]
        if failed:
            raise CommandError(f"{', '.join(failed)} could not be measured to the end.")


def measure(name: str, size: str) -> int:
    """Run one benchmark in a folder that is removed afterwards; its exit code."""
    database.var().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=database.var()))
    kept = {key: value for key, value in os.environ.items() if not key.endswith(FOREIGN)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # clean up then too
    environment = {**kept, **memory.KEPT, "IMPRIMATUR_VAR": str(folder), "IMPRIMATUR_BOOTSTRAP": "off"}
    try:
        with subprocess.Popen([*PROGRAM, name, size], cwd=database.ROOT, env=environment) as program:
            try:
                return program.wait()
            finally:
                program.terminate()
    finally:
        database.Embedded(folder / "postgres").stop()
        shutil.rmtree(folder, ignore_errors=True)

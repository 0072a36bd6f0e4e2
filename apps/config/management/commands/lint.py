"""`manage.py lint`: everything that a machine can judge about the code, one line each."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

from apps.config import linting


class Command(BaseCommand):
    """Run every check, also after one has failed; exit 1 when any has."""

    help = "Check style, types, imports, templates, migrations, the OpenAPI document and the deployment settings."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Say of each check how it went, and what it said when it failed."""
        failed = []
        for check in linting.CHECKS:
            begun = time.monotonic()
            outcome = check()
            word = "ok" if outcome.is_fine else "FAILED"
            self.stdout.write(f"{word:<7} {outcome.name} ({time.monotonic() - begun:.1f} s)")
            if not outcome.is_fine:
                failed.append(outcome.name)
                self.stdout.write("\n".join(f"        {line}" for line in outcome.said.splitlines()))
            self.stdout.flush()
        if failed:
            self.stdout.write(f"{len(failed)} of {len(linting.CHECKS)} checks failed: {', '.join(failed)}")
            sys.exit(1)
        self.stdout.write(f"All {len(linting.CHECKS)} checks passed")

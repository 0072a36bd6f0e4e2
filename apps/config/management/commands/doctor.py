"""`manage.py doctor`: what is missing on this machine, and the command that mends it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from apps.config import doctor


class Command(BaseCommand):
    """One line per requirement; exit 1 when the product cannot run."""

    help = "Say what this machine lacks, with the command that mends it. Exit 1 when the product cannot run."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, print, exit."""
        found = doctor.findings()
        for finding in found:
            mend = f"  ->  {finding.mend}" if finding.mend and not finding.is_fine else ""
            self.stdout.write(f"{finding.word:<8} {finding.name:<14} {finding.seen}{mend}")
        if any(finding.is_needed and not finding.is_fine for finding in found):
            sys.exit(1)

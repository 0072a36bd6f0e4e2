"""Load framework files into the library."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.policy import packs, services


class Command(BaseCommand):
    """Validate framework files against the schema, compile every expression, and keep them. Running it again changes nothing."""

    help = "Validate framework files, compile every expression and keep them; without files, those that ship."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which files."""
        parser.add_argument("files", nargs="*", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and say what was done."""
        try:
            loaded = services.load_frameworks(options["files"] or None)
        except (packs.BadPack, OSError) as trouble:
            raise CommandError(str(trouble)) from trouble
        for framework in loaded:
            self.stdout.write(f"{framework}: {len(framework.body['requirements'])} requirements")

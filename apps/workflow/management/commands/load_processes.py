"""`manage.py load_processes`: publish the process definitions of a file."""

from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandParser

from apps.audit import services as audit
from apps.workflow import services


class Command(BaseCommand):
    """Publishes what differs from the definitions in force; running it again changes nothing."""

    help = "Publish the process definitions of a file (default: those that ship)."

    def add_arguments(self, parser: CommandParser) -> None:
        """One optional file."""
        parser.add_argument("file", nargs="?", help="YAML file; default: fixtures/processes/process.yaml")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, publish, say what was new."""
        path = options["file"]
        definition = yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else services.shipped_definition()
        published = services.publish_processes(definition, actor=audit.system("workflow"), reason="Loaded by command")
        for process in published:
            self.stdout.write(f"Published {process}")
        if not published:
            self.stdout.write("Nothing new")

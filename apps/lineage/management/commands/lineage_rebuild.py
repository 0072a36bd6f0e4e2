"""manage.py lineage_rebuild: project every stored event again and say whether the graph is the same as before."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.lineage.queries.export import digest
from apps.lineage.services import rebuild


class Command(BaseCommand):
    """Rebuild the graph from the stored events."""

    help = "Project every stored lineage event again. Exits 1 when the rebuilt graph differs from the one before."

    def handle(self, *args: Any, **options: Any) -> None:
        before = digest()
        count = rebuild()
        after = digest()
        self.stdout.write(f"{count} events projected. Graph {after}.")
        if before != after:
            raise CommandError(f"The graph differs from the one before ({before}).")

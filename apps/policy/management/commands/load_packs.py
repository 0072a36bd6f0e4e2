"""Load the frameworks and publish the default policies."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.policy import packs, services


class Command(BaseCommand):
    """Take the data packs into the database. Running it again changes nothing."""

    help = "Load the frameworks and publish the default policy of every tier; running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and say what was done."""
        try:
            done = services.load_packs()
        except packs.BadPack as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write(
            f"{done['frameworks']} frameworks in the library, {done['policies']} policy versions published."
        )

"""`manage.py backup_taken PLACE`: for the operator's backup script, so that the log tells of backups."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.audit import services


class Command(BaseCommand):
    help = "Sign the log's head and note in the log that a backup was taken. Call it right before the backup."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("place", help="where the backup lies, in words that mean something to you")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, place: str, reason: str, **options: Any) -> None:
        """One entry; the newest head is printed, to be kept beside the backup."""
        entry = services.note_backup(place=place, reason=reason)
        self.stdout.write(f"Noted: {entry.facts['size']} entries were signed before the backup in {place}.")

"""`manage.py accept_restore`: after an older backup had to be restored, go on with a new key and the loss in the log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import services
from apps.core.errors import ProductError


class Command(BaseCommand):
    help = "Go on with a log that lost entries to a restore: tell so in the log, and sign with a new key from here on."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--reason", required=True, help="what happened, for the log")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        """The loss in the log, or the sentence that says that nothing was lost."""
        try:
            key = services.accept_restore(actor=services.system("operator"), reason=reason.strip())
        except ProductError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(
            f"The log goes on from {key.valid_from_size} entries with a new key. Heads that others hold from before will show the"
            " loss, and the entry audit.restored explains it. Give the new trust file to those who verify."
        )

"""`manage.py rotate_log_key`: a new key for the log, or the list of its keys. Run it where the sequencer runs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import queries, services
from apps.core.errors import ProductError


class Command(BaseCommand):
    help = "Give the log a new signing key, announced under the old one. Old public keys are kept."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--reason", default="", help="why, for the log; required to rotate")
        parser.add_argument("--list", action="store_true", help="only print the keys and the heads they count for")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        """Rotate and say what to do next."""
        if not options["list"]:
            self.rotate(reason)
        for period in queries.key_periods():
            until = f"up to {period.last}" if period.last is not None else "on"
            self.stdout.write(f"{period.key.key_id.hex()}  heads of {period.first} entries {until}  {period.key}")

    def rotate(self, reason: str) -> None:
        """The new key, or the sentence that says why there is none."""
        if not reason.strip():
            raise CommandError("Say why, for the log: --reason WHY")
        try:
            key = services.rotate_key(actor=services.system("operator"), reason=reason.strip())
        except ProductError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(
            f"The log is signed with a new key from {key.valid_from_size} entries on. Give the new trust file to those who verify,"
            " and destroy the retired private key beside the new one when its backups are gone too."
        )

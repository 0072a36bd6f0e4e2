"""`manage.py revoke_log_key ID`: a retired key that may have leaked counts only for heads of up to so many entries."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import services
from apps.core.errors import ProductError


class Command(BaseCommand):
    help = "End the trust in a retired key of the log for heads of more than N entries."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("key_id", help="eight hexadecimal digits; rotate_log_key --list prints them")
        parser.add_argument("--trusted-up-to", type=int, required=True, help="the last head that still counts")
        parser.add_argument("--reason", required=True, help="why, for the log")

    def handle(self, *args: Any, key_id: str, trusted_up_to: int, reason: str, **options: Any) -> None:
        """Revoke, or say why not."""
        try:
            services.revoke_key(
                key_id, trusted_up_to=trusted_up_to, actor=services.system("operator"), reason=reason.strip()
            )
        except ProductError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(
            f"The key {key_id} counts for heads of up to {trusted_up_to} entries only. Give the new trust file to"
            " those who verify."
        )

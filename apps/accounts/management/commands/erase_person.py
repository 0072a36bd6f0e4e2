"""`manage.py erase_person NAME --basis ... --approver ...`: a name is gone, every proof holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts import services
from apps.accounts.models import Erasure, User
from apps.audit.services import system
from apps.core.errors import ProductError


class Command(BaseCommand):
    """Deletes the key that opens every commitment to a person, and what else names them. There is no way back."""

    help = "Erase a person. Their records, signatures and proofs stay and keep holding; pages say 'Erased person'."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, why it is lawful, and who approved it."""
        bases = "; ".join(f"{name}: {words}" for name, words in Erasure.Basis.choices)
        parser.add_argument("username", nargs="?", help="the user name of the person")
        parser.add_argument("--basis", choices=Erasure.Basis.values, help=bases)
        parser.add_argument("--approver", help="user name of the privacy or compliance officer who approved it")
        parser.add_argument("--reason", default="", help="a reference, such as the number of the request; no names")
        parser.add_argument(
            "--repeat",
            action="store_true",
            help="after a restore: erase again everybody whom the log, or the list beside its key, says was erased",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say what is gone."""
        if options["repeat"]:
            back = services.repeat_erasures()
            self.stdout.write(f"{len(back)} people who were erased had come back and are erased again.")
            return
        if not (options["username"] and options["basis"] and options["approver"]):
            raise CommandError("Say whom to erase, --basis and --approver.")
        person, approver = found(options["username"]), found(options["approver"])
        try:
            erased = services.erase_person(
                person,
                basis=options["basis"],
                reason=options["reason"],
                approver=approver,
                actor=system("command_line"),
            )
        except ProductError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(
            f"{erased} ({erased.pk}): the key is deleted and the name is gone. Every digest, signature and proof holds; "
            "backups that still hold the key have to end within 30 days."
        )


def found(username: str) -> User:
    """The account with this user name. Raises CommandError."""
    user: User | None = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise CommandError(f"There is no account with the user name {username!r}.")
    return user

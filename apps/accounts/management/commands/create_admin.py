"""`manage.py create_admin NAME`: the first account of an installation."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.services import create_first_administrator
from apps.core.errors import ProductError


class Command(BaseCommand):
    """Makes the first administrator; all other accounts are made in the product, by an administrator."""

    help = "Make the first administrator. The password is read from ADMIN_PASSWORD or asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        """The name to sign in with, and how it is printed."""
        parser.add_argument("username")
        parser.add_argument("--printed-name", default="", help="As it appears on signatures; default: the user name")
        parser.add_argument("--email", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for the password, make the account, say what to do next."""
        password = os.environ.get("ADMIN_PASSWORD") or getpass.getpass("Password (at least 12 characters): ")
        name = options["username"]
        try:
            create_first_administrator(
                name, printed_name=options["printed_name"] or name, email=options["email"], password=password
            )
        except ProductError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(
            f"Administrator {name} is made. Sign in, then make accounts and grant roles under Administration."
        )

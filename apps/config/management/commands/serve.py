"""`manage.py serve`: the whole product on this machine, until Ctrl-C."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from apps.config import database, programs
from apps.config.supervisor import NotReady, Supervisor


class Command(BaseCommand):
    """Migrate, then run web, workers, scheduler and sequencer, and restart what falls."""

    help = "Run the web, both workers, the scheduler and the log's sequencer on this machine until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """The port and the address."""
        parser.add_argument("--port", type=int, default=8000, help="the port, or the next free one (8000)")
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")

    def handle(self, *args: Any, port: int, host: str, **options: Any) -> None:
        """Start everything and say where it is."""
        call_command("migrate", verbosity=0, interactive=False)
        listener = programs.listen(port, host)
        found = listener.getsockname()[1]
        running = programs.installation(listener)
        with Supervisor(running, descriptors=database.leases, tend=programs.keep_database) as supervisor:
            try:
                supervisor.wait_ready(patience=90)
            except NotReady as error:
                raise CommandError(str(error)) from error
            connection.close()
            if settings.MODE != "production":
                self.stdout.write(
                    f"Mode {settings.MODE}: secrets have insecure defaults. Set IMPRIMATUR_MODE=production and the keys."
                )
            self.stdout.write(f"ready http://{host}:{found}/")
            self.stdout.flush()
            supervisor.run()
        listener.close()

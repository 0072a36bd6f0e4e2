"""`manage.py demo`: the whole product with its story on real data, on this machine, until Ctrl-C.

The demo's outside world is three programs that know nothing of the product: a training script, a serving process and a journey that
speaks HTTP like any pipeline and any browser. What they did once stays in `var/`; a second start does not repeat it.
"""

import hashlib
import json
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from apps.config import database, programs
from apps.config.supervisor import NotReady, Program, Supervisor

SERVING_PORT = 8500


class Command(BaseCommand):
    """Start everything, perform the journey where it has not been performed, serve."""

    help = "Run the product with a story on real data until Ctrl-C; --headless stops after the journey."

    def add_arguments(self, parser: CommandParser) -> None:
        """The port, and whether to stay."""
        parser.add_argument("--port", type=int, default=8000, help="the port, or the next free one (8000)")
        parser.add_argument("--headless", action="store_true", help="stop after the journey; exit 0 if every step held")
        parser.add_argument("--fresh", action="store_true", help="forget the earlier demo and begin again")

    def handle(self, *args: Any, port: int, headless: bool, fresh: bool, **options: Any) -> None:
        """Everything, in order; the supervisor ends whatever it started."""
        folder = database.var() / "demo"
        if fresh:
            forget(folder)
        listener, serving = programs.listen(port), programs.listen(SERVING_PORT)
        web_port, serving_port = listener.getsockname()[1], serving.getsockname()[1]
        serving.close()
        os.environ.update(environment(folder, web_port, serving_port))
        call_command("migrate", verbosity=0, interactive=False)
        refuse_real_data(folder)
        running = programs.installation(listener)
        outside = serving_program(folder, serving_port)
        with Supervisor([*running, outside], descriptors=database.leases, tend=programs.keep_database) as supervisor:
            try:
                supervisor.wait_ready(patience=120)
            except NotReady as error:
                raise CommandError(str(error)) from error
            connection.close()
            code = 0 if is_told(folder) else supervisor.wait_for(journey_program())
            if code == 0:
                (folder / "told").write_text(edition())
            else:
                self.stderr.write("The journey did not reach its end; what failed is in var/demo/journey.json.")
            self.say_where(folder, web_port)
            if not headless:
                supervisor.run()
        listener.close()
        if headless and code != 0:
            sys.exit(1)

    def say_where(self, folder: Path, port: int) -> None:
        """The address, and who can sign in."""
        access = folder / "access.json"
        if access.exists():
            people = ", ".join(json.loads(access.read_text())["users"])
            self.stdout.write(f"Sign in as {people}; the passwords are in {access}.")
        self.stdout.write(f"ready http://127.0.0.1:{port}/")
        self.stdout.flush()


def environment(folder: Path, port: int, serving_port: int) -> dict[str, str]:
    """What the demo's programs are told: demo mode, a secret of their own, which hosts and folders may be read."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    secret = folder / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
    base = os.environ.get("BASE_URL") or f"http://127.0.0.1:{port}"
    return {
        "IMPRIMATUR_MODE": "demo",
        "SECRET_KEY": os.environ.get("SECRET_KEY") or secret.read_text(),
        "BASE_URL": base,
        "ALLOWED_SCORING_HOSTS": f"127.0.0.1:{serving_port}",
        "ALLOWED_DATA_ROOTS": f"{folder / 'data'},{folder / 'models'}",
        "IMPRIMATUR_DEMO_FOLDER": str(folder),
        "IMPRIMATUR_DEMO_SERVING": f"http://127.0.0.1:{serving_port}",
        "PYTHONWARNINGS": "ignore",
    }


def serving_program(folder: Path, port: int) -> Program:
    """The outside serving system: ONNX models behind the Open Inference Protocol."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    script = programs.ROOT / "fixtures" / "demo" / "serve.py"
    command = [sys.executable, str(script), "--models", str(models), "--port", str(port)]
    return Program("serving", command, programs.answers(port, "/v2/health/ready"), folder=folder, grace=5)


def journey_program() -> Program:
    """The story, told over HTTP by a process of its own."""
    return Program("journey", [*programs.MANAGE, "journey"], folder=programs.ROOT, once=True)


def edition() -> str:
    """Which story at which address: changes with the address, the fixtures and the journey's own code."""
    told = hashlib.sha256(os.environ["BASE_URL"].encode())
    for folder in (programs.ROOT / "fixtures", programs.ROOT / "apps" / "console" / "journey"):
        for path in sorted(folder.rglob("*.*")):
            if path.is_file() and path.suffix != ".pyc":
                told.update(path.relative_to(programs.ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return told.hexdigest()


def is_told(folder: Path) -> bool:
    """Whether this edition was told to its end here, so that a second start has nothing to do."""
    told = folder / "told"
    return told.exists() and told.read_text() == edition()


def forget(folder: Path) -> None:
    """Drop the demo's database and files; refuses when they are not the demo's."""
    if not (folder / "journey.json").exists() and not (folder / "secret").exists():
        return
    if os.environ.get("DATABASE_URL"):
        raise CommandError(
            "--fresh drops the embedded database only. Empty the database that DATABASE_URL names yourself."
        )
    connection.close()
    server = database.server()
    server.stop()
    shutil.rmtree(server.folder)
    database.ready()
    for part in (folder, database.var() / "files", database.var() / "keys"):
        shutil.rmtree(part, ignore_errors=True)
    for message in (database.var() / "broker").rglob("*.msg"):
        message.unlink(missing_ok=True)


def refuse_real_data(folder: Path) -> None:
    """Demo mode has insecure defaults, so it does not open a database that it did not fill itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM registry_usecase)")
        has_data = cursor.fetchone()[0]
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_entry WHERE verb = 'console.demo_started')")
        is_demo = cursor.fetchone()[0]
    if has_data and not is_demo:
        raise CommandError(
            "This database holds data that the demo did not make. Give the demo a database of its own (IMPRIMATUR_VAR)."
        )

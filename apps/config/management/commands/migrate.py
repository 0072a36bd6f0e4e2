"""`migrate`, as the role that owns the tables; the application's role then gets what it needs."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder

from apps.audit.services import note_migrations
from apps.config import roles

APPLICATION_ROLE = "app"
LOG = "audit.0001_initial"


def applied(connection: Any) -> set[str]:
    """Every migration whose tables are there."""
    recorder = MigrationRecorder(connection)
    return {f"{app}.{name}" for app, name in recorder.applied_migrations()} if recorder.has_table() else set()


class Command(migrate.Command):
    """Django's own command, run over MIGRATION_DATABASE_URL (or as the embedded server's owner)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate as the owner, grant to the application's role, return to its connection."""
        connection = connections[options["database"]]
        application = dict(connection.settings_dict)
        owner = roles.migration_settings()
        if owner:
            connection.close()
            connection.settings_dict.update(
                {key: owner[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS") if key in owner}
            )
        try:
            before = applied(connection)
            super().handle(*args, **options)
            after = applied(connection)
            if LOG in after:
                note_migrations(after - before)
            role = APPLICATION_ROLE if owner is None else str(application["USER"])
            with transaction.atomic(using=options["database"]), connection.cursor() as cursor:
                roles.grant(cursor, role)
        finally:
            if owner:
                connection.close()
                connection.settings_dict.update(application)
        if owner is None and options["verbosity"] >= 2:
            self.stderr.write(
                "Migrated as the application's own role: set MIGRATION_DATABASE_URL to keep the two apart."
            )

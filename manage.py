#!/usr/bin/env python3
"""The one way in: makes the environment it needs, joins or starts the database, runs a command."""

import os
import sys

# Commands that talk to no database; all others get the embedded one unless DATABASE_URL names another.
NO_DATABASE = {
    "check", "collectstatic", "compilemessages", "diffsettings", "doctor", "help", "lint", "makemessages", "makemigrations",
    "spectacular", "verify", "version", "--help", "--version", "-h",
}


def main():
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings")
    if sys.argv[1:2] == ["test"]:
        os.execv(sys.executable, [sys.executable, "-m", "pytest"] + sys.argv[2:])
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if not os.environ.get("DATABASE_URL") and (command not in NO_DATABASE or "--database" in sys.argv):
        from apps.config import database

        database.ready()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

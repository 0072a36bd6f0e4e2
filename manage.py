#!/usr/bin/env python3
"""The one way in: makes the environment it needs, joins or starts the database, runs a command.

Python 2.7 and 3.6 must be able to read this file, so that they say the sentence below and not a traceback.
"""

import os
import sys

# Commands that talk to no database; all others get the embedded one unless DATABASE_URL names another.
NO_DATABASE = {
    "bench",
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "doctor",
    "help",
    "lint",
    "makemessages",
    "makemigrations",
    "spectacular",
    "verify",
    "version",
    "--help",
    "--version",
    "-h",
}


def main():
    """Run the command named on the command line."""
    if sys.version_info < (3, 11):
        sys.exit(
            "Imprimatur needs Python 3.11 or newer; this is %d.%d. Try: python3.11 manage.py" % sys.version_info[:2]
        )
    from apps.config import bootstrap

    bootstrap.ensure(sys.argv[1:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "test":  # before anything reads the settings, which would name the real database
        os.chdir(bootstrap.ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "pytest"] + sys.argv[2:])
    if not os.environ.get("DATABASE_URL") and (command not in NO_DATABASE or "--database" in sys.argv):
        from apps.config import database

        try:
            database.ready()
        except database.Unavailable as error:
            sys.exit(str(error))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

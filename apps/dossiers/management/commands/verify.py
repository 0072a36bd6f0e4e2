"""`manage.py verify`: a dossier or bundle offline, or the whole database. Exit 0 valid, 1 tampered, 2 cannot, 3 usage."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, ProgrammingError

from apps.audit import services
from apps.audit.models import Verdict, VerificationRun
from apps.dossiers.verifier import command
from apps.dossiers.verifier.verdict import CANNOT_VERIFY, TAMPERED, USAGE, VALID

EXIT = {Verdict.VALID: VALID, Verdict.TAMPERED: TAMPERED, Verdict.UNVERIFIABLE: CANNOT_VERIFY}


class Command(BaseCommand):
    help = "Verify a dossier or an evidence bundle offline, or with --database the log and every immutable row."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Wrong use ends with 3, not with argparse's 2, which here means that something cannot be verified."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.exit_on_error = False
        parser.error = self.refuse  # type: ignore[method-assign]
        return parser

    def refuse(self, message: str) -> Any:
        """Say what was wrong with the call and end."""
        self.stderr.write(message)
        sys.exit(USAGE)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", help="a bundle (folder or .zip) or a sealed PDF")
        parser.add_argument("--trust", help="trust file: the log's name and keys and the certificates that you trust")
        parser.add_argument("--prior", help="a checkpoint of the same log that you held before")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--database", action="store_true", help="verify the log and every immutable row")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify what was named; the exit code is the result."""
        if options["database"] == bool(options["path"]):
            self.refuse("Name one bundle or PDF, or give --database.")
        code = self.verify_database(options) if options["database"] else self.verify_file(options)
        sys.exit(code)

    def verify_file(self, options: dict[str, Any]) -> int:
        """Hand over to the verifier that also travels in bundles."""
        named = [part for name in ("trust", "prior") if options[name] for part in (f"--{name}", options[name])]
        return command.main([options["path"], *named, *(["--json"] if options["json"] else [])])

    def verify_database(self, options: dict[str, Any]) -> int:
        """Read everything again and print what was found."""
        try:
            prior = Path(options["prior"]).read_text() if options["prior"] else ""
            run = services.verify_database(prior)
        except (OSError, UnicodeDecodeError) as error:
            self.refuse(f"{options['prior']} cannot be read: {error}")
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            self.stderr.write(f"The database cannot be read: {str(error).splitlines()[0]}")
            return CANNOT_VERIFY
        self.stdout.write(json.dumps(as_dictionary(run), indent=2) if options["json"] else as_text(run))
        return EXIT[Verdict(run.verdict)]


def as_dictionary(run: VerificationRun) -> dict[str, Any]:
    """The result for machines."""
    return {
        "result": run.verdict,
        "exit_code": EXIT[Verdict(run.verdict)],
        "entries": run.entries,
        "rows": run.rows,
        "size": run.size,
        "root": run.root,
        "checkpoint_size": run.checkpoint_size,
        "pending": run.pending,
        "findings": run.findings,
        "finding_count": run.finding_count,
        "seconds": round(run.seconds, 3),
    }


def as_text(run: VerificationRun) -> str:
    """The result for people: result first."""
    lines = [
        f"Result: {run.get_verdict_display().upper()}",
        f"{run.entries} entries and {run.rows} immutable rows read in {run.seconds:.1f} s; {run.pending} wait for their place.",
        f"Root over {run.size} entries: {run.root}",
    ]
    lines += [f"FAIL  {found['check']}, {found['subject']}: {found['sentence']}" for found in run.findings]
    if run.finding_count > len(run.findings):
        lines.append(f"and {run.finding_count - len(run.findings)} more")
    return "\n".join(lines)

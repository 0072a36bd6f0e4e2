"""The command: one file in, one result out. Exit 0 valid, 1 tampered, 2 cannot verify, 3 usage."""

import argparse
import os
import sys
from collections.abc import Sequence

from apps.dossiers.verifier.bag import Bag
from apps.dossiers.verifier.checks import ENTRY_PROOF, PDF, examine, examine_entry
from apps.dossiers.verifier.examination import Examination
from apps.dossiers.verifier.pdf import check_seal
from apps.dossiers.verifier.strict import sha256
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import FAIL, PASS, SKIP, USAGE, CannotVerify, Check, Report, Tampered

LARGEST_TRUST = 10_000_000


class Usage(Exception):
    """The command was called wrongly; the message says how."""


def verify(path: str, trust: Trust | None = None, prior: bytes | None = None) -> Report:
    """Verify a bundle (folder or .zip) or a sealed PDF."""
    report = Report(path)
    if os.path.isfile(path) and is_pdf(path):
        return verify_pdf(path, trust, report)
    try:
        bag = Bag(path)
    except Tampered as damage:
        report.checks.append(Check("bag", "Files", True, FAIL, str(damage)))
        return report
    examination = Examination(bag, trust, prior, report)
    return examine_entry(examination) if ENTRY_PROOF in bag.names else examine(examination)


def verify_pdf(path: str, trust: Trust | None, report: Report) -> Report:
    """The seal of a PDF on its own; what the log says of it is in the bundle."""
    with open(path, "rb") as file:
        pdf = file.read()
    check = Check("pdf", "Sealed PDF")
    report.checks.append(check)
    report.facts["SHA-256 of the file"] = sha256(pdf)
    try:
        check.details += check_seal(pdf, trust.pdf_roots if trust else [])
        check.state, check.sentence = PASS, "The seal holds over the whole file."
    except Tampered as damage:
        check.state, check.sentence = FAIL, str(damage)
    except CannotVerify as lack:
        check.state, check.sentence = SKIP, str(lack)
    sentence = f"A PDF on its own does not carry the log. Verify the bundle; its {PDF} is this file."
    report.checks.append(Check("log", "Entries of the log", False, SKIP, sentence))
    return report


def is_pdf(path: str) -> bool:
    """Whether the file begins as a PDF does, or is called one."""
    with open(path, "rb") as file:
        return file.read(5) == b"%PDF-" or path.lower().endswith(".pdf")


def own_bundle() -> str | None:
    """The bundle that this file travels in, when it is proof/verify.py of one."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return folder if os.path.isfile(os.path.join(folder, "bagit.txt")) else None


def parser() -> argparse.ArgumentParser:
    """The arguments; contracts of the product fix their names."""
    found = argparse.ArgumentParser(prog="verify", description="Verify a dossier or an evidence bundle, offline.")
    found.add_argument(
        "path", nargs="?", default=own_bundle(), help="a bundle (folder or .zip), a proof, or a sealed PDF"
    )
    found.add_argument("--trust", help="trust file: the log's name and keys and the certificates that you trust")
    found.add_argument("--prior", help="a checkpoint of the same log that you held before")
    found.add_argument("--json", action="store_true", help="print one JSON object")
    return found


def read_trust(path: str) -> Trust:
    """The trust file; Usage says what is wrong with it."""
    try:
        return Trust.read(read_small(path))
    except (ValueError, RecursionError) as damage:
        raise Usage(f"The trust file {path} cannot be used: {damage}.") from damage


def read_small(path: str) -> bytes:
    """The content of a file named on the command line."""
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_TRUST)
    except OSError as refused:
        raise Usage(f"{path} cannot be read: {refused.strerror}.") from refused


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify and print; answers with the exit code."""
    try:
        given = parser().parse_args(arguments)
    except SystemExit as ended:
        return USAGE if ended.code else 0
    try:
        if not given.path or not os.path.exists(given.path):
            raise Usage(f"There is no file {given.path}." if given.path else "Name a bundle or a PDF.")
        trust = read_trust(given.trust) if given.trust else None
        prior = read_small(given.prior) if given.prior else None
        report = verify(given.path, trust, prior)
    except Usage as wrong:
        print(wrong, file=sys.stderr)
        return USAGE
    print(report.as_json() if given.json else report.as_text())
    return report.exit_code

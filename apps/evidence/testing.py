"""Reports of tests that others ran: read, counted and kept as submitted evidence with their file."""

from datetime import date
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid
from apps.core.permissions import authorise
from apps.evidence import queries
from apps.evidence.checks.base import table
from apps.evidence.inputs import junit
from apps.evidence.models import Evidence, Source
from apps.evidence.services import clean_text, judged_by, keep_files, refuse_wrong_dates
from apps.registry.models import ModelVersion
from apps.registry.services import involve

TYPE = "integration_tests"
MOST_LISTED = 200
MOST_READ = junit.MOST_BYTES + 1
SUITES = [
    ("suite", "Suite", "text"),
    ("tests", "Tests", "count"),
    ("succeeded", "Succeeded", "count"),
    ("failed", "Failed", "count"),
    ("skipped", "Skipped", "count"),
    ("seconds", "Seconds", "number", 1),
]
FAILING = [("test", "Test", "text"), ("suite", "Suite", "text"), ("outcome", "Outcome", "text")]
KINDS = {"failed": "an expectation failed", "error": "it ended with an error"}


@transaction.atomic
def submit_tests(
    version: ModelVersion, *, report: bytes, name: str, actor: User, title: str = "", dated: date | None = None
) -> Evidence:
    """Hand in a JUnit report. It counts, like everything handed in, when somebody else has accepted it."""
    authorise(actor, "evidence.submit", version)
    try:
        found = junit.read(report)
    except junit.NotJUnit as wrong:
        raise Invalid(errors=[{"pointer": "/report", "code": "NOT_JUNIT", "detail": str(wrong)}]) from wrong
    on = dated or queries.today()
    refuse_wrong_dates(on, None)
    evidence = Evidence(
        version=version, use_case=version.use_case, types={TYPE: counts_of(found)}, source=Source.SUBMITTED,
        title=clean_text(title or "Integration tests", "/title", 200), summary=in_a_sentence(found), dated=on,
        metrics=metrics_of(found), tables=tables_of(found), produced_by=actor,
        limits=["The tests were run elsewhere: this is what their report says.", "What a test printed is in the file, not here."],
        files=keep_files([SimpleUploadedFile(name, report, content_type="application/xml")]),
    )  # fmt: skip
    evidence.save()
    involve(version, actor, "submitted_evidence")
    audit.record(
        actor, "evidence.submitted", evidence, data={"type": TYPE, "version": str(version.pk)},
        changes=judged_by(evidence), row=evidence,
    )  # fmt: skip
    return evidence


def in_a_sentence(report: junit.Report) -> str:
    """What the report says, first."""
    failed = report.count("failed") + report.count("error")
    said = f"{report.count('succeeded')} of {len(report.cases)} tests succeeded. "
    said += f"{failed} failed. " if failed else "None failed. "
    skipped = report.count("skipped")
    return (said + (f"{skipped} were skipped, so what they would show is not known." if skipped else "")).strip()


def counts_of(report: junit.Report) -> dict[str, int]:
    """The fields that a requirement may ask for; a test that ended with an error has failed."""
    failed = report.count("failed") + report.count("error")
    return {
        "tests": len(report.cases), "succeeded": report.count("succeeded"), "failed": failed, "skipped": report.count("skipped"),
    }  # fmt: skip


def metrics_of(report: junit.Report) -> list[dict[str, Any]]:
    """Counts and time."""
    values = (
        *((name, name.capitalize(), "tests", count) for name, count in counts_of(report).items()),
        ("seconds", "Time of all tests", "s", round(sum(case.seconds for case in report.cases), 3)),
    )  # fmt: skip
    return [
        {"key": key, "label": label, "unit": unit, "digits": 1 if unit == "s" else 0, "value": value, "low": None, "high": None}
        for key, label, unit, value in values
    ]  # fmt: skip


def tables_of(report: junit.Report) -> list[dict[str, Any]]:
    """Suites, and the tests that did not succeed."""
    rows = []
    for suite in report.suites[:MOST_LISTED]:
        cases = [case for case in report.cases if case.suite == suite]
        failed = sum(case.outcome in KINDS for case in cases)
        counts = {"tests": len(cases), "failed": failed}
        counts |= {word: sum(case.outcome == word for case in cases) for word in ("succeeded", "skipped")}
        rows.append({"suite": suite, **counts, "seconds": sum(case.seconds for case in cases), "flagged": failed > 0})
    failing = [
        {"test": case.name, "suite": case.suite, "outcome": KINDS[case.outcome], "flagged": True}
        for case in report.cases
        if case.outcome in KINDS
    ]
    found = [table("suites", "Tests by suite", SUITES, rows)]
    note = f"The first {MOST_LISTED} of {len(failing)}." if len(failing) > MOST_LISTED else ""
    return found + ([table("failing", "Tests that failed", FAILING, failing[:MOST_LISTED], note)] if failing else [])

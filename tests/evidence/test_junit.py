"""Reports of tests: read without expanding anything, counted, kept with their file, accepted by somebody else."""

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import Invalid
from apps.evidence import queries, services, testing
from apps.evidence.catalogue import catalogue
from apps.evidence.inputs import junit
from apps.policy import expressions, packs, requirements
from tests import factories

REPORT = b"""<?xml version="1.0"?>
<testsuites>
  <testsuite name="service">
    <testcase classname="api" name="answers" time="0.25"/>
    <testcase classname="api" name="refuses" time="1.5"><failure message="Ada Lovelace was refused">secret trace</failure></testcase>
    <testcase classname="api" name="later"><skipped/></testcase>
  </testsuite>
  <testsuite name="batch"><testcase name="runs" time="x"><error/></testcase><testcase name="ends"/></testsuite>
</testsuites>"""
LAUGHS = b'<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
OUTSIDE = b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>'


def test_tests_are_counted_by_outcome_and_suite() -> None:
    found = junit.read(REPORT)
    assert [found.count(word) for word in ("succeeded", "failed", "error", "skipped")] == [2, 1, 1, 1]
    assert found.suites == ["service", "batch"]
    assert found.count("succeeded", "batch") == 1
    assert sum(case.seconds for case in found.cases) == 1.75


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LAUGHS, "document type"), (OUTSIDE, "document type"), (b"<testsuite>", "no XML"), (b"", "no XML"), (b"<html/>", "begins with"),
        (b"<testsuites/>", "no test"), (b"<testsuite>" * 30 + b"</testsuite>" * 30, "nested deeper"), (b" " * 6_000_000, "larger than"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(junit.NotJUnit, match=said):
        junit.read(content)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_refused(content: bytes) -> None:
    with pytest.raises(junit.NotJUnit):
        junit.read(content)


@pytest.mark.django_db
def test_a_report_is_kept_as_submitted_evidence_that_waits_for_somebody_else(credit: Any) -> None:
    pipeline = factories.service_account()
    item = testing.submit_tests(credit, report=REPORT, name="junit.xml", actor=pipeline)
    assert item.summary.startswith("2 of 5 tests succeeded. 2 failed.")
    assert (item.source, queries.standing_of(item)) == ("submitted", "waiting")
    assert item.files[0]["name"] == "junit.xml" and item.files[0]["size"] == len(REPORT)
    assert [row["test"] for row in item.tables[1]["rows"]] == ["api.refuses", "runs"]
    assert "Lovelace" not in str(item.content()) and "secret" not in str(item.content())


@pytest.mark.django_db
def test_a_requirement_can_ask_for_the_counts_of_the_newest_accepted_report(credit: Any) -> None:
    rule = expressions.compile(
        "accepted && e.failed == 0", requirements.pass_names(packs.fact_types(), catalogue()[testing.TYPE].fields)
    )

    def judged() -> tuple[expressions.Truth, dict[str, Any]]:
        found = queries.facts_for(credit, at=timezone.now(), tier=2)[testing.TYPE]
        facts = {"accepted": found.accepted, "age_days": found.age_days or 0, "e": found.fields}
        return expressions.evaluate(rule, facts), found.fields

    pipeline, validator = factories.service_account(), factories.person("validator")
    services.accept(
        testing.submit_tests(credit, report=REPORT, name="a.xml", actor=pipeline), reason="Read.", actor=validator
    )
    assert judged() == (expressions.Truth.FALSE, {"tests": 5, "succeeded": 2, "failed": 2, "skipped": 1})
    clean = testing.submit_tests(
        credit, report=b'<testsuite><testcase name="a"/></testsuite>', name="b.xml", actor=pipeline
    )
    assert judged()[0] is expressions.Truth.FALSE
    services.accept(clean, reason="Read.", actor=validator)
    assert judged() == (expressions.Truth.TRUE, {"tests": 1, "succeeded": 1, "failed": 0, "skipped": 0})


@pytest.mark.django_db
def test_reports_of_different_names_stand_side_by_side_and_count_together(credit: Any) -> None:
    pipeline, validator = factories.service_account(), factories.person("validator")

    def hand_in(title: str, report: bytes) -> Any:
        item = testing.submit_tests(credit, report=report, name="a.xml", title=title, actor=pipeline)
        services.accept(item, reason="Read.", actor=validator)
        return item

    def counted() -> Any:
        return queries.facts_for(credit, at=timezone.now(), tier=2)[testing.TYPE]

    clean = b'<testsuite><testcase name="a"/><testcase name="b"/></testsuite>'
    service, browser = hand_in("Service tests", REPORT), hand_in("Browser tests", clean)
    found = counted()
    assert found.fields == {
        "tests": 7,
        "succeeded": 4,
        "failed": 2,
        "skipped": 1,
    }  # one suite that fails fails the whole
    assert (
        {item.pk for item in found.items}
        == {service.pk, browser.pk}
        <= {item.pk for item in queries.current_for(credit)}
    )
    again = hand_in("service tests ", clean)  # the same name but for capitals and blanks
    found = counted()
    assert found.fields == {"tests": 4, "succeeded": 4, "failed": 0, "skipped": 0}
    assert {item.pk for item in found.items} == {again.pk, browser.pk}
    assert service.pk not in {item.pk for item in queries.current_for(credit)}
    services.flag(browser, reason="The wrong build.", actor=validator)
    assert not counted().accepted
    services.withdraw(browser, reason="The wrong build.", actor=pipeline)
    assert counted().accepted and counted().fields["tests"] == 2


@pytest.mark.django_db
def test_a_wrong_report_is_refused_with_its_place(credit: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        testing.submit_tests(credit, report=OUTSIDE, name="x.xml", actor=factories.service_account())
    assert refusal.value.extra["errors"][0]["pointer"] == "/report"


@pytest.mark.django_db
def test_a_person_hands_in_a_report_through_the_page(credit: Any, client: Any) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(factories.person("developer", use_case=credit.use_case.slug))
    page = client.get(f"/versions/{credit.pk}/evidence/new/")
    assert "Report of tests" in page.content.decode()
    body = {"title": "Service tests", "dated": "2025-03-31"}
    sent = client.post(
        f"/versions/{credit.pk}/evidence/tests/", {**body, "report": SimpleUploadedFile("j.xml", REPORT)}
    )
    shown = client.get(sent["Location"]).content.decode()
    assert "2 of 5 tests succeeded" in shown and "api.refuses" in shown
    wrong = client.post(
        f"/versions/{credit.pk}/evidence/tests/", {**body, "report": SimpleUploadedFile("j.xml", LAUGHS)}
    )
    assert wrong.status_code == 422 and "document type" in wrong.content.decode()

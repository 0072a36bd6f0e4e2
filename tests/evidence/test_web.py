"""The pages of evidence."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core import jobs
from apps.evidence import services
from apps.evidence.checks import registry
from apps.evidence.models import Evidence
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured(credit: Any) -> Any:
    """The version with every check done."""
    runs = services.request_checks(credit, checks="required", actor=credit.created_by)
    jobs.run_now(runs[0].job)
    return credit


def test_every_result_reads_from_takeaway_to_command(measured: Any) -> None:
    browser = make.signed_in(make.person("risk_officer"))
    for item in Evidence.objects.all():
        answer = browser.get(f"/evidence/{item.pk}/")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "What this does not show" in page and "Method and how to repeat" in page and "curl" in page
        assert not re.search(r"<(script|style)(?![^>]*src)|style=\"", page.split("<main", 1)[1])
        assert page.count("<figure") == len(item.figures)
        for place in range(1, len(item.tables) + 1):
            assert f"Table {place}." in page
            assert browser.get(f"/evidence/{item.pk}/tables/{place}.csv").status_code == 200
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), sorted({name for name in ids if ids.count(name) > 1})
        assert page.count('class="slim"') == len(item.figures)
        svgs = [figure["svg"] for figure in item.figures]
        assert all(svg.count("role=") == 1 and "<title" in svg and "style=" not in svg for svg in svgs)


def test_the_list_groups_by_source_and_names_failed_checks(credit: Any) -> None:
    runs = services.request_checks(credit, checks=["fairness", "lineage_completeness"], actor=credit.created_by)
    jobs.run_now(runs[0].job)
    browser = make.signed_in(make.person("risk_officer"))
    page = browser.get(f"/versions/{credit.pk}/evidence/").content.decode()
    assert "Computed by checks" in page and "Fairness" in page
    assert browser.get(f"/versions/{credit.pk}/evidence/?show=all").status_code == 200


def test_the_list_folds_what_counts_and_shows_what_somebody_has_to_act_on(measured: Any) -> None:
    flagged = Evidence.objects.order_by("title").first()
    services.flag(flagged, reason="The rows are of the wrong year.", actor=make.person("validator"))
    page = make.signed_in(make.person("risk_officer")).get(f"/versions/{measured.pk}/evidence/").content.decode()
    folded = "".join(re.findall(r'<details class="fold">.*?</details>', page, flags=re.DOTALL))
    others = Evidence.objects.exclude(pk=flagged.pk)
    assert str(flagged.pk) in page and str(flagged.pk) not in folded
    assert all(str(item.pk) in folded for item in others)
    assert f"Show {others.count()} items that count" in folded


def test_a_developer_starts_checks_from_the_page(credit: Any) -> None:
    browser = make.signed_in(credit.created_by)
    address = f"/versions/{credit.pk}/checks/new/"
    page = browser.get(address).content.decode()
    assert all(f'value="{key}"' in page for key in registry())
    answer = browser.post(address, {"checks": ["fairness", "performance"]})
    assert answer.status_code == 302 and answer["Location"].startswith("/jobs/")
    assert browser.post(address, {}).status_code == 200
    assert "disabled" in make.signed_in(make.person("auditor")).get(address).content.decode()


def test_a_person_attests_through_the_page_and_another_accepts(credit: Any) -> None:
    browser = make.signed_in(make.person("privacy_officer"))
    address = f"/versions/{credit.pk}/evidence/new/"
    assert browser.get(address).status_code == 200
    given = {"summary": "Consent of the applicant.", "dated": "2025-03-31", "field_basis_per_phase": "yes"}
    answer = browser.post(f"{address}?type=lawful_basis", given)
    item = Evidence.objects.get()
    assert answer["Location"] == f"/evidence/{item.pk}/"
    assert item.types == {"lawful_basis": {"basis_per_phase": True}} and item.source == "attested"
    assert "someone other than the person who submitted it" in browser.get(f"/evidence/{item.pk}/").content.decode()
    other = make.signed_in(make.person("compliance"))
    assert other.post(f"/evidence/{item.pk}/accept/", {"reason": ""}).status_code == 422
    assert other.post(f"/evidence/{item.pk}/accept/", {"reason": "Read."}).status_code == 302
    assert "Accepted" in other.get(f"/evidence/{item.pk}/").content.decode()


def test_a_file_is_handed_in_and_downloaded(credit: Any) -> None:
    browser = make.signed_in(make.person("developer"))
    upload = SimpleUploadedFile("plan.pdf", b"%PDF-1.7 plan", "application/pdf")
    given = {"summary": "Monitoring plan.", "dated": "2025-03-31", "files": [upload]}
    browser.post(f"/versions/{credit.pk}/evidence/new/?type=monitoring_plan", given)
    item = Evidence.objects.get()
    assert item.source == "submitted"
    answer = browser.get(f"/evidence/{item.pk}/files/{item.files[0]['sha256']}/")
    assert b"".join(answer.streaming_content) == b"%PDF-1.7 plan"


def test_a_wrong_statement_is_shown_with_its_reason(credit: Any) -> None:
    browser = make.signed_in(make.person("developer"))
    given = {"summary": "Later.", "dated": "2999-01-01"}
    answer = browser.post(f"/versions/{credit.pk}/evidence/new/?type=limitations", given)
    assert answer.status_code == 422 and "in the future" in answer.content.decode()


def test_an_outsider_gets_404_and_a_stranger_the_sign_in(credit: Any) -> None:
    outsider = make.signed_in(make.person("developer", use_case="another"))
    assert outsider.get(f"/versions/{credit.pk}/evidence/").status_code == 404
    from django.test import Client

    assert Client().get(f"/versions/{credit.pk}/evidence/").status_code == 302

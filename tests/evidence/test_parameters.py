"""Parameters of checks: declared beside the check, given in a form made from the declaration, refused with what mends it."""

import re
from typing import Any

import pytest

from apps.evidence.checks import registry
from apps.evidence.checks.base import Check
from apps.evidence.measuring import grouped
from apps.evidence.models import CheckRun
from apps.evidence.web.parameters import ParametersForm
from tests import factories as make

CHECKS = list(registry().values())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_every_parameter_has_words_and_its_default_is_allowed(check: Check) -> None:
    declared = check.Params
    assert set(declared.WORDS) == set(declared.named())
    assert set(declared.BOUNDS) | set(declared.NAMES) <= set(declared.named())
    assert all(label[0].isupper() and hint.endswith(".") for label, hint in declared.WORDS.values())
    assert declared.complaints(declared().as_dict()) == []


def chosen(*keys: str) -> str:
    return "&".join(f"checks={key}" for key in keys)


def address(version: Any, *keys: str) -> str:
    return f"/versions/{version.pk}/checks/new/?{chosen(*keys)}" if keys else f"/versions/{version.pk}/checks/new/"


@pytest.mark.django_db
def test_after_choosing_checks_their_parameters_can_be_set(credit: Any) -> None:
    browser = make.signed_in(credit.created_by)
    answer = browser.post(address(credit), {"checks": ["ll144", "data_profile", "fairness"], "next": "parameters"})
    assert answer.status_code == 302 and answer["Location"].endswith(f"?{chosen('ll144', 'data_profile', 'fairness')}")
    page = browser.get(answer["Location"]).content.decode()
    for name in ("ll144-sex", "ll144-race", "ll144-use_scores", "ll144-rare", "fairness-by", "fairness-limit"):
        assert f'name="{name}"' in page
    assert re.search(r'<select[^>]*name="ll144-race"', page) and '<option value="housing">housing</option>' in page
    assert re.search(r'<input type="checkbox"[^>]*name="fairness-by"[^>]*value="sex"', page)
    assert 'value="0.8"' in page and "Data profile has no parameters" in page
    assert CheckRun.objects.count() == 0


@pytest.mark.django_db
def test_checks_start_with_the_parameters_given_and_keep_only_what_differs(credit: Any) -> None:
    browser = make.signed_in(credit.created_by)
    given = {
        "checks": ["ll144", "fairness", "data_profile"], "next": "start", "ll144-sex": "", "ll144-race": "housing",
        "ll144-use_scores": "on", "ll144-rare": "0.02", "fairness-by": ["sex", "age"], "fairness-limit": "",
    }  # fmt: skip
    answer = browser.post(address(credit, "ll144", "fairness", "data_profile"), given)
    assert answer.status_code == 302 and answer["Location"].startswith("/jobs/")
    assert {run.check_key: run.params for run in CheckRun.objects.all()} == {
        "ll144": {"race": "housing", "use_scores": True},
        "fairness": {"by": ["sex", "age"]},
        "data_profile": {},
    }


@pytest.mark.django_db
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(credit: Any) -> None:
    browser = make.signed_in(credit.created_by)
    given = {
        "checks": ["ll144", "fairness"], "next": "start", "ll144-race": "colour", "ll144-rare": "0.5",
        "fairness-by": ["sex"], "fairness-limit": "much",
    }  # fmt: skip
    answer = browser.post(address(credit, "ll144", "fairness"), given)
    page = answer.content.decode()
    assert answer.status_code == 422 and CheckRun.objects.count() == 0
    for text in (
        "Fairness: line for flags must be a number from 0 to 1. Leave it empty for 0.8.",
        "Local Law 144: share that may be left out must be a number from 0 to 0.02, and 0.5 was given. Leave it empty for 0.02.",
        "There is no column colour in the data that this check reads.",
    ):
        assert page.count(text) == 2, text  # in the summary, with a link, and beside the field
    assert 'href="#id_fairness-limit"' in page and 'value="much"' in page and 'value="0.5"' in page
    assert re.search(r'value="sex"[^>]*\bchecked', page)


@pytest.mark.django_db
def test_the_api_tells_what_the_form_shows() -> None:
    rows = {row["key"]: row for row in make.api(make.person("auditor")).get("/api/v1/checks").json()}
    assert rows["data_profile"]["parameters"] == []
    assert rows["fairness"]["parameters"][1] == {
        "name": "limit", "title": "Line for flags", "expected": "a number from 0 to 1", "names": "", "default": 0.8,
        "hint": "A group with a lower impact ratio is flagged; the four-fifths line is 0.8.",
    }  # fmt: skip


@pytest.mark.django_db
def test_many_or_unknown_columns_are_typed(credit: Any) -> None:
    for link in credit.dataset_links.all():
        make.Field.objects.filter(dataset=link.dataset_version.dataset).delete()
    check = registry()["drift"]
    form = ParametersForm({"drift-columns": "income\nduration, housing"}, checks=[check], version=credit)
    assert "one to a line" in str(form["drift-columns"].help_text) and form.is_valid(), form.errors
    assert form.given() == {"drift": {"columns": ["income", "duration", "housing"]}}


@pytest.mark.django_db
def test_drift_is_compared_with_the_dataset_that_was_named(credit: Any) -> None:
    train = credit.dataset_links.get(role="train")
    other = make.dataset("credit_before", fields=("income",))
    state = make.dataset_version(other, sha256=train.sha256, uri=train.uri)
    link = make.link(credit, state, "reference", uri=train.uri, sha256=train.sha256)
    runs = [
        CheckRun(version=credit, check_key="drift", params=params)
        for params in ({}, {"reference": "credit_before"}, {"reference": "nothing"})
    ]
    assert [(reading and reading.reference) for reading, _runs in grouped(credit, runs)] == [train, link, None]
    form = ParametersForm(None, checks=[registry()["drift"]], version=credit)
    assert ("credit_before", "credit_before (reference)") in form.fields["drift-reference"].choices


@pytest.mark.django_db
def test_a_check_that_does_not_exist_is_not_chosen_and_an_outsider_sees_no_form(credit: Any) -> None:
    browser = make.signed_in(credit.created_by)
    page = browser.get(address(credit, "magic")).content.decode()
    assert "Which checks" in page and 'name="magic' not in page
    outsider = make.signed_in(make.person("developer", use_case="another"))
    assert outsider.get(address(credit, "ll144")).status_code == 404
    assert "disabled" in make.signed_in(make.person("auditor")).get(address(credit, "ll144")).content.decode()

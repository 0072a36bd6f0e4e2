"""Pages of the auditor's room."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.examination import services
from apps.examination.models import InformationRequest, Sample
from apps.registry.models import Deployment
from tests import factories


@pytest.fixture
def browser(auditor: Any) -> Client:
    return factories.signed_in(auditor)


def test_a_trace_is_linked_from_deployment_decision_and_version(decided, browser):
    decision = decided.allowed[0]
    deployment = Deployment.objects.filter(version=decided.version).order_by("-id")[0]
    version = f"/models/{decided.version.model.slug}/versions/{decided.version.version}/"
    page = browser.get(version).content.decode()
    assert f"/trace/version/{decided.version.pk}/" in page
    assert f"/trace/deployment/{deployment.pk}/" in page
    assert f"/trace/decision/{decision.pk}/" in browser.get(f"/decisions/{decision.pk}/").content.decode()
    page = browser.get(f"/trace/decision/{decision.pk}/").content.decode()
    assert "Because people signed" in page and "Under this policy" in page
    assert "read the trace of" in browser.get("/readings/").content.decode()


def test_a_sample_is_drawn_read_repeated_and_taken_home(decided, browser):
    answer = browser.post("/samples/new/", {"title": "Third quarter", "size": 3, "least": 1})
    assert answer.status_code == 302
    sample = Sample.objects.get()
    page = browser.get(f"/samples/{sample.pk}/?again").content.decode()
    assert "the same population, the same decisions" in page
    assert "Unknown artifact" in page
    assert b"population_digest" in browser.get(f"/samples/{sample.pk}/file.csv").content
    assert browser.get(f"/samples/{sample.pk}/file.json").json()["seed"] == sample.seed
    assert browser.get(f"/samples/{sample.pk}/file.xls").status_code == 404
    assert "Third quarter" in browser.get("/samples/").content.decode()
    assert "exported" in browser.get("/readings/").content.decode()


def test_an_empty_population_is_told_at_the_form(db, browser):
    answer = browser.post("/samples/new/", {"title": "Nothing", "size": 3, "least": 1})
    assert answer.status_code == 422
    assert "nothing to draw from" in answer.content.decode()


def test_a_request_is_asked_answered_and_accepted_on_its_page(db, browser):
    owner = factories.person("model_owner", username="owner")
    wish = {"title": "Minutes", "text": "Of May.", "due_on": timezone.localdate().isoformat(), "assigned_to": owner.pk}
    place = browser.post("/requests/new/", wish)["Location"]
    theirs = factories.signed_in(owner)
    assert "An auditor asks you for something" in theirs.get("/queue/").content.decode()
    assert "Send the answer" in theirs.get(place).content.decode()
    assert "Send the answer" not in browser.get(place).content.decode()
    assert theirs.post(f"{place}answer/", {}).status_code == 422
    assert theirs.post(f"{place}answer/", {"text": "Here."}).status_code == 302
    assert browser.post(f"{place}accept/", {}).status_code == 302
    assert InformationRequest.objects.get().state == "accepted"
    assert "Accepted" in browser.get("/requests/").content.decode()


def test_who_may_not_ask_is_told_why(db):
    page = factories.signed_in(factories.person("developer")).get("/requests/new/").content.decode()
    assert "This needs the role" in page


def test_an_auditor_changes_nothing_else(decided, browser):
    refused = browser.post(f"/versions/{decided.version.pk}/submit/", {"environment": decided.production.pk})
    assert refused.status_code in {403, 422}
    seen = [
        f"/models/{decided.version.model.slug}/versions/{decided.version.version}/",
        "/audit/",
        "/samples/",
        "/admin/",
    ]
    assert [browser.get(path).status_code for path in seen] == [200] * len(seen)


def test_samples_are_hidden_from_those_who_see_only_some_use_cases(decided, auditor):
    sample = services.draw_sample(title="Quiet", size=1, actor=auditor)
    limited = factories.signed_in(factories.person("developer", use_case="credit-scoring"))
    assert limited.get(f"/samples/{sample.pk}/").status_code == 404

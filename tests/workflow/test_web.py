"""The pages: signing as check answers, refusals with their sentences, findings and discussion, all without JavaScript."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.workflow import lifecycle, services
from apps.workflow.models import Finding, Signature
from tests import factories
from tests.workflow.conftest import REASON


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def seen_on(page: Any) -> str:
    found = re.search(r'name="seen_digest" value="(sha256:[0-9a-f]{64})"', page.content.decode())
    assert found is not None
    return found.group(1)


@pytest.fixture
def deciding(world):
    return world.sign_until(world.submit(), "approve")


def test_the_sign_off_page_lists_what_is_signed_and_why_one_may(world, deciding) -> None:
    page = signed_in(world.head_of_model_risk).get(reverse("workflow:sign-off", args=[deciding.pk]))
    text = text_of(page)
    assert page.status_code == 200
    assert f"Check and approve version {world.version.version}" in text
    assert "met, 0 waived, 0 not met" in text and "accepted items" in text and "Why you may sign" in text
    assert world.version.artifact_digest.removeprefix("sha256:")[:8] in text
    assert "You did not develop or submit" in text
    assert "I have reviewed what is listed here" in text


def test_signing_on_the_page_approves_and_shows_a_receipt(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    body = {
        "seen_digest": seen_on(client.get(url)),
        "decision": "approved",
        "reason": REASON,
        "password": factories.PASSWORD,
    }
    answer = client.post(url, body)
    signature = Signature.objects.filter(review=deciding).latest("signed_at")
    assert answer.status_code == 302 and answer["Location"] == reverse("workflow:receipt", args=[signature.pk])
    receipt = text_of(client.get(answer["Location"]))
    assert world.head_of_model_risk.printed_name in receipt and "Approved" in receipt and REASON in receipt
    assert world.fresh(deciding).state == lifecycle.APPROVED


def test_an_approval_with_a_condition_is_given_on_the_page(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    body = {
        "seen_digest": seen_on(client.get(url)), "decision": "conditions", "reason": REASON, "password": factories.PASSWORD,
        "condition_1": "Report the small group weekly.", "owner_1": world.owner.pk, "due_1": "2027-06-01",
    }  # fmt: skip
    assert client.post(url, {**body, "condition_1": ""}).status_code == 200
    assert client.post(url, body).status_code == 302
    assert world.fresh(deciding).state == lifecycle.APPROVED_WITH_CONDITIONS


def test_a_wrong_password_comes_back_to_the_form_with_the_sentence(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    body = {"seen_digest": seen_on(client.get(url)), "decision": "approved", "reason": REASON, "password": "nonsense"}
    answer = client.post(url, body)
    assert answer.status_code == 200 and "The password is not right" in text_of(answer)
    assert REASON in answer.content.decode()


def test_a_change_while_reading_gives_the_difference_as_a_page(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    body = {
        "seen_digest": seen_on(client.get(url)),
        "decision": "approved",
        "reason": REASON,
        "password": factories.PASSWORD,
    }
    world.measure("fairness", min_impact_ratio=0.95)
    answer = client.post(url, body)
    assert answer.status_code == 409
    assert "changed while you were reading" in text_of(answer) and "Evidence Fairness" in text_of(answer)


def test_changes_are_requested_from_the_same_page_without_a_password(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    body = {
        "seen_digest": seen_on(client.get(url)),
        "decision": "changes",
        "reason": "Show the figures per region, please.",
    }
    assert client.post(url, body).status_code == 302
    assert world.fresh(deciding).state == lifecycle.CHANGES_REQUESTED


def test_self_approval_by_page_is_refused_with_the_sentence(world, deciding) -> None:
    factories.grant(world.developer, "head_of_model_risk")
    client = signed_in(world.developer)
    url = reverse("workflow:sign-off", args=[deciding.pk])
    page = client.get(url)
    assert "Why you may not sign" in text_of(page) and "Someone else has to" in text_of(page)
    body = {"seen_digest": seen_on(page), "decision": "approved", "reason": REASON, "password": factories.PASSWORD}
    answer = client.post(url, body)
    assert answer.status_code == 403 and "may not sign the step Approve" in text_of(answer)


def test_an_open_requirement_is_named_beside_the_button(world, deciding) -> None:
    world.measure("performance", auc=0.51)
    client = signed_in(world.head_of_model_risk)
    page = client.get(reverse("workflow:sign-off", args=[deciding.pk]))
    assert "Approval opens when the 1 open requirement is met or waived" in text_of(page)


def test_a_validator_declares_the_parts_of_the_report(world) -> None:
    review = world.sign_until(world.submit(), "independent_validation")
    client = signed_in(world.validator)
    url = reverse("workflow:sign-off", args=[review.pk])
    page = client.get(url)
    assert "Results were replicated" in text_of(page)
    body = {"seen_digest": seen_on(page), "decision": "reviewed", "reason": REASON, "password": factories.PASSWORD,
            "data_reviewed": "on", "opinion": "Fit for use."}  # fmt: skip
    assert client.post(url, body).status_code == 302
    report = world.version.evidence.filter(types__has_key="validation_report").get().types["validation_report"]
    assert report["data_reviewed"] is True and report["replication"] is False and report["opinion"] == "Fit for use."


def test_rejecting_on_the_page_is_signed(world, deciding) -> None:
    client = signed_in(world.head_of_model_risk)
    url = reverse("workflow:reject", args=[deciding.pk])
    body = {"seen_digest": seen_on(client.get(url)), "reason": REASON, "password": factories.PASSWORD}
    assert client.post(url, body).status_code == 302
    assert world.fresh(deciding).state == lifecycle.REJECTED


def test_the_submit_page_shows_what_is_there_and_what_is_missing(bare) -> None:
    client = signed_in(bare.developer)
    url = reverse("workflow:submit", args=[bare.version.pk])
    page = text_of(client.get(url))
    assert "things are missing before this version can be submitted" in page and "Tier 2: " in page
    answer = client.post(url, {"environment": bare.production.pk, "note": ""})
    assert answer.status_code == 200 and "There is a problem" in text_of(answer)


def test_submitting_on_the_page_leads_to_the_review(world) -> None:
    client = signed_in(world.developer)
    answer = client.post(
        reverse("workflow:submit", args=[world.version.pk]), {"environment": world.production.pk, "note": "New."}
    )
    review = world.version.reviews.get()
    assert answer["Location"] == reverse("workflow:review-detail", args=[review.pk])
    page = text_of(client.get(answer["Location"]))
    assert "Review, step 1 of 5" in page and "Attest" in page and "is signed by the model owner" in page


def test_the_review_page_after_an_approval_shows_every_signature_with_name_time_and_meaning(world, approved) -> None:
    page = text_of(signed_in(world.auditor).get(reverse("workflow:review-detail", args=[approved.pk])))
    assert "is approved for Production until" in page and "Manifest" in page
    for signature in approved.signatures.all():
        assert signature.printed_name in page and signature.get_meaning_display() in page


def test_suspending_on_the_page_needs_a_reason(world, approved) -> None:
    client = signed_in(world.risk_officer)
    url = reverse("workflow:move", args=[approved.pk, "suspend"])
    assert "very next question to the gate is denied" in text_of(client.get(url))
    assert client.post(url, {"reason": ""}).status_code == 200
    assert client.post(url, {"reason": "An incident is looked into."}).status_code == 302
    assert world.standing().state == lifecycle.SUSPENDED
    page = text_of(client.get(reverse("workflow:review-detail", args=[approved.pk])))
    assert "Suspended" in page and "An incident is looked into." in page


def test_every_move_has_its_page(world, approved) -> None:
    client = signed_in(world.head_of_model_risk)
    for key in ("withdraw", "suspend", "revoke", "reinstate"):
        assert client.get(reverse("workflow:move", args=[approved.pk, key])).status_code == 200
    assert client.get(reverse("workflow:move", args=[approved.pk, "anything"])).status_code == 404


def test_a_finding_is_recorded_answered_and_verified_on_pages(world) -> None:
    world.submit()
    validator, developer = signed_in(world.validator), signed_in(world.developer)
    body = {"title": "Sample is small", "text": "45 cases above 61.", "severity": "high", "owner": world.developer.pk,
            "due_on": "2099-01-01"}  # fmt: skip
    answer = validator.post(reverse("workflow:finding-new", args=[world.version.pk]), body)
    finding = Finding.objects.get(version=world.version)
    url = reverse("workflow:finding", args=[finding.pk])
    assert answer["Location"] == url
    assert "A finding is verified when it is answered" in text_of(validator.get(url))
    assert developer.post(url, {"act": "answer", "text": "Drew a larger sample."}).status_code == 302
    assert "someone else verifies" in text_of(developer.get(url))
    assert developer.post(url, {"act": "close", "text": "Closing it myself."}).status_code == 403
    assert validator.post(url, {"act": "close", "text": "Read the sample."}).status_code == 302
    assert "Closed, verified" in text_of(validator.get(url))
    assert "Sample is small" in text_of(validator.get(reverse("workflow:finding-list") + "?state=closed"))
    assert "Sample is small" not in text_of(validator.get(reverse("workflow:finding-list")))


def test_a_question_is_asked_and_answered_on_the_discussion_page(world) -> None:
    world.submit()
    url = reverse("workflow:discussion", args=[world.version.pk])
    asker, answerer = signed_in(world.validator), signed_in(world.developer)
    assert asker.post(url, {"kind": "question", "text": "What does the <b>label</b> mean?"}).status_code == 302
    page = answerer.get(url)
    assert "&lt;b&gt;label" in page.content.decode()
    question = world.version.comments.get()
    assert answerer.post(url, {"kind": "answer", "text": "90 days late.", "parent": question.pk}).status_code == 302
    assert "Answered" in text_of(asker.get(url)) and "90 days late." in text_of(asker.get(url))


def test_auditors_read_every_page_and_are_told_why_they_change_nothing(world, deciding) -> None:
    client = signed_in(world.auditor)
    finding = services.raise_finding(
        world.version,
        actor=world.validator,
        severity="low",
        title="A remark",
        text="Small thing.",
        due_on=deciding.due_on,
    )
    pages = [
        reverse("workflow:review-detail", args=[deciding.pk]), reverse("workflow:discussion", args=[world.version.pk]),
        reverse("workflow:finding", args=[finding.pk]), reverse("workflow:finding-list"),
        reverse("workflow:sign-off", args=[deciding.pk]), reverse("workflow:reject", args=[deciding.pk]),
        reverse("workflow:request-changes", args=[deciding.pk]), reverse("workflow:finding-new", args=[world.version.pk]),
    ]  # fmt: skip
    for url in pages:
        assert client.get(url).status_code == 200, url
    answer = client.post(
        reverse("workflow:discussion", args=[world.version.pk]), {"kind": "comment", "text": "Hello there."}
    )
    assert answer.status_code == 403 and "Auditors read everything" in text_of(answer)


def test_claiming_says_so_to_the_others(world) -> None:
    review = world.sign_until(world.submit(), "independent_validation")
    assert signed_in(world.validator).post(reverse("workflow:claim", args=[review.pk])).status_code == 302
    assert world.fresh(review).open_step.claimed_by == world.validator


def test_pages_take_a_bounded_number_of_queries(world, approved, django_assert_max_num_queries) -> None:
    client = signed_in(world.auditor)
    for url, most in (
        (reverse("workflow:review-detail", args=[approved.pk]), 60),
        (reverse("workflow:finding-list"), 15),
        (reverse("workflow:discussion", args=[world.version.pk]), 60),
    ):
        client.get(url)
        with django_assert_max_num_queries(most):
            client.get(url)

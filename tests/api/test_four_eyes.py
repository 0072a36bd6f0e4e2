"""Whoever built a version does not sign it: not by page, not by API, not as administrator, not as superuser, not by a service's token."""

import re
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.registry import services as registry
from apps.workflow.models import Review, Signature
from tests import factories
from tests.answers import check_problem
from tests.workflow.conftest import REASON, REPORT, World

OWN_WORK = "Someone else has to"
SAID = {  # parts of the sentences that each of them reads
    "developer": [OWN_WORK],
    "administrator": [OWN_WORK, "Administrators set up"],
    "superuser": [OWN_WORK],
    "service": [OWN_WORK, "ervice account"],
}


@pytest.fixture
def validating(world: World) -> Review:
    """The validator is awaited."""
    return world.sign_until(world.submit(), "independent_validation")


def builder(world: World, kind: str) -> User:
    """Somebody who built the version and was given the validator's role as well."""
    who: User = {
        "developer": world.developer,
        "administrator": world.administrator,
        "superuser": factories.person("developer", is_superuser=True),
        "service": world.pipeline,
    }[kind]
    with transaction.atomic():
        registry.involve(world.version, who, "built")
    factories.grant(who, "validator")
    return who


def words_of(page: Any) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def form(world: World, review: Review) -> dict[str, Any]:
    """All that a signature needs, read by somebody who may."""
    page = factories.signed_in(world.validator).get(reverse("workflow:sign-off", args=[review.pk])).content.decode()
    seen = re.search(r'name="seen_digest" value="(sha256:[0-9a-f]{64})"', page)
    assert seen is not None
    return {"seen_digest": seen[1], "reason": REASON, "password": factories.PASSWORD}


def assert_nothing_was_signed(world: World, review: Review, who: User) -> None:
    """Neither a signature nor an entry of one, and the step still waits."""
    assert not Signature.objects.filter(review=review, signer=who).exists()
    assert not Entry.objects.filter(actor=who.audit_ref, verb__startswith="workflow.sign").exists()
    step = world.fresh(review).open_step
    assert step is not None and step.key == "independent_validation"


@pytest.mark.parametrize("kind", ["developer", "administrator", "superuser"])
def test_the_page_refuses_who_built_it(world: World, validating: Review, kind: str) -> None:
    who = builder(world, kind)
    browser, address = factories.signed_in(who), reverse("workflow:sign-off", args=[validating.pk])
    shown = words_of(browser.get(address))
    assert "Why you may not sign" in shown
    answer = browser.post(address, {**form(world, validating), "decision": "reviewed"})
    assert answer.status_code == 403
    for part in SAID[kind]:
        assert part in shown and part in words_of(answer)
    assert_nothing_was_signed(world, validating, who)


@pytest.mark.parametrize("kind", ["developer", "administrator", "superuser", "service"])
def test_the_api_refuses_who_built_it(world: World, validating: Review, kind: str) -> None:
    who = builder(world, kind)
    body = {**form(world, validating), "meaning": "reviewed", "report": REPORT}
    caller = factories.api(who, "read", "workflow:write")
    problem = check_problem(caller.post(f"/api/v1/reviews/{validating.pk}/sign-offs", body, format="json"), 403)
    assert "SIGNER_IS_NOT_INVOLVED" in {reason["code"] for reason in problem["reasons"]}
    for part in SAID[kind]:
        assert part in problem["detail"]
    assert_nothing_was_signed(world, validating, who)


def test_a_token_of_the_administrator_with_every_scope_signs_nothing_either(world: World, validating: Review) -> None:
    who = builder(world, "administrator")
    caller = factories.api(who, "admin", "read", "workflow:write", "registry:write", "evidence:write")
    body = {**form(world, validating), "meaning": "reviewed", "report": REPORT}
    problem = check_problem(caller.post(f"/api/v1/reviews/{validating.pk}/sign-offs", body, format="json"), 403)
    assert OWN_WORK in problem["detail"]
    assert_nothing_was_signed(world, validating, who)


def test_rejecting_own_work_in_another_s_name_is_refused_too(world: World, validating: Review) -> None:
    who = builder(world, "developer")
    body = {"seen_digest": form(world, validating)["seen_digest"], "reason": REASON, "password": factories.PASSWORD}
    caller = factories.api(who, "read", "workflow:write")
    check_problem(caller.post(f"/api/v1/reviews/{validating.pk}/reject", body, format="json"), 403)
    assert_nothing_was_signed(world, validating, who)

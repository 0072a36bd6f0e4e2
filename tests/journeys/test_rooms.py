"""A version on its way to approval, read and signed in a real browser; every room on the way is free of barriers."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import OrganisationFact
from apps.audit import services as audit
from apps.core.moment import spelled
from apps.examination import services as examination
from apps.gate import services as gate
from apps.gate.services import Question, refresh_clearance
from apps.policy import services as policy
from apps.workflow import services as workflow
from tests import factories
from tests.workflow.conftest import ORGANISATION, World, build


@pytest.fixture
def world(transactional_db: Any) -> World:
    """A tier 2 version with everything shown that approval asks for, submitted, judged, asked about and discussed."""
    policy.load_packs()
    workflow.publish_processes(workflow.shipped_definition(), actor=audit.system("workflow"))
    for name, value in ORGANISATION.items():
        OrganisationFact.objects.create(name=name, value=value)
    made = build(2, "credit-scoring")
    made.show()
    made.submit()
    refresh_clearance(made.version, made.production)
    return made


def rooms(world: World) -> list[str]:
    """Addresses of every kind of page that such a version has."""
    version, review = world.version, world.version.reviews.get()
    finding = workflow.raise_finding(
        version, severity="low", title="Age under 25 rests on few cases", text="The ratio rests on 45 cases; say so in the report.",
        owner=world.owner, due_on=timezone.localdate() + timedelta(days=10), actor=world.validator,
    )  # fmt: skip
    workflow.comment(version, kind="question", text="Why is the threshold 0.62 and not lower?", actor=world.validator)
    asked = Question(
        door="test", resource={"type": "artifact", "id": version.artifact_digest}, environment="production"
    )
    decision = gate.decide(asked, asker=world.pipeline)
    evidence = version.evidence.first()
    auditor = factories.person("auditor")
    sample = examination.draw_sample(title="Decisions of the autumn", size=5, actor=auditor)
    asked_for = examination.ask(
        title="Minutes", text="Of May.", due_on=timezone.localdate(), assigned_to=world.owner, actor=auditor
    )
    page = f"/models/{version.model.slug}/versions/{version.version}/"
    then = spelled(timezone.now())
    return [
        f"/trace/decision/{decision.pk}/", f"/trace/version/{version.pk}/", "/samples/", "/samples/new/",
        f"/samples/{sample.pk}/?again", "/requests/", "/requests/new/", f"/requests/{asked_for.pk}/", "/readings/",
        f"{page}?as_at={then}", f"/versions/{version.pk}/decisions/?as_at={then}",
        "/queue/", "/queue/?list=all", page, f"{page}changes/", f"/use-cases/{world.use_case.slug}/",
        f"/use-cases/{world.use_case.slug}/intake/", f"/versions/{version.pk}/evidence/", f"/evidence/{evidence.pk}/",
        f"/versions/{version.pk}/checks/new/", f"/versions/{version.pk}/checks/new/?checks=fairness&checks=ll144",
        f"/versions/{version.pk}/lineage/", "/lineage/", f"/versions/{version.pk}/discussion/",
        f"/reviews/{review.pk}/", "/findings/", f"/findings/{finding.pk}/", f"/versions/{version.pk}/findings/new/", "/decisions/",
        f"/decisions/{decision.pk}/", f"/versions/{version.pk}/decisions/", "/policies/", "/waivers/",
        f"/versions/{version.pk}/waivers/new/?requirement=MIN-fairness_report", "/audit/", "/system/", "/tour/",
    ]  # fmt: skip


def test_every_room_of_a_version_is_free_of_barriers(visit: Any, world: World) -> None:
    found: dict[str, list[str]] = {}
    addresses = rooms(world)
    for width, scheme in ((1280, "light"), (400, "dark")):
        visitor = visit(width, scheme, world.risk_officer.username)
        for path in addresses:
            status = visitor.open(path)
            trouble = [f"answers {status}"] if status != 200 else visitor.barriers()
            if visitor.scrolls_sideways:
                trouble.append("scrolls sideways")
            if trouble:
                found[f"{path} {width} {scheme}"] = trouble
    assert found == {}


def test_the_owner_finds_the_turn_in_the_queue_and_signs(visit: Any, world: World) -> None:
    visitor = visit(username=world.owner.username)
    page = visitor.page
    visitor.open("/queue/")
    assert page.locator(".nav .count").inner_text().endswith("1")
    page.get_by_role("link", name=str(world.version.model.name)).first.click()
    page.wait_for_url("**/versions/**")
    assert page.get_by_text("Your turn").first.is_visible()
    page.locator("main").get_by_role("link", name="Sign the step").click()
    page.wait_for_url("**/sign-off/")
    assert visitor.barriers() == []
    page.get_by_label("Reason").fill("The record is complete and I answer for it.")
    page.get_by_label("Password").fill("not my pass phrase")
    page.locator("main button[type=submit].is-primary").click()
    page.locator(".error-summary").wait_for()
    assert world.version.reviews.get().signatures.count() == 0
    page.get_by_label("Reason").fill("The record is complete and I answer for it.")
    page.get_by_label("Password").fill("a long pass phrase 42")
    page.locator("main button[type=submit].is-primary").click()
    page.wait_for_url("**/signatures/**")
    assert world.version.reviews.get().signatures.count() == 1
    visitor.complaints = [text for text in visitor.complaints if "422" not in text and "403" not in text]
    visitor.open("/queue/")
    assert page.locator(".nav .count").count() == 0


def test_what_changed_while_reading_is_shown_before_signing(visit: Any, world: World) -> None:
    visitor = visit(username=world.owner.username)
    page = visitor.page
    visitor.open(f"/reviews/{world.version.reviews.get().pk}/sign-off/")
    world.measure("performance", auc=0.81)
    page.get_by_label("Reason").fill("The record is complete and I answer for it.")
    page.get_by_label("Password").fill("a long pass phrase 42")
    page.locator("main button[type=submit].is-primary").click()
    page.get_by_text("changed while you were reading").first.wait_for()
    assert world.version.reviews.get().signatures.count() == 0
    assert visitor.barriers() == []
    visitor.complaints = [text for text in visitor.complaints if "409" not in text]


def test_an_auditor_sees_the_same_page_without_buttons(visit: Any, world: World) -> None:
    visitor = visit(username=world.auditor.username)
    visitor.open(f"/models/{world.version.model.slug}/versions/{world.version.version}/")
    assert visitor.page.locator("#verdict").is_visible()
    enabled = visitor.page.locator("main a.btn:not([aria-disabled]), main button.btn:not([disabled])")
    assert [text for text in enabled.all_inner_texts() if text.startswith(("Sign", "Reject", "Request"))] == []


def test_a_trace_prints_on_two_pages(visit: Any, world: World) -> None:
    asked = Question(
        door="test", resource={"type": "artifact", "id": world.version.artifact_digest}, environment="production"
    )
    decision = gate.decide(asked, asker=world.pipeline)
    assert len(decision.evidence) >= 40
    visitor = visit(username=world.risk_officer.username)
    assert visitor.open(f"/trace/decision/{decision.pk}/") == 200
    printed = visitor.page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b(?!s)", printed)) == 2

"""Every page of the console in a real browser: reachable by keyboard, readable in both themes, wide and narrow."""

from typing import Any

import pytest

from apps.accounts.models import User
from tests import factories

SIZES = [(1280, "light"), (400, "dark")]


@pytest.fixture
def story(risk_officer: User) -> list[str]:
    """A little of everything, and the addresses that show it."""
    use_case = factories.use_case("retail-credit", title="Retail credit", facts={"data.personal": True})
    use_case.kpis.create(name="Default rate", target=0.03, baseline_name="Score card", baseline_value=0.041)
    model = factories.model(use_case, "credit-scoring", name="Credit scoring")
    builder = factories.person("developer", use_case=use_case.slug)
    production = factories.environment("production", is_production=True)
    training = {"seed": 1, "parameters": {"depth": 3}}
    factories.deployment(
        factories.version(model, developer=builder, version="11", training=training), production, state="active"
    )
    version = factories.version(model, developer=builder, version="12", reason="design", training={"seed": 2})
    dataset = factories.dataset("credit_applications", fields=("age", "amount"))
    factories.link(version, factories.dataset_version(dataset, "12"))
    factories.dataset("seen_once", is_governed=False)
    pipeline = factories.service_account(username="pipe")
    factories.token_for(pipeline, "gate:ask")
    return [
        "/queue/", "/use-cases/", "/use-cases/retail-credit/", "/models/", "/models/credit-scoring/",
        "/models/credit-scoring/versions/12/", "/models/credit-scoring/versions/12/changes/", "/datasets/",
        f"/datasets/{dataset.pk}/", "/search/?q=credit", "/system/", "/glossary/", "/shortcuts/", "/tour/", "/admin/", "/profile/",
        "/profile/tokens/new/", "/admin/people/", f"/admin/people/{pipeline.pk}/", "/accounts/2fa/", "/accounts/password/change/",
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_no_page_has_a_barrier_or_scrolls_sideways(visit: Any, story: list[str], width: int, scheme: str) -> None:
    visitor = visit(width, scheme, "risk")
    found = {}
    for path in story:
        assert visitor.open(path) == 200, path
        if barriers := visitor.barriers():
            found[path] = barriers
        if visitor.scrolls_sideways:
            found.setdefault(path, []).append("scrolls sideways")
    assert found == {}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_the_sign_in_page_has_no_barrier(visit: Any, transactional_db: Any, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.open("/accounts/login/")
    assert visitor.barriers() == []
    assert not visitor.scrolls_sideways


def test_a_refused_sign_in_moves_the_focus_to_what_is_wrong(visit: Any, transactional_db: Any) -> None:
    visitor = visit()
    visitor.open("/accounts/login/")
    visitor.page.get_by_label("User name").fill("nobody")
    visitor.page.get_by_label("Password").fill("not the pass phrase")
    visitor.page.get_by_role("button", name="Sign in with password").click()
    visitor.page.locator(".error-summary").wait_for()
    assert visitor.page.evaluate("document.activeElement.className") == "error-summary"
    assert visitor.barriers() == []


def test_the_keyboard_reaches_content_search_and_pages(visit: Any, story: list[str]) -> None:
    visitor = visit(username="risk")
    visitor.open("/queue/")
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("Credit scoring 12")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/credit-scoring/versions/12/")
    page.locator("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models/")
    page.keyboard.press("j")
    assert "Credit scoring" in page.evaluate("document.activeElement.textContent")


def test_shortcuts_stay_off_when_switched_off(visit: Any, story: list[str]) -> None:
    visitor = visit(username="risk")
    visitor.open("/profile/")
    visitor.page.get_by_role("button", name="Switch shortcuts off").click()
    visitor.page.get_by_role("button", name="Switch shortcuts on").wait_for()
    visitor.page.keyboard.press("/")
    assert visitor.page.evaluate("document.activeElement.id") != "q"


def test_a_digest_is_copied_whole(visit: Any, story: list[str]) -> None:
    visitor = visit(username="risk", permissions=["clipboard-read", "clipboard-write"])
    visitor.open("/models/credit-scoring/versions/12/")
    button = visitor.page.locator("header.object button.copy").first
    button.click()
    visitor.page.get_by_text("Copied").first.wait_for(state="attached")
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied == button.get_attribute("data-copy")
    assert len(copied) == 71


def test_a_chosen_theme_wins_over_the_system(visit: Any, story: list[str]) -> None:
    visitor = visit(scheme="light", username="risk")
    visitor.open("/profile/")
    light = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    visitor.page.get_by_label("Dark").check()
    visitor.page.get_by_role("button", name="Save theme").click()
    visitor.page.wait_for_load_state()
    assert visitor.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert visitor.barriers() == []


def test_on_a_phone_the_navigation_opens_without_script(visit: Any, story: list[str]) -> None:
    visitor = visit(400, username="risk", java_script_enabled=False)
    visitor.open("/queue/")
    assert not visitor.page.get_by_role("link", name="Datasets").is_visible()
    visitor.page.get_by_role("button", name="Menu").click()
    visitor.page.get_by_role("link", name="Datasets").click()
    visitor.page.wait_for_url("**/datasets/")


def test_a_job_page_follows_the_job_to_its_end(visit: Any, risk_officer: User) -> None:
    from apps.core.models import Job, JobState

    job = Job.objects.create(
        task="evidence.measure", state=JobState.RUNNING, stage="Reading rows", requested_by=risk_officer.pk
    )
    visitor = visit(username="risk")
    visitor.open(f"/jobs/{job.pk}/")
    visitor.page.get_by_text("Reading rows").first.wait_for()
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE)
    visitor.page.locator("#job .state", has_text="Done").wait_for()
    assert visitor.page.locator("#job[hx-get]").count() == 0


def test_a_printed_page_says_what_it_is_and_hides_what_cannot_be_pressed(visit: Any, story: list[str]) -> None:
    visitor = visit(username="risk")
    visitor.open("/models/credit-scoring/versions/12/")
    visitor.page.emulate_media(media="print")
    assert visitor.page.locator(".print-head").is_visible()
    assert "printed" in visitor.page.locator(".print-head").inner_text()
    assert not visitor.page.locator(".nav").is_visible()
    assert not visitor.page.locator(".search").is_visible()

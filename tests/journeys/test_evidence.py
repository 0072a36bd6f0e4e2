"""Evidence in a real browser: on a phone nothing is wider than the screen and what counts folds; where there is room it is open."""

from typing import Any

import pytest

from apps.accounts.models import User
from apps.evidence import engine, services
from apps.evidence.checks import registry
from apps.evidence.checks.base import Subject
from apps.evidence.models import Evidence
from apps.evidence.queries import today
from apps.registry.models import ModelVersion
from tests import factories
from tests.evidence.test_checks import run_example

SHOWN = ("comparison", "drift", "fairness", "robustness", "singling_out", "performance")


@pytest.fixture
def measured(risk_officer: User) -> ModelVersion:
    """A version with results of the widest checks, one of them flagged."""
    version = factories.version(factories.model(factories.use_case("retail-credit"), "credit-scoring"), version="12")
    for key in SHOWN:
        check = registry()[key]
        outcome = run_example(check, check.example.rows)
        columns = engine.finished(check, check.Params(**check.example.params), Subject(name="example"), outcome, [])
        Evidence.objects.create(version=version, source="computed", check_key=key, dated=today(), **columns)
    flagged = Evidence.objects.get(check_key="drift")
    services.flag(flagged, reason="The rows are of the wrong year.", actor=factories.person("validator"))
    return version


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_every_result_fits_its_window_without_a_barrier(
    visit: Any, measured: ModelVersion, width: int, scheme: str
) -> None:
    visitor = visit(width, scheme, "risk")
    for item in measured.evidence.all():
        assert visitor.open(f"/evidence/{item.pk}/") == 200
        assert visitor.barriers() == [] and not visitor.scrolls_sideways, item.title


def test_a_figure_on_a_phone_is_its_narrow_form_with_letters_that_can_be_read(
    visit: Any, measured: ModelVersion
) -> None:
    phone, desk = visit(400, username="risk"), visit(1280, username="risk")
    for item in measured.evidence.exclude(figures=[]):
        for visitor, seen, hidden in ((phone, ".slim", ".broad"), (desk, ".broad", ".slim")):
            visitor.open(f"/evidence/{item.pk}/")
            figures = visitor.page.locator("figure.figure")
            assert figures.locator(seen).first.is_visible() and not figures.locator(hidden).first.is_visible()
        phone_page = phone.page
        box = phone_page.locator(".slim svg").first
        assert box.bounding_box()["width"] <= 334
        scale = box.evaluate("svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width")
        assert 12 * scale >= 11, item.title


def test_what_counts_folds_on_a_phone_without_script_and_is_open_on_a_desk(visit: Any, measured: ModelVersion) -> None:
    phone = visit(400, username="risk")
    state = phone.page.context.storage_state()
    silent = visit(400, java_script_enabled=False, storage_state=state).page
    address = f"{phone.origin}/versions/{measured.pk}/evidence/"
    silent.goto(address)
    assert silent.get_by_role("link", name="Drift between two datasets").is_visible()
    assert not silent.get_by_role("link", name="Robustness").is_visible()
    silent.get_by_text("Show 5 items that count").click()
    assert silent.get_by_role("link", name="Robustness").is_visible()
    desk = visit(1280, username="risk")
    desk.open(f"/versions/{measured.pk}/evidence/")
    assert desk.page.get_by_role("link", name="Robustness").is_visible()
    assert not desk.page.get_by_text("Show 5 items that count").is_visible()

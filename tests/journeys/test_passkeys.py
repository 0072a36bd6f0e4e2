"""A passkey in a real browser: Chromium's virtual authenticator enrols on the profile page, signs a step, and takes it back."""

from typing import Any

import pytest

from apps.accounts.models import Passkey
from apps.workflow.models import Signature
from tests import factories
from tests.journeys import test_rooms
from tests.workflow.conftest import World

world = test_rooms.world
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
REASON = "The record is complete and I answer for it."


@pytest.fixture
def visitor(visit: Any, world: World) -> Any:
    """The owner at a machine with an authenticator."""
    found = visit(username=world.owner.username)
    found.devtools = found.page.context.new_cdp_session(found.page)
    found.devtools.send("WebAuthn.enable")
    found.device = found.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
    return found


def enrol(visitor: Any) -> None:
    """Add a passkey on the profile page."""
    visitor.open("/profile/")
    page = visitor.page
    page.get_by_role("link", name="Add a passkey").click()
    page.wait_for_url("**/profile/passkeys/new/")
    assert visitor.barriers() == []
    page.get_by_label("What you call it").fill("Work laptop")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url("**/profile/")
    assert page.get_by_text("Work laptop").first.is_visible() and visitor.barriers() == []


def sign(visitor: Any, world: World) -> None:
    """Go from the sign-off page to the passkey's page and use it."""
    visitor.open(f"/reviews/{world.version.reviews.get().pk}/sign-off/")
    page = visitor.page
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Sign with your passkey").click()
    page.get_by_role("heading", name="Sign with your passkey").wait_for()
    assert page.get_by_text(REASON).is_visible() and visitor.barriers() == []
    page.get_by_role("button", name="Use the passkey").click()


def test_a_step_is_signed_and_withdrawn_with_a_passkey(visitor: Any, world: World) -> None:
    enrol(visitor)
    assert Passkey.objects.get().rp_id == "localhost"
    sign(visitor, world)
    page = visitor.page
    page.wait_for_url("**/signatures/**")
    signature = Signature.objects.get(review__version=world.version)
    assert signature.authentication == "passkey" and signature.digest == signature.compute_digest()
    assert page.get_by_text("Anybody can check this signature").is_visible() and visitor.barriers() == []
    page.get_by_role("link", name="Withdraw this signature").click()
    page.wait_for_url("**/withdraw/")
    assert visitor.barriers() == [] and not visitor.scrolls_sideways
    page.get_by_label("Reason").fill("A table was missing from the record.")
    page.get_by_role("button", name="Sign with your passkey").click()
    page.get_by_role("button", name="Use the passkey").click()
    page.wait_for_url(lambda url: "/signatures/" in url and str(signature.pk) not in url)
    assert Signature.objects.get(meaning="withdrawn").withdraws == signature


def test_a_device_that_does_not_recognise_the_person_signs_nothing(visitor: Any, world: World) -> None:
    enrol(visitor)
    visitor.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": visitor.device, "isUserVerified": False})
    sign(visitor, world)
    visitor.page.get_by_text("The passkey gave no answer").wait_for()
    assert "Go back and sign with your password" in visitor.page.locator("[role=alert]").inner_text()
    assert not Signature.objects.exists()


def test_without_script_the_page_says_how_to_sign(visit: Any, world: World) -> None:
    visitor = visit(username=world.owner.username, java_script_enabled=False)
    visitor.open("/profile/passkeys/new/")
    page = visitor.page
    assert page.get_by_text("Passkeys need JavaScript").is_visible()
    assert page.get_by_role("button", name="Add the passkey").is_disabled()
    visitor.open(f"/reviews/{world.version.reviews.get().pk}/sign-off/")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.locator("main button[type=submit].is-primary").click()
    page.wait_for_url("**/signatures/**")
    assert Signature.objects.get().authentication == "password"

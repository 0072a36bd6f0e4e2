"""A real browser in front of a real server. Every page is watched: no request leaves the origin, nothing is refused by the CSP."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from apps.accounts.models import User
from tests import factories

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM_PATH") or next((path for name in NAMES if (path := shutil.which(name))), None)
MISSING = "No Chromium found. Install it: sudo apt-get install -y --no-install-recommends chromium"
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests share one browser, and are skipped by name where there is none."""
    for item in items:
        if "tests/journeys/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("journey"))
            if CHROMIUM is None and not os.environ.get("REQUIRE_BROWSER"):
                item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the journeys of a file; its loop ends with them, since what signs a PDF later runs a loop of its own."""
    if CHROMIUM is None:
        pytest.fail(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A person in front of a browser window."""

    page: Any
    origin: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note every request that leaves the origin and everything the browser complains about."""
        self.page.on("request", self._note_request)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.outside.append(request.url)

    def open(self, path: str) -> int:
        """Go to a path of the product; the answer is the status."""
        answer = self.page.goto(self.origin + path)
        return int(answer.status)

    def sign_in(self, username: str) -> None:
        """Through the sign-in page, as anybody does."""
        self.open("/accounts/login/")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(factories.PASSWORD)
        self.page.get_by_role("button", name="Sign in with password").click()
        self.page.wait_for_url(lambda url: "/accounts/login/" not in url)

    def barriers(self) -> list[str]:
        """What keeps people from using the page, by axe-core."""
        found = Axe().run(self.page).response["violations"]
        return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]

    @property
    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than the window."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wide


@pytest.fixture
def visit(chromium: Any, live_server: Any) -> Iterator[Any]:
    """Open a window of a width in a colour scheme; afterwards nothing may have left the origin or been refused."""
    visitors: list[Visitor] = []

    def open_window(width: int = 1280, scheme: str = "light", username: str = "", **more: Any) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", **more
        )
        visitor = Visitor(context.new_page(), live_server.url)
        visitor.page.set_default_timeout(20_000)
        visitor.watch()
        visitors.append(visitor)
        if username:
            visitor.sign_in(username)
        return visitor

    yield open_window
    for visitor in visitors:
        visitor.page.context.close()
    assert [visitor.outside for visitor in visitors if visitor.outside] == []
    assert [visitor.complaints for visitor in visitors if visitor.complaints] == []


@pytest.fixture
def risk_officer(transactional_db: Any) -> User:
    """Somebody who sees everything."""
    return factories.person("risk_officer", "auditor", username="risk", printed_name="Risk officer")

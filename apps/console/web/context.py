"""What every page's frame shows: navigation, whose turn, who is signed in, theme, version, zone."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Role
from apps.accounts.queries import roles_anywhere
from apps.console.queries.queue import count_for
from apps.core import moment


@dataclass(frozen=True)
class Item:
    """One link of the frame."""

    label: str | Promise
    url: str
    icon: str = ""
    shortcut: str = ""
    count: int = 0
    is_current: bool = False


# name, icon, label, shortcut, and which addresses belong to it ("app:" means the whole app)
_MAIN: list[tuple[str, str, str | Promise, str, set[str]]] = [
    ("console:queue", "inbox", _("Queue"), "g q", {"console:queue"}),
    (
        "console:use-case-list",
        "target",
        _("Use cases"),
        "g u",
        {
            "console:use-case-list",
            "console:use-case",
            "console:use-case-new",
            "console:model-new",
            "policy:intake",
            "policy:tier",
        },
    ),
    (
        "console:model-list",
        "boxes",
        _("Models"),
        "g m",
        {
            "console:model-list",
            "console:model",
            "console:version",
            "console:version-changes",
            "lineage:version",
            "gate:version-decisions",
            "evidence:",
            "workflow:",
        },
    ),
    (
        "console:dataset-list",
        "database",
        _("Datasets"),
        "g s",
        {
            "console:dataset-list",
            "console:dataset",
            "console:dataset-columns",
            "console:dataset-terms",
            "console:dataset-event",
            "lineage:",
        },
    ),
    ("gate:decision-list", "door-open", _("Gate decisions"), "g d", {"gate:"}),
    ("policy:waiver-list", "shield", _("Waivers"), "g w", {"policy:waiver-list", "policy:waiver", "policy:waiver-new"}),
    ("policy:policy-list", "scale", _("Policies"), "g p", {"policy:"}),
    ("audit:entry-list", "scroll-text", _("Audit trail"), "g a", {"audit:"}),
    ("dossiers:dossier-list", "file-badge", _("Dossiers"), "g o", {"dossiers:"}),
    ("examination:request-list", "eye", _("Examination"), "g e", {"examination:"}),
]
_ADMIN: list[tuple[str, str, str | Promise, str, set[str]]] = [
    (
        "console:access",
        "settings",
        _("Admin"),
        "",
        {"console:access", "console:system", "accounts:people", "accounts:person", "accounts:person-new"},
    ),
]
_FOOT: list[tuple[str, str | Promise, str]] = [
    ("console:system", _("System"), ""),
    ("api-docs", _("API"), ""),
    ("console:shortcuts", _("Keyboard shortcuts"), "?"),
    ("console:glossary", _("Glossary"), ""),
]


def address_of(name: str) -> str:
    """The address of a named page, empty where the app that has it is not installed."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


class Shell:
    """The frame around a page. Everything is looked up only when the template asks, so fragments cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    is_demo = settings.DEMO
    version = settings.VERSION
    zone = settings.ORGANISATION_ZONE

    @property
    def now(self) -> datetime:
        """The moment of printing."""
        return timezone.now()

    @cached_property
    def user(self) -> Any:
        """Who is signed in, or None; also None when the database that knows it does not answer."""
        try:
            user = getattr(self.request, "user", None)
            return user if user is not None and user.is_authenticated else None
        except DatabaseError:
            return None

    @cached_property
    def theme(self) -> str:
        """light, dark or empty for the system's choice: the account's, before sign-in the cookie's."""
        chosen = self.user.theme if self.user else self.request.COOKIES.get("theme", "")
        return chosen if chosen in {"light", "dark"} else ""

    @property
    def has_shortcuts(self) -> bool:
        """Whether keyboard shortcuts are on in this browser."""
        return self.request.COOKIES.get("shortcuts") != "off"

    @property
    def can_travel(self) -> bool:
        """Whether this page can be shown as it was at an earlier moment."""
        match = getattr(self.request, "resolver_match", None)
        return bool(self.user and match and moment.can_show_past(match.func))

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the address asks for beside the moment and the page of a list."""
        dropped = {moment.PARAMETER, "page", "after", "before"}
        return [(name, str(value)) for name, value in self.request.GET.items() if name not in dropped]

    @property
    def query(self) -> str:
        """What is searched for, so that the box keeps it."""
        return self.request.GET.get("q", "") if self.request.path == address_of("console:search") else ""

    @cached_property
    def roles(self) -> str:
        """The roles of the person, in words."""
        held = roles_anywhere(self.user) if self.user else frozenset()
        return ", ".join(str(role.label) for role in Role if role.value in held) or str(_("No role yet"))

    @cached_property
    def navigation(self) -> list[list[Item]]:
        """The side navigation, in groups; only pages that exist."""
        if not self.user:
            return []
        here = self._here
        current = next((name for name, *_rest, mine in [*_MAIN, *_ADMIN] if here in mine), "")
        current = current or next(
            (name for name, *_rest, mine in [*_MAIN, *_ADMIN] if f"{here.split(':')[0]}:" in mine), ""
        )
        return [[item for row in group if (item := self._item(row, current))] for group in (_MAIN, _ADMIN)]

    def _item(self, row: tuple[str, str, str | Promise, str, set[str]], current: str) -> Item | None:
        name, icon, label, shortcut, _mine = row
        url = address_of(name)
        count = count_for(self.user) if name == "console:queue" else 0
        return Item(label, url, icon, shortcut, count, name == current) if url else None

    @property
    def _here(self) -> str:
        match = getattr(self.request, "resolver_match", None)
        return match.view_name if match else ""

    @cached_property
    def foot(self) -> list[Item]:
        """The links under every page."""
        links = ((address_of(name), label, shortcut) for name, label, shortcut in _FOOT)
        return [Item(label, url, shortcut=shortcut) for url, label, shortcut in links if url]

    @property
    def profile_url(self) -> str:
        """Where the person changes how the product looks to them."""
        return address_of("accounts:profile")

    @property
    def sign_in_url(self) -> str:
        """The sign-in page."""
        return address_of("account_login")

    @property
    def sign_out_url(self) -> str:
        """The page that ends the session."""
        return address_of("account_logout")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the frame."""
    return {"shell": Shell(request)}

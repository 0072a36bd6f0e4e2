"""Looking at an earlier moment: `?as_at=` in an address, one value on the request, and nothing is changed while it is set.

A page or call that can show the past says so with `@shows_past` and asks its queries for `at=moment.of(request)`. Each app
says in its module `past` how its rows were: from rows that never change, from their times, else from the log's entries. What
neither holds is `NOT_RECORDED`; a value of today is never shown as if it had been so then.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils import dateformat, timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import BadRequest, NotFound, ProductError, WrongState, render_error, wants_json

PARAMETER = "as_at"
NOT_RECORDED = gettext_lazy("not recorded then")
READING = {"GET", "HEAD", "OPTIONS"}
TAG = re.compile(r"<(a|form)\b[^>]*>")
ADDRESS = re.compile(r'\b(?:href|action)="([^"]*)"')

View = TypeVar("View")
_looking_at: ContextVar[datetime | None] = ContextVar("looking_at", default=None)


def shows_past(view: View) -> View:
    """Declare that a view (or a class of views) asks its queries for the moment of the request."""
    view.shows_past = True  # type: ignore[attr-defined]
    return view


def of(request: Any) -> datetime | None:
    """The moment that a request looks at; None for now."""
    inner = getattr(request, "_request", request)
    found: datetime | None = getattr(inner, PARAMETER, None)
    return found


def past() -> datetime | None:
    """The moment that the page being made shows; None while it shows the present."""
    return _looking_at.get()


def now() -> datetime:
    """The moment that the page being made shows, for words such as "3 days overdue"; the present elsewhere."""
    return _looking_at.get() or timezone.now()


def named(text: str) -> datetime:
    """The moment that a text names: an RFC 3339 time, or a date, which is its end where the organisation is."""
    present = timezone.now()
    try:
        at = _end_of(date.fromisoformat(text)) if len(text) == 10 else parse_datetime(text.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadRequest(
            f"as_at is a date (2026-03-31) or a time with its zone (2026-03-31T09:00:00Z), not {text[:40]!r}.",
            code="NOT_A_MOMENT",
        )
    if at > present and not (len(text) == 10 and at - present < timedelta(days=1)):
        raise BadRequest(f"{text[:40]} lies ahead. The record shows what was, and what is.", code="NOT_YET")
    return min(at, present).astimezone(UTC)


def _end_of(day: date) -> datetime:
    after = datetime.combine(day + timedelta(days=1), time(), tzinfo=_zone())
    return after - timedelta(microseconds=1)


def spelled(at: datetime) -> str:
    """A moment as an address holds it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def day_in_words(value: date | datetime) -> str:
    """A day as people write it, where the organisation is: 3 Nov 2026."""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value, _zone())
    return dateformat.format(value, "j M Y")


def in_words(at: datetime) -> str:
    """A moment as people write it, where the organisation is, with the name of its zone: 3 Nov 2026, 14:05 CET."""
    return dateformat.format(timezone.localtime(at, _zone()), "j M Y, H:i T")


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.ORGANISATION_ZONE)


def require_there(row: Any, at: datetime, name: str = "") -> None:
    """Raise NotFound when a row was made only after the moment."""
    if row.created_at > at:
        raise NotFound(
            f"{name or row} was not there yet at {in_words(at)}: it is recorded since {in_words(row.created_at)}.",
            code="NOT_THERE_YET",
        )


def can_show_past(view: Any) -> bool:
    """Whether a view, or the class behind it, declares that it shows the past."""
    behind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return bool(getattr(view, "shows_past", False) or getattr(behind, "shows_past", False))


@cache
def leads_to_past(path: str) -> bool:
    """Whether the page at this path can show the past."""
    try:
        return can_show_past(resolve(path).func)
    except Resolver404:
        return False


class TimeTravel:
    """Sets the moment on the request, refuses what cannot be done in the past, and keeps the moment in the page's links."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _looking_at.set(None)
        try:
            response = self.get_response(request)
        finally:
            _looking_at.reset(token)
        at = of(request)
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        if at is not None and is_page:
            response.content = keep(response.content.decode(), at).encode()
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Before the view: read the moment, or answer why there is none to look at."""
        text = request.GET.get(PARAMETER, "").strip()
        if not text:
            return None
        try:
            at = named(text)
            if request.method not in READING:
                raise WrongState(
                    _("You look at an earlier moment, and nothing is changed there. Go to now first."), code="READ_ONLY"
                )
        except ProductError as refused:
            return render_error(request, refused)
        if not can_show_past(view):
            return to_now(request)
        request.as_at = at  # type: ignore[attr-defined]
        _looking_at.set(at)
        return None


def to_now(request: HttpRequest) -> HttpResponse:
    """The answer of a page or call that has no past: the page of now with a word about it; a call is refused."""
    if wants_json(request):
        return render_error(request, BadRequest("This call shows only what is now; it takes no as_at.", code="NO_PAST"))
    kept = request.GET.copy()
    del kept[PARAMETER]
    messages.warning(request, _("This page shows only what is now. You are back from the past."))
    return redirect(f"{request.path}?{kept.urlencode()}" if kept else request.path)


def keep(page: str, at: datetime) -> str:
    """A page whose links and filters lead on at the same moment; links to what is only of now are marked `data-now`."""
    mark = f"{PARAMETER}={quote(spelled(at))}"

    def kept(found: re.Match[str]) -> str:
        tag, kind = found[0], found[1]
        address = ADDRESS.search(tag)
        if " data-now" in tag or (kind == "form" and 'method="post"' in tag) or (kind == "a" and address is None):
            return tag
        target = address[1] if address else ""
        if target.startswith(("#", "http:", "https:", "mailto:", "//")):
            return tag
        path = re.split(r"[?#]", target)[0]
        if path and not leads_to_past(path):
            return f"{tag[:-1]} data-now>"
        if kind == "form":
            return f'{tag}<input type="hidden" name="{PARAMETER}" value="{escape(spelled(at))}">'
        return tag if address is None else tag.replace(address[0], f'href="{_marked(target, mark)}"', 1)

    return TAG.sub(kept, page)


def _marked(target: str, mark: str) -> str:
    rest, hash_sign, fragment = target.partition("#")
    if f"{PARAMETER}=" in rest:
        return target
    joint = "&amp;" if "?" in rest and not rest.endswith("?") else "" if rest.endswith("?") else "?"
    return f"{rest}{joint}{mark}{hash_sign}{fragment}"

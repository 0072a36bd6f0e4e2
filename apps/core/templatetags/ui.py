"""The small parts every page is made of: icons, digests, times, states, numbers. One word per state, in one place."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.utils import dateformat, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core import moment
from apps.core.templatetags.ui_words import STATES, State

register = template.Library()

_ICONS = Path(settings.ROOT) / "static" / "img" / "icons"
_ICON_HEAD = (
    '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" '
    'stroke-linejoin="round" aria-hidden="true" focusable="false">'
)
_ZONE = ZoneInfo(settings.ORGANISATION_ZONE)
_DIGEST = re.compile(r"^(?:sha256:)?([0-9a-f]{16,})$")


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """The drawing of static/img/icons/<name>.svg, inline, hidden from screen readers: the word beside it speaks."""
    text = (_ICONS / f"{name}.svg").read_text(encoding="utf-8")
    inner = text[text.index(">") + 1 : text.rindex("</svg>")]
    return mark_safe(f"{_ICON_HEAD}{inner}</svg>")


def _look_up(value: str, kind: str) -> State:
    found = STATES.get(f"{kind}.{value}") or STATES.get(value)
    return found or State("none", "circle", value.replace("_", " ").capitalize())


@register.simple_tag
def state(
    value: Any, kind: str = "", *, chip: bool = False, until: date | datetime | None = None, word: str = ""
) -> SafeString:
    """Icon, word and tone of a state; `kind` names the vocabulary where one word means two things (finding, gate, …)."""
    known = _look_up(str(value), kind)
    text = word or str(known.word)
    if until is not None:
        text = _("%(state)s until %(date)s") % {"state": text, "date": moment.day_in_words(until)}
    return format_html(
        '<span class="state{} is-{}">{}{}</span>', " chip" if chip else "", known.tone, icon(known.icon), text
    )


@register.filter
def tone(value: Any, kind: str = "") -> str:
    """The tone class of a state: `is-ok`, `is-bad`, …"""
    return f"is-{_look_up(str(value), kind).tone}"


@register.filter
def state_icon(value: Any, kind: str = "") -> str:
    """The icon name of a state, for verdict heads."""
    return _look_up(str(value), kind).icon


@register.filter
def state_word(value: Any, kind: str = "") -> str:
    """The one word of a state."""
    return str(_look_up(str(value), kind).word)


@register.simple_tag
def digest(value: str | None, short: bool = True, label: str = "", copy: bool = True) -> SafeString:
    """A digest in groups of eight; the button copies it whole. Anything that is no digest is shown as it is."""
    if not value:
        return format_html('<span class="muted">{}</span>', _("None"))
    match = _DIGEST.match(value)
    if match is None:
        return format_html("<code>{}</code>", value)
    digits = match.group(1)
    shown = digits[:16] if short else digits
    groups = format_html_join("", "<span>{}</span>", ((shown[at : at + 8],) for at in range(0, len(shown), 8)))
    prefix = "" if short or not value.startswith("sha256:") else "sha256:"
    code = format_html('<code class="digest">{}{}</code>', prefix, groups)
    return format_html("{}{}", code, copy_button(value, label or _("Copy digest"))) if copy else code


@register.simple_tag
def copy_button(value: str = "", label: str = "") -> SafeString:
    """A button that copies `value`, or the block of code it stands in when `value` is empty."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}">{}<span class="vh">{}</span></button>',
        value,
        icon("copy"),
        label or _("Copy command"),
    )


def _moment(value: Any) -> Any:
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value) if "T" in value or " " in value else date.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime) and timezone.is_naive(value):
        value = value.replace(tzinfo=UTC)
    return value


@register.simple_tag
def when(value: Any, form: str = "") -> SafeString:
    """A time in the organisation's zone with its name; UTC in the title. Forms: "" minutes, moment, date, seconds, utc, clock."""
    value = _moment(value)
    if not value:
        return format_html('<span class="muted">{}</span>', _("Not yet"))
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            return format_html("{}", value)
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), moment.day_in_words(value))
    exact = value.astimezone(UTC)
    if form == "utc":
        text = exact.strftime("%Y-%m-%d %H:%M:%S UTC")
    elif form == "date":
        text = moment.day_in_words(value)
    else:
        shape = {"seconds": "j M Y, H:i:s T", "clock": "H:i T", "moment": "j M Y H:i T"}.get(form, "j M Y, H:i T")
        text = dateformat.format(timezone.localtime(value, _ZONE), shape)
    stamp = exact.strftime("%Y-%m-%dT%H:%M:%SZ")
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, exact.strftime("%Y-%m-%d %H:%M:%S UTC"), text)


def _days_from_today(value: date | datetime) -> int:
    day = timezone.localtime(value, _ZONE).date() if isinstance(value, datetime) else value
    return (day - timezone.localtime(moment.now(), _ZONE).date()).days


def relative_day(value: date | datetime, ahead: str = "") -> str:
    """How far a day is ("in 2 days", "today", "3 days ago"): never alone, always beside the date."""
    days = _days_from_today(value)
    lead = f"{ahead} " if ahead else ""
    if days == 0:
        return lead + _("today")
    if days == 1:
        return lead + _("tomorrow")
    if days > 1:
        return lead + _("in %(days)d days") % {"days": days}
    return ngettext("%(days)d day ago", "%(days)d days ago", -days) % {"days": -days}


@register.simple_tag
def due(value: Any) -> SafeString:
    """A due date with how far it is; overdue is marked."""
    value = _moment(value)
    if not value:
        return format_html('<span class="muted">{}</span>', _("No date"))
    days = _days_from_today(value)
    if days >= 0:
        return format_html('{} <span class="sub nowrap">{}</span>', when(value, "date"), relative_day(value, _("due")))
    text = ngettext("%(days)d day overdue", "%(days)d days overdue", -days) % {"days": -days}
    return format_html('{} <span class="sub nowrap overdue">{}</span>', when(value, "date"), text)


@register.simple_tag
def ends(value: Any) -> SafeString:
    """An end date with how far it is."""
    value = _moment(value)
    if not value:
        return format_html('<span class="muted">{}</span>', _("No end"))
    return format_html('{} <span class="sub nowrap">{}</span>', when(value, "date"), relative_day(value))


@register.filter
def number(value: Any, places: int | None = None) -> str:
    """A number people compare down a column: thin groups of three, true minus, at most four significant digits."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) and places is None:
        text = f"{value:,}"
    elif places is not None:
        text = f"{value:,.{int(places)}f}"
    else:
        text = f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return text.replace(",", "\u202f").replace("-", "\u2212")


@register.filter
def percent(value: Any, places: int = 1) -> str:
    """A share as per cent with one decimal."""
    return "–" if value is None else f"{number(float(value) * 100, places)}\u202f%"


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """The value of a key that is only known in the template."""
    return mapping.get(key)


_CELL = {
    "met": '<rect x="{:.1f}" y=".5" width="5.5" height="9" rx="1.5" fill="#14603a"/>',
    "waived": '<rect x="{:.1f}" y=".5" width="5.5" height="9" rx="1.5" fill="#a06c0c"/>',
    "open": '<rect x="{:.1f}" y="1" width="4.5" height="8" rx="1" fill="none" stroke="#a3191f" stroke-width="1.2"/>',
    "unchecked": '<rect x="{:.1f}" y="1" width="4.5" height="8" rx="1" fill="none" stroke="#83868f" '
    'stroke-width="1.2" stroke-dasharray="2 1.5"/>',
}


def _shares(parts: list[tuple[str, int]], cells: int) -> list[str]:
    """One word per cell; where the whole does not fit, in proportion, and nothing that is there disappears."""
    total = sum(count for _name, count in parts)
    if total <= cells:
        return [name for name, count in parts for _at in range(count)]
    slots = {name: max(1, round(count * cells / total)) for name, count in parts if count}
    while sum(slots.values()) > cells:
        slots[max(slots, key=lambda name: slots[name])] -= 1
    return [name for name, count in slots.items() for _at in range(count)]


@register.simple_tag
def meter(met: int, waived: int = 0, open: int = 0, unchecked: int = 0) -> SafeString:
    """How many are met ("6 of 9 met") with its bar: filled met, amber waived, hollow red not met, dotted not checked."""
    total = met + waived + open + unchecked
    words = _("%(met)d of %(total)d met") % {"met": met, "total": total}
    names = _shares([("met", met), ("waived", waived), ("open", open), ("unchecked", unchecked)], 12)
    cells = mark_safe("".join(_CELL[name].format(0.5 + 8 * at) for at, name in enumerate(names)))
    return format_html(
        '<span class="met">{}<svg class="meter" width="{w}" height="10" viewBox="0 0 {w} 10" aria-hidden="true" '
        'focusable="false">{}</svg></span>',
        words,
        cells,
        w=8 * max(len(names), 1),
    )


@register.simple_tag(takes_context=True)
def page_query(context: dict[str, Any], **changes: Any) -> str:
    """The current query string with some parameters changed, or removed when None."""
    request = context.get("request")
    query = request.GET.copy() if request is not None else None
    if query is None:
        return ""
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = value
    return f"?{query.urlencode()}" if query else "?"

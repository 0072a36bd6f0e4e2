"""Figures: Vega-Lite specifications in one style, and their drawing as SVG that reads aloud.

A specification is kept with the evidence; the SVG is drawn once, in a worker, and is the same on the page and in the PDF.
Colours are those of `vega-theme.json` only, because the page maps exactly these to its own in dark mode.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = frozenset(
    {
        "#17375e", "#c05a12", "#4f9d97", "#aab4c0", "#17212b", "#4b5763", "#7b8794", "#e1e5ea", "#8f1d2c", "#ffffff", "#f2f4f6",
        "#456a96", "#7f9cbf", "#b7c7da", "#c9d1da",
    }
)  # fmt: skip
FLAGGED, PLAIN, PALE = "#c05a12", "#17375e", "#aab4c0"
Row = Mapping[str, Any]


@cache
def theme() -> dict[str, Any]:
    """The Vega configuration, with the typeface of the PDF registered for measuring text."""
    from font_source_sans_pro import __file__ as fonts

    vl_convert.register_font_directory(str(Path(fonts).parent / "files"))
    return dict(json.loads(Path(__file__).with_name("vega-theme.json").read_text("utf-8")))


def draw(spec: Mapping[str, Any], *, key: str, takeaway: str) -> str:
    """The specification as accessible SVG. Raises ValueError on a colour that dark mode would not know."""
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), config=theme())
    strange = {colour.lower() for colour in re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]{3,8})"', svg)} - COLOURS
    if strange:
        raise ValueError(f"Colours outside the theme: {', '.join(sorted(strange))}")
    return accessible(svg, key=key, takeaway=takeaway)


def accessible(svg: str, *, key: str, takeaway: str) -> str:
    """One image with one name: no labels per mark, the takeaway as title, ids of its own, shorter numbers in geometry only."""
    svg = re.sub(r' (?:role|aria-[a-z]+|class)="[^"]*"', "", svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{key}-\1"', svg)
    geometry = r'\b(d|transform|x|y|x1|x2|y1|y2|cx|cy|r|width|height)="([^"]*)"'
    svg = re.sub(geometry, lambda found: f'{found[1]}="{re.sub(r"-?[0-9]+[.][0-9]+", _short, found[2])}"', svg)
    svg = re.sub(r' style="[^"]*"', "", svg)
    name = f'<title id="{key}-t">{_escape(takeaway)}</title>'
    return re.sub(
        r"<svg\b([^>]*)>", rf'<svg\1 role="img" class="chart" aria-labelledby="{key}-t">{_literal(name)}', svg, count=1
    )


def _short(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".") or "0"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")


def _base(takeaway: str, table: str, *, width: int, height: Any) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "description": takeaway,
        "usermeta": {"takeaway": takeaway, "table": table},
        "width": width,
        "height": height,
    }


def _line(value: float, style: str, label: str, *, align: str = "center") -> list[dict[str, Any]]:
    """An upright line at a value with its label above the plot."""
    at = {"x": {"datum": value, "type": "quantitative"}}
    text = {"type": "text", "style": f"{style}-label", "align": align, "dx": 0, "dy": -3, "text": label}
    return [
        {"data": {"values": [{}]}, "mark": {"type": "rule", "style": style}, "encoding": {"y": None, **at}},
        {"data": {"values": [{}]}, "mark": text, "encoding": {"y": {"value": 0}, **at}},
    ]


def _room(rows: Sequence[Row]) -> dict[str, int]:
    """Padding for faces wider than the one texts are measured with: the page uses the reader's system face."""
    longest = {name: max((len(str(row.get(name) or "")) for row in rows), default=0) for name in ("group", "text")}
    return {"left": 4 + round(1.5 * longest["group"]), "right": 4 + round(1.5 * longest["text"]), "top": 4, "bottom": 2}


def _span(rows: Sequence[Row], extra: Sequence[float] = ()) -> list[float]:
    """A domain that holds every value and interval, with some air."""
    values = [row[name] for row in rows for name in ("value", "low", "high") if row.get(name) is not None]
    values = [*values, *extra] or [0.0, 1.0]
    low, high = min(values), max(values)
    air = (high - low) * 0.06 or 0.1
    return [round(low - air, 4), round(high + air, 4)]


def mark(group: str, value: float, interval: Sequence[float], text: str, *, flagged: bool) -> Row:
    """One line of a drawing: what it is about, its value with the ends of its interval, the words beside it."""
    return {
        "group": group,
        "value": value,
        "low": interval[0],
        "high": interval[1],
        "text": text,
        "flagged": flagged,
    }


def intervals(
    rows: Sequence[Row],
    *,
    takeaway: str,
    table: str,
    title: str,
    limit: tuple[float, str] | None = None,
    reference: tuple[float, str] | None = None,
    domain: Sequence[float] | None = None,
    width: int = 360,
) -> dict[str, Any]:
    """A point with its interval per row, against a limit and a reference (value, label).

    Rows: group, value, low, high, text, flagged."""
    marks = [mark[0] for mark in (limit, reference) if mark is not None]
    scale = {"domain": list(domain or _span(rows, marks)), "nice": False, "zero": False}
    spec = _base(takeaway, table, width=width, height={"step": 24})
    spec["padding"] = _room(rows)
    spec["data"] = {"values": [dict(row) for row in rows]}
    spec["encoding"] = {
        "y": {"field": "group", "type": "nominal", "sort": [row["group"] for row in rows], "title": None}
    }
    axis = {"field": "value", "type": "quantitative", "scale": scale, "title": title, "axis": {"tickCount": 6}}
    colour = {"condition": {"test": "datum.flagged", "value": FLAGGED}, "value": PLAIN}
    spec["layer"] = [
        *(_line(limit[0], "limit", limit[1], align="right") if limit else []),
        *(_line(reference[0], "reference", reference[1], align="left") if reference else []),
        _interval(axis, color=colour),
        {
            "mark": {"type": "point", "filled": True},
            "encoding": {
                "x": axis,
                "shape": {"condition": {"test": "datum.flagged", "value": "diamond"}, "value": "circle"},
                "color": colour,
                "size": {"condition": {"test": "datum.flagged", "value": 120}, "value": 62},
            },
        },
        _values(width),
    ]
    return spec


def _interval(axis: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The line from low to high of the rows that have one."""
    encoding = {"x": {**axis, "field": "low"}, "x2": {"field": "high"}, **more}
    return {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "style": "interval"},
        "encoding": encoding,
    }


def _values(width: int) -> dict[str, Any]:
    """The text of each row in a column right of the plot."""
    encoding = {"x": {"value": width}, "text": {"field": "text"}}
    return {"mark": {"type": "text", "style": "direct-label", "dx": 12}, "encoding": encoding}


def bars(
    rows: Sequence[Row],
    *,
    takeaway: str,
    table: str,
    title: str,
    domain: Sequence[float] | None = None,
    zero_line: bool = False,
    width: int = 360,
) -> dict[str, Any]:
    """A bar per row, with its interval where it has one. Rows: group, value, low, high, text, flagged."""
    spec = _base(takeaway, table, width=width, height={"step": 22})
    spec["padding"] = _room(rows)
    spec["data"] = {"values": [dict(row) for row in rows]}
    spec["encoding"] = {
        "y": {"field": "group", "type": "nominal", "sort": [row["group"] for row in rows], "title": None}
    }
    low, high = domain or _span(rows, [0.0])
    if all((row["value"] or 0) >= 0 and (row.get("low") or 0) >= 0 for row in rows):
        low = 0.0
    scale = {"domain": [low, high], "nice": False}
    axis = {"field": "value", "type": "quantitative", "scale": scale, "title": title, "axis": {"tickCount": 6}}
    colour = {"condition": {"test": "datum.flagged", "value": FLAGGED}, "value": PALE}
    spec["layer"] = [
        {"mark": {"type": "bar", "height": 12}, "encoding": {"x": axis, "color": colour}},
        _interval(axis),
        _values(width),
    ]
    if zero_line:
        zero = {"data": {"values": [{}]}, "mark": {"type": "rule", "color": "#7b8794", "strokeWidth": 0.8}}
        spec["layer"].insert(0, {**zero, "encoding": {"y": None, "x": {"datum": 0, "type": "quantitative"}}})
    return spec


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]], *, takeaway: str, table: str, x: str, y: str,
    x_domain: Sequence[float], y_domain: Sequence[float], diagonal: str = "", width: int = 300, height: int = 220,
) -> dict[str, Any]:  # fmt: skip
    """Lines over a number, named at their end; `diagonal` labels the line of equal values where there is one."""
    spec = _base(takeaway, table, width=width, height=height)
    across = {"type": "quantitative", "scale": {"domain": list(x_domain), "nice": False, "zero": False}, "title": x}
    up = {"type": "quantitative", "scale": {"domain": list(y_domain), "nice": False, "zero": False}, "title": y}
    axes = {
        "x": {"field": "x", **across, "axis": {"tickCount": 5}},
        "y": {"field": "y", **up, "axis": {"tickCount": 5}},
    }
    spec["layer"] = []
    if diagonal:
        ends = [{"x": end, "y": end} for end in (max(x_domain[0], y_domain[0]), min(x_domain[1], y_domain[1]))]
        spec["layer"].append(
            {"data": {"values": ends}, "mark": {"type": "line", "style": "reference"}, "encoding": axes}
        )
    for place, (name, points) in enumerate(series.items()):
        values = [{"x": at, "y": value} for at, value in points]
        mark = {
            "type": "line",
            "color": (PLAIN, FLAGGED, "#4f9d97", "#7b8794")[place % 4],
            "strokeDash": ([], [6, 3], [2, 2], [8, 2, 2, 2])[place % 4],
        }
        spec["layer"].append({"data": {"values": values}, "mark": mark, "encoding": axes})
        if len(series) > 1 and values:
            label = {"type": "text", "style": "direct-label", "text": name}
            spec["layer"].append({"data": {"values": values[-1:]}, "mark": label, "encoding": axes})
    return spec


def points(
    rows: Sequence[Row], *, takeaway: str, table: str, x: str, y: str, x_domain: Sequence[float], y_domain: Sequence[float],
    diagonal: str = "", width: int = 300, height: int = 220,
) -> dict[str, Any]:  # fmt: skip
    """Points with upright intervals over a number (calibration). Rows: x, y, low, high."""
    spec = lines(
        {},
        takeaway=takeaway,
        table=table,
        x=x,
        y=y,
        x_domain=x_domain,
        y_domain=y_domain,
        diagonal=diagonal,
        width=width,
        height=height,
    )
    across = {"field": "x", "type": "quantitative", "title": x, "scale": {"domain": list(x_domain), "nice": False}}
    up = {"field": "y", "type": "quantitative", "title": y, "scale": {"domain": list(y_domain), "nice": False}}
    values = {"values": [dict(row) for row in rows]}
    spec["layer"] += [
        {
            "data": values,
            "mark": {"type": "rule", "style": "interval"},
            "encoding": {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}},
        },
        {"data": values, "mark": {"type": "point", "filled": True, "color": PLAIN}, "encoding": {"x": across, "y": up}},
    ]
    return spec

"""The narrow form of a figure, for a phone: names and values stand above their line, and nothing is wider than the screen.

It is made from the specification of the figure, with the same numbers and the same style; the PDF prints the other one.
"""

import textwrap
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

WIDTH = 288
CURVE = 236
LETTERS = 44  # of a name on one line beside nothing
LINE = 16
FONT = {"fontSize": 12}
CONFIG = {
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": WIDTH, "labelOverlap": "greedy"},
    "text": FONT,
    "style": dict.fromkeys(("limit-label", "reference-label", "direct-label", "muted-label"), FONT),
}


def slim(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The same figure, narrow enough for 320 px at letters of 12 px."""
    found = deepcopy(dict(spec))
    found["config"] = CONFIG
    found["padding"] = {"left": 2, "right": 6, "top": 4, "bottom": 2}
    return _rows(found) if isinstance(spec["height"], Mapping) else _curve(found)


def _curve(spec: dict[str, Any]) -> dict[str, Any]:
    """Lines or points: the plot is narrower, the names at the ends of lines stay."""
    spec["width"] = CURVE
    spec["padding"] |= {"left": 10, "right": 24}
    for layer in spec["layer"]:
        for channel in ("x", "y"):
            _wrap_title(layer.get("encoding", {}).get(channel))
    return spec


def _rows(spec: dict[str, Any]) -> dict[str, Any]:
    """A line per row: the name on the left and the value on the right above it, on lines of their own where they are long."""
    rows = spec["data"]["values"]
    is_beside = all(len(f"{row['group']}  {row.get('text') or ''}") <= LETTERS for row in rows)
    for row in rows:
        row["lines"] = textwrap.wrap(str(row["group"]), LETTERS) or [""]
        if not is_beside and row.get("text"):
            row["lines"] += textwrap.wrap(str(row["text"]), LETTERS)
    most = max((len(row["lines"]) for row in rows), default=1)
    step = most * LINE + 26
    middle = most * LINE / 2  # how far the mark of a row stands below the middle of its band
    spec["width"], spec["height"] = WIDTH, {"step": step}
    spec["encoding"]["y"] = {**spec["encoding"]["y"], "axis": None}
    layers = [_lowered(layer, middle) for layer in spec["layer"] if not _is_value_column(layer)]
    texts = [
        _text("lines", step, x=0, align="left"),
        *([_text("text", step, x=WIDTH, align="right")] if is_beside else []),
    ]
    spec["layer"] = [*_stacked(layers), *(layer for text in texts for layer in (_haloed(text), text))]
    return spec


def _is_value_column(layer: Mapping[str, Any]) -> bool:
    return bool(layer.get("encoding", {}).get("text", {}).get("field") == "text")


def _lowered(layer: dict[str, Any], by: float) -> dict[str, Any]:
    """The layer with its marks below the names; what crosses all rows, and its label, stays."""
    encoding = layer.get("encoding", {})
    if "x" in encoding:
        _wrap_title(encoding["x"])
        if isinstance(encoding["x"].get("axis"), dict):
            encoding["x"]["axis"]["tickCount"] = 4
    if "y" not in encoding:
        layer["mark"] = {**layer["mark"], "yOffset": by}
    return layer


def _stacked(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels of upright lines: each on a line of its own, on the side of its line that has more room."""
    height = 0
    for layer in layers:
        mark, at = layer["mark"], layer.get("encoding", {}).get("x", {}).get("datum")
        if mark["type"] == "text" and at is not None:
            domain = next(
                found["encoding"]["x"]["scale"]["domain"]
                for found in layers
                if "scale" in found.get("encoding", {}).get("x", {})
            )
            is_left = (at - domain[0]) * 2 < domain[1] - domain[0]
            layer["mark"] = {**mark, "align": "left" if is_left else "right", "dy": -3 - LINE * height}
            height += 1
    return layers


def _text(field: str, step: float, *, x: int, align: str) -> dict[str, Any]:
    """What stands above the mark of a row."""
    mark = {"type": "text", "align": align, "baseline": "top", "dx": 0, "dy": 4 - step / 2, "lineHeight": LINE}
    if field == "text":
        mark["fontWeight"] = 600
    return {"mark": mark, "encoding": {"x": {"value": x}, "text": {"field": field}}}


def _haloed(text: dict[str, Any]) -> dict[str, Any]:
    """The same text as its own ground, so that no line of the plot runs through it."""
    return {**text, "mark": {**text["mark"], "color": "#ffffff", "stroke": "#ffffff", "strokeWidth": 4}}


def _wrap_title(channel: dict[str, Any] | None) -> None:
    if channel and isinstance(channel.get("title"), str):
        channel["title"] = textwrap.wrap(channel["title"], LETTERS)

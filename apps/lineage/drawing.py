"""A lineage picture as SVG. Pure: the same picture gives the same bytes.

Only the colours of the light palette are used, as presentation attributes: the page's style sheet maps each to a token for
dark mode, the PDF shows them as they are. What a line means is told by its dash as well: solid proven, dashed declared,
dotted assumed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from html import escape

from apps.lineage.layout import Box as Place
from apps.lineage.layout import layout

INK, NOTE, EDGE, RULE, FRAME, GROUND, PICKED, ACCENT = (
    "#16181d", "#5f636d", "#767b86", "#e3e3dd", "#83868f", "#ffffff", "#e8ecf8", "#2c4a8a",
)  # fmt: skip
HEAD, ROW, FOOT = 34, 26, 6
LETTER, BOLD, NARROW, WIDE, LEAST, STEP = 7.3, 7.9, 150, 300, 132, 4
GAP, NARROW_GAP, PAGE = (150, 26), 44, 972
LINE, LINES, BELOW, ROOMY = 18, 3, 34, 90
TOP = 44
PROVEN, DECLARED, ASSUMED = "proven", "declared", "assumed"
DASHES = {
    PROVEN: 'stroke-width="1.5"',
    DECLARED: 'stroke-width="1.5" stroke-dasharray="7 4"',
    ASSUMED: 'stroke-width="2" stroke-dasharray="1.5 4" stroke-linecap="round"',
}


@dataclass(frozen=True)
class Row:
    """A column in a box."""

    name: str
    note: str = ""
    is_quiet: bool = False
    is_followed: bool = False
    is_minor: bool = False  # its note gives way where the name needs the room


@dataclass
class Box:
    """A dataset, a model version or a deployment."""

    key: str
    title: str
    kind: str = "dataset"
    subtitle: str = ""
    heading: str = ""
    is_root: bool = False
    rows: list[Row] = field(default_factory=list)

    lines: list[str] = field(default_factory=list)

    def fit(self, most: int = WIDE) -> tuple[int, int]:
        """Width and height in pixels, no wider than `most`; a title that needs it gets a second line."""
        longest = max(
            [len(self.title) * 1.08 + 3, len(self.subtitle) * 0.9]
            + [len(row.name) + (len(row.note) + 2 if row.note else 0) for row in self.rows]
        )
        width = int(min(most, max(min(NARROW, most), longest * LETTER + 30)))
        self.lines = wrapped(self.title, width - self.indent - 8)
        return width, self.head + (ROW * len(self.rows) + FOOT if self.rows else 0)

    @property
    def indent(self) -> int:
        """Where the title begins: after the drum of a dataset."""
        return 30 if self.kind == "dataset" else 14

    @property
    def head(self) -> int:
        """The height above the rows."""
        return HEAD + LINE * (len(self.lines) - 1) + (20 if self.subtitle else 0)


@dataclass(frozen=True)
class Link:
    """A line between two boxes or two of their columns."""

    source: str
    target: str
    source_row: str = ""
    target_row: str = ""
    basis: str = PROVEN
    is_masked: bool = False
    is_followed: bool = False
    job: str = ""


@dataclass
class Picture:
    """What is drawn."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def shorten(text: str, width: float, *, letter: float = LETTER) -> str:
    """The text in so many pixels; what is left out goes from the middle, because names differ at both ends."""
    room = max(4, int(width / letter))
    if len(text) <= room:
        return text
    head = (room - 1) // 2
    return text[:head] + "…" + text[len(text) - (room - 1 - head) :]


def wrapped(text: str, width: float) -> list[str]:
    """A title in at most LINES lines, broken at spaces where a line has one."""
    room = max(4, int(width / BOLD))
    lines: list[str] = []
    rest = text
    while len(rest) > room and len(lines) < LINES - 1:
        cut = rest.rfind(" ", 4, room + 1)
        cut = cut if cut > 0 else room
        lines.append(rest[:cut])
        rest = rest[cut:].lstrip()
    return [*lines, shorten(rest, width, letter=BOLD)]


def clean(text: str) -> str:
    """Text for XML: escaped, without characters that XML cannot hold."""
    return escape("".join(letter if letter.isprintable() else "\u2423" for letter in text), quote=True)


def render(picture: Picture) -> str:
    """The SVG, with the takeaway as its title."""
    places = _places(picture)
    width = max((place.x + place.width for place in places.values()), default=0) + 2
    height = max((place.y + place.height for place in places.values()), default=TOP) + 12
    boxes = {box.key: box for box in picture.boxes}
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-size="13">',
        f"<title>{clean(picture.title)}</title>",
        *_headings(picture, boxes, places, width),
    ]
    links = sorted(picture.links, key=lambda link: link.is_followed)
    ends = _Ends(boxes, places, links)
    labels = []
    for link in links:
        line, middle = ends.line(link)
        if line:
            parts.append(line)
            if link.is_masked and (link.is_followed or len(links) < 40):
                labels.append((middle, link.is_followed))
    for (x, y), is_followed in dict.fromkeys(labels):
        parts.append(_lock(x, y, is_followed))
    parts += [_box(box, places[box.key]) for box in picture.boxes]
    return "".join(parts) + "</svg>"


def _places(picture: Picture) -> dict[str, Place]:
    """Where the boxes stand: as wide as they like, else with narrow gaps, else narrow themselves; what runs stands below."""
    below = _below(picture)
    pairs = sorted({(link.source, link.target) for link in picture.links})

    def sizes(most: int) -> dict[str, tuple[int, int]]:
        found = {box.key: box.fit(most) for box in picture.boxes}
        for key, held in below.items():
            parts = [found[key], *(found.pop(one) for one in held)]
            found[key] = (
                max(width for width, _height in parts),
                sum(height + BELOW for _width, height in parts) - BELOW,
            )
        return found

    most, gap = WIDE, GAP[0]
    places = layout(sizes(most), pairs, gap=GAP, top=TOP)
    gaps = max((place.rank for place in places.values()), default=0)
    spare = max((place.x + place.width for place in places.values()), default=0) + 2 - PAGE
    if spare > 0 and gaps:
        gap = max(NARROW_GAP, GAP[0] - -(-spare // gaps))
        while spare - gaps * (GAP[0] - gap) > 0 and most > LEAST:
            most -= STEP
            spare = sum(_widths(places, sizes(most))) + gaps * GAP[0] + 2 - PAGE
        places = layout(sizes(most), pairs, gap=(gap, GAP[1]), top=TOP)
    return _apart(picture, places, below)


def _widths(places: dict[str, Place], sizes: dict[str, tuple[int, int]]) -> list[int]:
    """How wide each column of boxes is."""
    found: dict[int, int] = defaultdict(int)
    for key, place in places.items():
        found[place.rank] = max(found[place.rank], sizes[key][0])
    return list(found.values())


def _below(picture: Picture) -> dict[str, list[str]]:
    """What stands under a box instead of after it: where a version runs."""
    kinds = {box.key: box.kind for box in picture.boxes}
    found: dict[str, list[str]] = defaultdict(list)
    for link in picture.links:
        if kinds.get(link.target) == "deployment" and kinds.get(link.source) == "version":
            found[link.source].append(link.target)
    return dict(found)


def _apart(picture: Picture, places: dict[str, Place], below: dict[str, list[str]]) -> dict[str, Place]:
    """The places of boxes that were laid out as one."""
    heights = {box.key: box.head + (ROW * len(box.rows) + FOOT if box.rows else 0) for box in picture.boxes}
    found = dict(places)
    for key, held in below.items():
        whole = places[key]
        y = whole.y
        for one in [key, *held]:
            found[one] = Place(whole.x, y, whole.width, heights[one], whole.rank)
            y += heights[one] + BELOW
    return found


def _headings(picture: Picture, boxes: dict[str, Box], places: dict[str, Place], width: int) -> list[str]:
    """What stands above each column, and which jobs made it: in the gap before it, or beside the word where that is narrow."""
    columns: dict[int, list[str]] = defaultdict(list)
    for key, place in places.items():
        columns[place.rank].append(key)
    jobs: dict[int, set[str]] = defaultdict(set)
    for link in picture.links:
        if link.job and link.source in places and link.target in places:
            jobs[places[link.target].rank].add(link.job)
    starts = {rank: places[held[0]].x for rank, held in columns.items()}
    ends = {rank: max(places[key].x + places[key].width for key in held) for rank, held in columns.items()}
    found = []
    for rank, held in sorted(columns.items()):
        words = list(dict.fromkeys(boxes[key].heading for key in held if boxes[key].heading))[:2]
        made = jobs[rank]
        job = "" if not made else next(iter(made)) if len(made) == 1 else f"{len(made)} jobs"
        gap = starts[rank] - ends.get(rank - 1, starts[rank])
        if job and gap >= ROOMY:
            text = clean(shorten(job, gap - 16, letter=6.6))
            found.append(f'<text x="{ends[rank - 1] + 8}" y="16" font-size="12" fill="{NOTE}">{text}</text>')
        elif job:
            words.append(job)
        if words:
            room = starts.get(rank + 1, width) - starts[rank] - 8
            text = clean(shorten(" · ".join(words), room, letter=6.6))
            found.append(f'<text x="{starts[rank]}" y="16" font-size="12" fill="{NOTE}">{text}</text>')
    if found:
        found.append(f'<line x1="0" x2="{width}" y1="26" y2="26" stroke="{RULE}"/>')
    return found


class _Ends:
    """Where lines begin and end: at a column's row where it is drawn, else spread along the head of the box."""

    def __init__(self, boxes: dict[str, Box], places: dict[str, Place], links: list[Link]) -> None:
        self.boxes, self.places = boxes, places
        self.rows = {(box.key, row.name): index for box in boxes.values() for index, row in enumerate(box.rows)}
        self.arrivals: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            if (link.target, link.target_row) not in self.rows:
                self.arrivals[link.target].append(link)
        for held in self.arrivals.values():
            held.sort(key=lambda link: (self._start(link), link.source))

    def _row_y(self, key: str, row: str) -> float | None:
        index = self.rows.get((key, row))
        if index is None or key not in self.places:
            return None
        box = self.boxes[key]
        return self.places[key].y + box.head + ROW * index + ROW / 2

    def _start(self, link: Link) -> float:
        y = self._row_y(link.source, link.source_row)
        return y if y is not None else self.places[link.source].y + HEAD / 2 if link.source in self.places else 0.0

    def _end(self, link: Link) -> float:
        y = self._row_y(link.target, link.target_row)
        if y is not None:
            return y
        place, held = self.places[link.target], self.arrivals[link.target]
        room = place.height - 16 if not self.boxes[link.target].rows else HEAD - 14
        step = min(3.0, room / max(1, len(held)))
        middle = place.y + (place.height if not self.boxes[link.target].rows else HEAD) / 2
        return middle + (held.index(link) - (len(held) - 1) / 2) * step

    def line(self, link: Link) -> tuple[str, tuple[float, float]]:
        """The path of a link and its middle."""
        if link.source not in self.places or link.target not in self.places or link.source == link.target:
            return "", (0, 0)
        start, end = self.places[link.source], self.places[link.target]
        y1, y2 = self._start(link), self._end(link)
        colour = (
            f'stroke="{ACCENT}" stroke-width="3.5"' if link.is_followed else f'stroke="{EDGE}" {DASHES[link.basis]}'
        )
        if link.is_followed and link.basis != PROVEN:
            colour += ' stroke-dasharray="7 4"' if link.basis == DECLARED else ' stroke-dasharray="1.5 5"'
        if self.boxes[link.target].kind == "deployment":  # it stands below
            x, foot, top = start.x + start.width / 2, start.y + start.height, end.y
            arrow = f'<path d="M{x - 4:.0f} {top - 7}h8l-4 6z" fill="{EDGE}"/>'
            down = f'<path d="M{x:.0f} {foot}V{top - 6}" fill="none" stroke="{EDGE}" stroke-dasharray="5 4"/>'
            return down + arrow, (x, (foot + top) / 2)
        if start.rank >= end.rank:  # within a cycle: over the top
            x1, x2, top = start.x + start.width / 2, end.x + end.width / 2, min(start.y, end.y) - 14
            path = f"M{x1:.0f} {start.y}C{x1:.0f} {top} {x2:.0f} {top} {x2:.0f} {end.y}"
            return f'<path d="{path}" fill="none" {colour}/>', ((x1 + x2) / 2, top)
        x1, x2 = start.x + start.width, end.x
        middle = (x1 + x2) / 2
        path = f"M{x1} {y1:.1f}C{middle:.0f} {y1:.1f} {middle:.0f} {y2:.1f} {x2} {y2:.1f}"
        return f'<path d="{path}" fill="none" {colour}/>', (middle, (y1 + y2) / 2)


def _lock(x: float, y: float, is_followed: bool) -> str:
    stroke = ACCENT if is_followed else FRAME
    left = x - 44
    return (
        f'<g><rect x="{left:.1f}" y="{y - 12:.1f}" width="88" height="24" rx="12" fill="{GROUND}" stroke="{stroke}"/>'
        f'<path d="M{left + 11:.1f} {y - 1.5:.1f}h8v6h-8zM{left + 12.5:.1f} {y - 1.5:.1f}v-2a2.5 2.5 0 0 1 5 0v2" '
        f'fill="none" stroke="{stroke}" stroke-width="1.4"/>'
        f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" font-size="12" text-anchor="middle" fill="{INK}">masked</text></g>'
    )


def _drum(x: int, y: int) -> str:
    return (
        f'<g fill="none" stroke="{NOTE}" stroke-width="1.4"><ellipse cx="{x + 17}" cy="{y + 13}" rx="5.5" ry="2.2"/>'
        f'<path d="M{x + 11.5} {y + 13}v8c0 1.3 2.5 2.3 5.5 2.3s5.5-1 5.5-2.3v-8"/></g>'
    )


def _box(box: Box, place: Place) -> str:
    x, y, width, height = place.x, place.y, place.width, place.height
    if box.kind == "deployment":
        shape = f"M{x + 10} {y + 0.5}h{width - 20}l10 {height / 2}l-10 {height / 2 - 1}h-{width - 20}l-10 -{height / 2 - 1}z"
        frame = f'<path d="{shape}" fill="{GROUND}" stroke="{FRAME}"/>'
    else:
        look = (
            f'fill="{PICKED}" stroke="{ACCENT}" stroke-width="2"'
            if box.is_root
            else f'fill="{GROUND}" stroke="{FRAME}"'
        )
        frame = f'<rect x="{x + 0.5}" y="{y + 0.5}" width="{width - 1}" height="{height - 1}" rx="7" {look}/>'
    parts = [f"<g><title>{clean(box.title)}</title>{frame}", _drum(x, y) if box.kind == "dataset" else ""]
    for number, line in enumerate(box.lines):
        parts.append(
            f'<text x="{x + box.indent}" y="{y + 22 + LINE * number}" font-weight="600" fill="{INK}">{clean(line)}</text>'
        )
    below = y + box.head
    if box.subtitle:
        text = clean(shorten(box.subtitle, width - 24, letter=6.7))
        parts.append(f'<text x="{x + 14}" y="{below - 12}" font-size="12" fill="{NOTE}">{text}</text>')
    if box.rows:
        parts.append(f'<line x1="{x}" x2="{x + width}" y1="{below}" y2="{below}" stroke="{RULE}"/>')
    for index, row in enumerate(box.rows):
        parts.append(_row(row, x, below + ROW * index, width))
    return "".join(parts) + "</g>"


def _row(row: Row, x: int, y: int, width: int) -> str:
    said = "" if row.is_minor and (len(row.name) * LETTER + len(row.note) * 6.7 + 34 > width) else row.note
    note_width = len(said) * 6.7 + 10 if said else 0
    name = clean(shorten(row.name, width - 24 - note_width))
    colour = NOTE if row.is_quiet else INK
    picked = (
        f'<rect x="{x + 5}" y="{y + 5}" width="{width - 10}" height="22" rx="4" fill="{PICKED}"/>'
        if row.is_followed
        else ""
    )
    weight = ' font-weight="600"' if row.is_followed else ""
    note = (
        f'<text x="{x + width - 13}" y="{y + 20.5}" text-anchor="end" font-size="12" fill="{NOTE}">{clean(said)}</text>'
        if said
        else ""
    )
    return f'{picked}<text x="{x + 13}" y="{y + 20.5}" fill="{colour}"{weight}>{name}</text>{note}'

"""Names and bytes of C2SP tlog-tiles (https://c2sp.org/tlog-tiles). Pure.

A tile is up to 256 neighbouring hashes of one level; level 0 holds leaf hashes, each higher level the hashes of full tiles
below. A bundle holds the leaves themselves. Both are named `tile/<L>/<N>[.p/<W>]`, a bundle with `entries` for the level.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WIDTH = 256
HEIGHT = 8
HIGHEST = 63
LARGEST = 2**63 - 1
NAME = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class Tile:
    """Which hashes: level (None for a bundle of leaves), place in the level, and how many of its 256."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def name(self) -> str:
        """The address below `tile/`: 1234067 is written x001/x234/067."""
        digits = str(self.index)
        parts = [digits[max(end - 3, 0) : end].zfill(3) for end in range(len(digits), 0, -3)][::-1]
        spelled = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        level = "entries" if self.level is None else str(self.level)
        return f"{level}/{spelled}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def first(self) -> int:
        """The place of its first hash in the level."""
        return self.index * WIDTH

    @property
    def covers(self) -> int:
        """How many leaves the log needs to have for this tile to be complete."""
        return (self.first + self.width) << (HEIGHT * (self.level or 0))

    @classmethod
    def parse(cls, name: str) -> "Tile | None":
        """The tile with this name; None when no tile is spelled like that. Each tile has one spelling."""
        match = NAME.fullmatch(name)
        if match is None:
            return None
        level = None if match[1] == "entries" else int(match[1])
        index, width = int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH)
        tile = cls(level, index, width)
        is_one = tile.name == name and (level or 0) <= HIGHEST and width <= WIDTH and tile.covers <= LARGEST
        return tile if is_one else None


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a log with this many leaves, the partial ones at the right edge included."""
    yield from _row(None, size)
    level, count = 0, size
    while count:
        yield from _row(level, count)
        level, count = level + 1, count // WIDTH


def bundle(leaves: Iterable[bytes]) -> bytes:
    """The leaves of a bundle: each after its length in two bytes, most significant first."""
    return b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in leaves)


def _row(level: int | None, count: int) -> Iterator[Tile]:
    for index in range(count // WIDTH):
        yield Tile(level, index)
    if count % WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)

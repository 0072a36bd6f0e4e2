"""PMML text to elements: no document type, no entities, no depth or size without end."""

from dataclasses import dataclass, field
from functools import lru_cache
from xml.parsers import expat

DEEPEST = 200
MOST_ELEMENTS = 5_000_000
NAMESPACE = "http://www.dmg.org/PMML-4"


class Refused(ValueError):
    """A file that is not run. The text says why."""


@dataclass
class Element:
    """One element: its name, what its tag says, what stands inside it."""

    name: str
    said: dict[str, str]
    inner: list["Element"] = field(default_factory=list)
    text: str = ""

    def first(self, *names: str) -> "Element | None":
        """The first element inside with one of these names."""
        return next((part for part in self.inner if part.name in names), None)

    def all(self, *names: str) -> list["Element"]:
        """The elements inside with these names."""
        return [part for part in self.inner if part.name in names]

    def need(self, name: str) -> str:
        """What the tag says under a name that has to be there."""
        if name not in self.said:
            raise Refused(f"{self.name} lacks {name}")
        return self.said[name]

    def number(self, name: str, default: float | None = None) -> float:
        """The same as a number."""
        given = self.said.get(name)
        if given is None and default is not None:
            return default
        return as_number(self.need(name))


@lru_cache(maxsize=2**18)  # each row asks for the same ones again
def as_number(text: str) -> float:
    """A number of the file. Raises Refused for anything else."""
    try:
        return float(text)
    except ValueError:
        raise Refused(f"{text[:40]!r} stands where a number has to be") from None


class _Builder:
    """Takes what expat finds."""

    def __init__(self) -> None:
        self.top = Element("", {})
        self.open, self.count = [self.top], 0

    def start(self, name: str, said: dict[str, str]) -> None:
        space, _, bare = name.rpartition("}")
        if space and not space.startswith(NAMESPACE) and not self.in_extension:
            raise Refused(f"{bare[:40]} is of the namespace {space[:60]}, not of PMML 4")
        self.count += 1
        if len(self.open) > DEEPEST or self.count > MOST_ELEMENTS:
            raise Refused(f"it has more than {MOST_ELEMENTS:,} elements, or is nested deeper than {DEEPEST}")
        element = Element(bare, said)
        self.open[-1].inner.append(element)
        self.open.append(element)

    def end(self, name: str) -> None:
        self.open.pop()
        if self.open[-1].inner[-1].name == "Extension":  # tools write what they like there; it must not change a score
            self.open[-1].inner.pop()

    def characters(self, text: str) -> None:
        self.open[-1].text += text

    def doctype(self, *said: object) -> None:
        raise Refused("it declares a document type, in which entities can hide")

    @property
    def in_extension(self) -> bool:
        return any(part.name == "Extension" for part in self.open)


def read(content: bytes) -> Element:
    """The element PMML of these bytes. Raises Refused."""
    builder, parser = _Builder(), expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler, parser.buffer_text = builder.characters, True
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as broken:
        raise Refused(f"it is no well-formed XML: {broken}") from broken
    except (LookupError, UnicodeError) as broken:
        raise Refused("its encoding is not known") from broken
    found = builder.top.first("PMML")
    if found is None:
        raise Refused("its outermost element is not PMML")
    if not found.said.get("version", "").startswith("4"):
        raise Refused(f"it is PMML {found.said.get('version', 'without a version')[:20]}; version 4 is read")
    return found

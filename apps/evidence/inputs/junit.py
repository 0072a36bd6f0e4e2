"""Reads a report of tests in JUnit's XML. Entities and document types are refused, so nothing is expanded or fetched.

Names, outcomes and times are read; what a failing test printed is not, because it may hold anybody's data.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

MOST_BYTES = 5 * 1024 * 1024
MOST_CASES = 100_000
DEEPEST = 20
LONGEST_NAME = 200
OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}


class NotJUnit(ValueError):
    """The text is no report that can be read here. The message says why."""


@dataclass
class Case:
    """One test."""

    suite: str
    name: str
    seconds: float
    outcome: str = "succeeded"


@dataclass
class Report:
    """All tests of one report."""

    cases: list[Case] = field(default_factory=list)

    def count(self, outcome: str, suite: str | None = None) -> int:
        """Tests with this outcome, in one suite or in all."""
        return sum(case.outcome == outcome and suite in {None, case.suite} for case in self.cases)

    @property
    def suites(self) -> list[str]:
        """Names of suites in the order of the report."""
        return list(dict.fromkeys(case.suite for case in self.cases))


class _Reader:
    """Follows the elements of one report."""

    def __init__(self) -> None:
        self.report, self.path = Report(), list[str]()
        self.suites: list[str] = []
        self.case: Case | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > DEEPEST:
            raise NotJUnit(f"The report is nested deeper than {DEEPEST} elements.")
        if len(self.path) == 1 and name not in {"testsuites", "testsuite"}:
            raise NotJUnit(f"The report begins with <{name[:40]}>, not with <testsuites> or <testsuite>.")
        if name == "testsuite":
            self.suites.append(attributes.get("name", "")[:LONGEST_NAME] or "unnamed")
        elif name == "testcase":
            self._case(attributes)
        elif self.case is not None and name in OUTCOMES:
            self.case.outcome = OUTCOMES[name]

    def end(self, name: str) -> None:
        self.path.pop()
        if name == "testsuite":
            self.suites.pop()
        elif name == "testcase":
            self.case = None

    def _case(self, attributes: dict[str, str]) -> None:
        if len(self.report.cases) == MOST_CASES:
            raise NotJUnit(f"The report holds more than {MOST_CASES:,} tests.")
        known = [attributes.get(key, "") for key in ("classname", "name")]
        name = ".".join(part for part in known if part)[:LONGEST_NAME] or "unnamed"
        self.case = Case(self.suites[-1] if self.suites else "unnamed", name, _seconds(attributes.get("time", "")))
        self.report.cases.append(self.case)


def read(content: bytes) -> Report:
    """The tests of a report. Raises NotJUnit on anything that is not one, is too large, or declares types or entities."""
    if len(content) > MOST_BYTES:
        raise NotJUnit(f"The report is larger than {MOST_BYTES // 1024**2} MiB.")
    reader, parser = _Reader(), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as broken:
        raise NotJUnit(f"The report is no XML: {expat.ErrorString(broken.code)} in line {broken.lineno}.") from broken
    if not reader.report.cases:
        raise NotJUnit("The report holds no test.")
    return reader.report


def _refuse(*_declared: object) -> None:
    raise NotJUnit("The report declares a document type or an entity. Reports of tests need none, so it is not read.")


def _seconds(text: str) -> float:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return found if 0 <= found < 1e9 else 0.0

"""What a check is: a plan, counts per batch, a merge, and a finish that turns counts into facts. No ORM, no request, no verdict.

The engine (`apps.evidence.engine`) reads each dataset twice at most: once to see what the columns are, once for all checks
that were asked for together. Importing a check costs nothing; what it computes with is imported when it runs.
"""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

SEED = 20261101
SMALLEST_GROUP = 30
SMALLEST_COUNT = 10  # counts of 1 to this many are not shown


class Unmeasurable(Exception):
    """The check cannot measure here. The text says what is missing and who can supply it; `code` names the reason for programs."""

    def __init__(self, text: str = "", *, code: str = "") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Metric:
    """One number a check reports, under a name that rules and charts may use."""

    key: str
    label: str
    unit: str = ""
    digits: int = 3


@dataclass(frozen=True)
class Subject:
    """What a check sees of a version and of one dataset: the survey of its columns and what people declared."""

    name: str = ""
    role: str = ""
    rows: int = 0
    columns: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    prediction: str = ""
    score: str = ""
    positive: str = "1"
    threshold: float | None = None
    features: Sequence[str] = ()
    declared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seed: int = SEED
    reference: "Subject | None" = None
    """The dataset that this one is compared with, where a check compares two."""

    @property
    def protected(self) -> list[str]:
        """Declared protected attributes that this dataset has, in the order of its columns."""
        return [name for name in self.columns if self.declared.get(name, {}).get("is_protected")]

    @property
    def outcomes(self) -> set[str]:
        """Columns that are answers, not questions: target, prediction, score."""
        return {name for name in (self.target, self.prediction, self.score) if name}

    @property
    def inputs(self) -> list[str]:
        """The features that this dataset has; without a declared list, every column that is no outcome."""
        named = [name for name in self.features if name in self.columns]
        return named or [name for name in self.columns if name not in self.outcomes]

    def needs(self, *names: str) -> None:
        """Raise Unmeasurable unless every named column exists."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise Unmeasurable(
                f"{self.name} has no column {', '.join(missing)}. The developer registers the version with its data's columns.",
                code="NO_COLUMN",
            )


@dataclass(frozen=True)
class Tools:
    """What a finishing check may reach: the model's serving endpoint, and a way to say how far it is."""

    predict: Callable[[Mapping[str, Sequence[Any]]], Any] | None = None
    predict_anew: Callable[[Mapping[str, Sequence[Any]]], Any] | None = None
    """The same, but every row is sent, even one that was scored earlier in the run: for checks that time the endpoint."""
    artifact: Callable[[Mapping[str, Sequence[Any]]], Any] | None = None
    """Scores of the registered model file, which is opened when this is first called."""
    memory: Callable[[], float | None] | None = None
    """Bytes of memory that the serving system says it uses; None where it does not say."""
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    calls: Callable[[], dict[str, int]] = dict


@dataclass
class Result:
    """What a check found. `types` fills fields of the evidence catalogue; `takeaway` is the sentence read first."""

    takeaway: str
    types: dict[str, dict[str, Any]] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    method: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A small case with its answer, run by the tests."""

    rows: Sequence[Mapping[str, Any]] = ()
    reference: Sequence[Mapping[str, Any]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    subject: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    predict: Callable[[Mapping[str, Sequence[Any]]], Any] | None = None


class CheckParams:
    """Parameters of a check: class attributes with a type and a default. Everything else is refused by name."""

    TYPES: ClassVar[dict[Any, tuple[Callable[[Any], bool], str]]] = {
        int: (
            lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53,
            "a whole number",
        ),
        float: (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
        bool: (lambda value: isinstance(value, bool), "true or false"),
        str: (lambda value: isinstance(value, str) and len(value) <= 200, "a text of at most 200 characters"),
        list[str]: (
            lambda value: (
                isinstance(value, list) and len(value) <= 100 and all(isinstance(item, str) for item in value)
            ),
            "a list of at most 100 texts",
        ),
    }
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}
    WORDS: ClassVar[dict[str, tuple[str, str]]] = {}
    """What each is called where people choose it, and a sentence that says what it does or what leaving it empty means."""
    NAMES: ClassVar[dict[str, str]] = {}
    """What a value names, where it names something: "columns" of the data, "versions" of the model, "references" to compare with."""

    def __init__(self, **given: Any) -> None:
        for name in self.named():
            setattr(self, name, given.get(name, getattr(type(self), name)))

    @classmethod
    def named(cls) -> dict[str, Any]:
        """Parameter names with their types."""
        hints = typing.get_type_hints(cls)
        return {name: kind for name, kind in hints.items() if not name.isupper()}

    @classmethod
    def complaints(cls, given: Mapping[str, Any]) -> list[str]:
        """What is wrong with the values given, in sentences."""
        return [f"{name[:60]} {wrong}" for name, value in given.items() if (wrong := cls.complaint(name, value))]

    @classmethod
    def complaint(cls, name: str, value: Any) -> str:
        """What is wrong with one value, as the rest of a sentence that begins with its name; empty where nothing is."""
        kind = cls.named().get(name)
        if kind is None:
            return f"is no parameter of this check. Known: {', '.join(cls.named()) or 'none'}."
        if not cls.TYPES[kind][0](value):
            return f"must be {cls.expected(name)}."
        if name in cls.BOUNDS and not cls.BOUNDS[name][0] <= value <= cls.BOUNDS[name][1]:
            return f"must be {cls.expected(name)}, and {value:g} was given."
        return ""

    @classmethod
    def expected(cls, name: str) -> str:
        """What a value has to be: "a number from 0 to 1"."""
        words = cls.TYPES[cls.named()[name]][1]
        if name not in cls.BOUNDS:
            return words
        low, high = cls.BOUNDS[name]
        return f"{words} from {low:g} to {high:g}"

    @classmethod
    def label(cls, name: str) -> str:
        """What a parameter is called where people read it."""
        return cls.WORDS[name][0] if name in cls.WORDS else name.replace("_", " ").capitalize()

    @classmethod
    def described(cls) -> list[dict[str, Any]]:
        """Every parameter with its words, what it has to be, and its default."""
        return [
            {
                "name": name, "title": cls.label(name), "hint": cls.WORDS[name][1] if name in cls.WORDS else "",
                "expected": cls.expected(name), "names": cls.NAMES.get(name, ""), "default": getattr(cls, name),
            }
            for name in cls.named()
        ]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Every parameter with the value in force."""
        return {name: getattr(self, name) for name in self.named()}


class Check:
    """One question about a version. The class docstring says what it measures and names its source."""

    key: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = "1.0.0"
    order: ClassVar[int] = 50
    reads: ClassVar[tuple[str, ...]] = ("train", "test", "scored")
    """Roles of datasets it can read, best first. Empty: it reads what was declared, and no rows."""
    compares_with: ClassVar[tuple[str, ...]] = ()
    """Roles of the second dataset of a check that compares two, best first."""
    compares_versions: ClassVar[bool] = False
    """Whether it reads what another version of the model made of the same rows."""
    scores: ClassVar[bool] = False
    """Whether it asks the model's serving endpoint."""
    is_on_request: ClassVar[bool] = False
    """Whether it is left out of "required", because it answers a question that only some uses raise."""
    opens_artifact: ClassVar[bool] = False
    """Whether it runs the registered model file."""
    is_repeatable: ClassVar[bool] = True
    """Whether the same inputs give the same numbers; not so where time itself is measured."""
    fills: ClassVar[tuple[str, ...]] = ()
    metrics: ClassVar[tuple[Metric, ...]] = ()
    example: ClassVar[Example] = Example()

    class Params(CheckParams):
        """This check has no parameters."""

    @property
    def words(self) -> str:
        """What it measures and the source, in one line."""
        return " ".join((type(self).__doc__ or "").split())

    def can_read(self, roles: set[str], *, can_score: bool, can_compare: bool = False, can_open: bool = False) -> bool:
        """Whether a version with datasets in these roles has what the check reads."""
        has_rows = not self.reads or bool(roles & set(self.reads))
        has_second = not self.compares_with or bool(roles & set(self.compares_with))
        has_other = can_compare or not self.compares_versions
        has_file = can_open or not self.opens_artifact
        return has_rows and has_second and has_other and has_file and (can_score or not self.scores)

    @property
    def needs(self) -> str:
        """What a version must name for this check, in a sentence."""
        parts = ["a linked dataset"] if self.reads else []
        parts += [f"another dataset as {' or '.join(self.compares_with)}"] if self.compares_with else []
        parts += ["another version of the model that is scored"] if self.compares_versions else []
        parts += (
            ["a model file of ONNX, PMML, XGBoost or LightGBM that this server may read"] if self.opens_artifact else []
        )
        parts += ["a serving endpoint"] if self.scores else []
        return f"Needs {' and '.join(parts)}, which this version does not name." if parts else ""

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """The state of no rows: what to count, under `plan`, and empty counts. Raises Unmeasurable."""
        raise NotImplementedError

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """The state with one more batch."""
        return state

    def merge(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        """One state for the rows of both. Associative: any split, any order, any machine."""
        from apps.evidence.kernels import states

        return states.add(left, right)

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """Metrics, tables, chart specifications and the takeaway sentence. Raises Unmeasurable."""
        raise NotImplementedError

    def measured(self, **values: Any) -> list[dict[str, Any]]:
        """The declared metrics with their values; (value, low, high) carries an interval. What was not measured is left out."""
        found = []
        for metric in self.metrics:
            if values.get(metric.key) is None:
                continue
            value = values[metric.key]
            low, high = None, None
            if isinstance(value, tuple):
                value, low, high = value
            if value is None:
                continue
            row = {"key": metric.key, "label": metric.label, "unit": metric.unit, "digits": metric.digits}
            found.append({**row, "value": value, "low": low, "high": high})
        return found


def label(value: Any) -> str:
    """A class label as text: 1 and true are the same in CSV and JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def whole(count: int) -> str:
    """A count for sentences: thin groups of three."""
    return f"{count:,}".replace(",", "\u202f")


def table(
    key: str, title: str, columns: Sequence[tuple[Any, ...]], rows: Sequence[Mapping[str, Any]], note: str = ""
) -> dict[str, Any]:
    """A table: columns are (key, label, kind[, digits]), kind one of text, count, number, share, interval, digest."""
    named = [{"key": column[0], "label": column[1], "kind": column[2], "digits": (*column, 3)[3]} for column in columns]
    return {"key": key, "title": title, "note": note, "columns": named, "rows": [dict(row) for row in rows]}


def figure(key: str, title: str, takeaway: str, spec: dict[str, Any], table_key: str) -> dict[str, Any]:
    """A figure: a Vega-Lite specification, the sentence it shows, and the table with the same numbers."""
    return {"key": key, "title": title, "takeaway": takeaway, "spec": spec, "table": table_key}

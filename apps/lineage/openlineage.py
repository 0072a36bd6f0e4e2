"""Read OpenLineage events: strict JSON, strict core, nothing about facet contents. Pure; no Django, no network.

The core is checked with our own small schema, kind by kind, so that a refusal names the one field that is wrong.
Facets are only required to be objects that say who made them; what is inside is read by ``facets`` and never refuses an event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs

MAX_DEPTH = 100
FUTURE = timedelta(minutes=5)
PHASES = {"START": 0, "OTHER": 1, "RUNNING": 2, "COMPLETE": 3, "ABORT": 3, "FAIL": 3}
TERMINAL = frozenset({"COMPLETE", "ABORT", "FAIL"})

UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ZONE_ID = re.compile(r"\[[^\]]*\]$")
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))


class Malformed(ValueError):
    """The event cannot be taken; ``pointer`` is the JSON pointer of what is wrong."""

    def __init__(self, detail: str, pointer: str = "", code: str = "event_invalid") -> None:
        super().__init__(detail)
        self.detail, self.pointer, self.code = detail, pointer, code


@dataclass(frozen=True)
class Event:
    """One core-valid event: its parsed body, its exact bytes and what identifies it."""

    body: dict[str, Any]
    raw: bytes
    digest: str
    kind: str
    event_type: str
    at: datetime
    marks: tuple[str, ...]

    @property
    def run_id(self) -> str:
        """The run's UUID in lower case, or '' for an event without a run."""
        return self.body["run"]["runId"].lower() if self.kind == "run" else ""


# ---------- the core schema, ours


def _facets(extra: dict[str, Any] | None = None) -> dict[str, Any]:
    facet = {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": {"type": "string"}, "_schemaURL": {"type": "string"}, **(extra or {})},
    }
    return {"type": "object", "additionalProperties": facet}


DELETABLE = {"_deleted": {"type": "boolean"}}


def _named(extra: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["namespace", "name"],
        "properties": {
            "namespace": {"type": "string"},
            "name": {"type": "string"},
            "facets": _facets(DELETABLE),
            **(extra or {}),
        },
    }


def _event(required: list[str], properties: dict[str, Any]) -> Any:
    base = {name: {"type": "string"} for name in ("eventTime", "producer", "schemaURL")}
    schema = {"type": "object", "required": [*base, *required], "properties": {**base, **properties}}
    return jsonschema_rs.Draft202012Validator(schema)


_JOB_PARTS = {
    "job": _named(),
    "inputs": {"type": "array", "items": _named({"inputFacets": _facets()})},
    "outputs": {"type": "array", "items": _named({"outputFacets": _facets()})},
}
_RUN_PARTS = {
    "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
    "run": {
        "type": "object",
        "required": ["runId"],
        "properties": {"runId": {"type": "string"}, "facets": _facets()},
    },
}
VALIDATORS = {
    "run": _event(["run", "job"], {**_JOB_PARTS, **_RUN_PARTS}),
    "job": _event(["job"], _JOB_PARTS),
    "dataset": _event(["dataset"], {"dataset": _named()}),
}


# ---------- JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"The key {twice[:80]!r} stands twice in one object.", code="json_invalid")
    return found


def _constant(word: str) -> Any:
    raise Malformed(f"{word} is not a JSON number.", code="json_invalid")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Malformed(f"The number {text[:40]} is out of range.", code="json_invalid")
    return number


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _text(raw: bytes) -> str:
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        depth = deepest = 0
        for bracket in STRING.sub(b"", raw).translate(None, NOT_BRACKETS):
            depth += 1 if bracket in b"[{" else -1
            deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            raise Malformed(f"The JSON is nested {deepest} deep; at most {MAX_DEPTH} is read.", code="json_too_deep")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 at byte {error.start}.", code="json_invalid") from None


def _decode(text: str, start: int = 0) -> tuple[Any, int]:
    try:
        return DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        detail = f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        raise Malformed(detail, code="json_invalid") from None
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed("The JSON holds a number or a nesting that cannot be read.", code="json_invalid") from None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def load(raw: bytes) -> Any:
    """The JSON value of the bytes. Refused: double keys, NaN, infinities, more than 100 levels, anything after the value."""
    text = _text(raw)
    value, end = _decode(text, _skip(text, 0))
    if _skip(text, end) != len(text):
        raise Malformed(f"Something follows the JSON value at character {end}.", code="json_invalid")
    return value


def split_batch(raw: bytes) -> list[tuple[Any, bytes]]:
    """The elements of a batch with the exact bytes of each: an array, ``{"events": [...]}`` or one bare event."""
    text = _text(raw)
    start = _skip(text, 0)
    if text[start : start + 1] == "{":
        value = load(raw)
        if not (isinstance(value, dict) and isinstance(value.get("events"), list)):
            return [(value, raw.strip())]
        return [
            (item, json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass")) for item in value["events"]
        ]
    if text[start : start + 1] != "[":
        raise Malformed("A batch is a JSON array of events.", code="json_invalid")
    return list(_elements(text, start + 1))


def _elements(text: str, at: int) -> Iterator[tuple[Any, bytes]]:
    at = _skip(text, at)
    if text[at : at + 1] == "]" and _skip(text, at + 1) == len(text):
        return
    while True:
        value, end = _decode(text, at)
        yield value, text[at:end].encode()
        at = _skip(text, end)
        closing = text[at : at + 1]
        at = _skip(text, at + 1)
        if closing == "]" and at == len(text):
            return
        if closing != ",":
            raise Malformed(f"The array of events breaks off at character {at}.", code="json_invalid")


# ---------- the event


def read(raw: bytes, *, now: datetime) -> Event:
    """The event in these bytes, or Malformed with the pointer of what is wrong."""
    return check(load(raw), raw, now=now)


def check(body: Any, raw: bytes, *, now: datetime) -> Event:
    """The event that this parsed value is, after the core rules."""
    kind = _kind(body)
    error = next(iter(VALIDATORS[kind].iter_errors(body)), None)
    if error is not None:
        raise Malformed(_sentence(error.message), pointer(error.instance_path))
    _refuse_unstorable(body)
    if kind == "run" and not UUID_FORM.fullmatch(body["run"]["runId"]):
        raise Malformed(f"{body['run']['runId'][:80]!r} is not a UUID.", "/run/runId")
    return describe(body, raw, now=now)


def describe(body: dict[str, Any], raw: bytes, *, now: datetime) -> Event:
    """The event that a value was found to be when it was taken in at `now`."""
    kind = _kind(body)
    at, marks = parse_time(body["eventTime"])
    if at > now + FUTURE:
        marks += ("future",)
    event_type = body.get("eventType", "OTHER") if kind == "run" else ""
    return Event(body, raw, digest(body, at), kind, event_type, at, marks)


def _kind(body: Any) -> str:
    if not isinstance(body, dict):
        raise Malformed("An event is a JSON object.", code="event_invalid")
    if "dataset" in body and ("run" in body) != ("job" in body):
        if "job" in body:
            raise Malformed("An event holds a dataset or a job, not both.", "/dataset")
        return "dataset"
    if "run" in body:
        return "run"
    if "dataset" in body:
        return "dataset"
    if "job" in body:
        return "job"
    raise Malformed("The event has neither run and job, nor job, nor dataset.", "")


def pointer(path: Any) -> str:
    """The JSON pointer (RFC 6901) of a path."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _sentence(message: str) -> str:
    text = message if len(message) <= 300 else message[:140] + " … " + message[-140:]
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _refuse_unstorable(body: dict[str, Any]) -> None:
    """Names identify rows, so they must be text that the database can hold; lone surrogates cannot be sent on at all."""
    for path, value in _names(body):
        if "\x00" in value:
            raise Malformed("A name holds a NUL character.", path)
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("A text holds half of a surrogate pair.", code="json_invalid") from None


def _names(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "/producer", body["producer"]
    yield "/schemaURL", body["schemaURL"]
    for part in ("job", "dataset"):
        if isinstance(body.get(part), dict):
            yield f"/{part}/namespace", str(body[part].get("namespace", ""))
            yield f"/{part}/name", str(body[part].get("name", ""))
    for side in ("inputs", "outputs"):
        items = body.get(side)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, dict):
                yield f"/{side}/{index}/namespace", str(item.get("namespace", ""))
                yield f"/{side}/{index}/name", str(item.get("name", ""))


def parse_time(text: str) -> tuple[datetime, tuple[str, ...]]:
    """The moment in UTC, and ("no_zone",) where the producer gave no zone (taken as UTC)."""
    plain = ZONE_ID.sub("", text.strip())
    try:
        if "T" not in plain.upper() and " " not in plain:
            raise ValueError
        moment = datetime.fromisoformat(plain)
        marks: tuple[str, ...] = ()
        if moment.tzinfo is None:
            moment, marks = moment.replace(tzinfo=UTC), ("no_zone",)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{text[:80]!r} is not a date and time.", "/eventTime") from None
    if not 1970 <= moment.year <= 9000:
        raise Malformed(f"{text[:80]!r} lies outside the years 1970 to 9000.", "/eventTime")
    return moment, marks


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def canonical(value: Any) -> str:
    """One text for equal values: sorted keys, no spaces, no nulls."""
    return json.dumps(_without_nulls(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(body: dict[str, Any], at: datetime) -> str:
    """The identity of an event: the same event sent again has the same digest, however it was written down."""
    moment = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return "sha256:" + hashlib.sha256(canonical({**body, "eventTime": moment}).encode()).hexdigest()

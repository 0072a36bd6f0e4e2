"""Strict at the core, lenient at facets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.lineage import facets, openlineage
from tests.lineage.conftest import CORPUS, corpus_events, dataset, facet, needs_corpus, raw, run_event

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(event: Any) -> openlineage.Event:
    """The event."""
    return openlineage.read(event if isinstance(event, bytes) else raw(event), now=NOW)


@needs_corpus
def test_our_core_and_the_official_one_agree_on_the_corpus() -> None:
    official = jsonschema_rs.Draft202012Validator(json.loads((CORPUS / "spec" / "OpenLineage.json").read_text()))
    differing = []
    for body in corpus_events("real", "filled", "generated", "invalid", "partial"):
        try:
            read(body)
            ours = True
        except openlineage.Malformed as wrong:
            ours = (
                wrong.pointer == "/run/runId" and "UUID" in wrong.detail
            )  # the official schema does not look at formats
        if ours != official.is_valid(json.loads(body)):
            differing.append(body[:200])
    assert differing == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a": 1, "a": 2}', "json_invalid"),
        (b'{"a": NaN}', "json_invalid"),
        (b'{"a": 1e999}', "json_invalid"),
        (b'{"a": 1} x', "json_invalid"),
        (b"\xff", "json_invalid"),
        (b"[" * 101 + b"]" * 101, "json_too_deep"),
        (b'{"a":' * 100_000, "json_too_deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json_invalid"),
        (b'{"a": "\\ud800"}', "event_invalid"),
        (b"[]", "event_invalid"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(openlineage.Malformed) as refused:
        read(body)
    assert refused.value.code == code


def test_brackets_in_strings_are_not_depth() -> None:
    assert read(run_event(job_facets={"sql": facet(query="[" * 500 + '\\"' + "{" * 500)})).kind == "run"


@pytest.mark.parametrize(
    ("text", "iso", "marks"),
    [
        ("2026-02-01T08:00:00Z", "2026-02-01T08:00:00+00:00", ()),
        ("2026-02-01T08:00:00.123456789Z", "2026-02-01T08:00:00.123456+00:00", ()),
        ("2026-02-01T09:00:00+01:00", "2026-02-01T08:00:00+00:00", ()),
        ("2026-02-01T08:00:00", "2026-02-01T08:00:00+00:00", ("no_zone",)),
        ("2026-02-01T08:00:00Z[UTC]", "2026-02-01T08:00:00+00:00", ()),
    ],
)
def test_times_of_real_producers_are_read(text: str, iso: str, marks: tuple[str, ...]) -> None:
    moment, found = openlineage.parse_time(text)
    assert (moment.isoformat(), found) == (iso, marks)


@pytest.mark.parametrize("text", ["", "2026-02-01", "0001-01-01T00:00:00+14:00", "1738396800", "2026-02-30T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(openlineage.Malformed):
        openlineage.parse_time(text)


def test_a_time_in_the_future_is_marked_and_kept() -> None:
    assert read(run_event(at="2026-03-02T00:00:00Z")).marks == ("future",)


def test_the_same_event_written_differently_has_the_same_digest() -> None:
    event = run_event(at="2026-02-01T08:00:00Z")
    other = dict(reversed(event.items())) | {"eventTime": "2026-02-01T09:00:00.000+01:00", "extra": None}
    assert read(event).digest == read(other).digest
    assert read(event).digest != read(run_event(at="2026-02-01T08:00:01Z")).digest


def test_an_unknown_facet_is_kept_byte_for_byte() -> None:
    body = raw(run_event(run_facets={"my_facet": facet(odd=[1.10, "ü", None])}))
    assert read(body).raw == body


def test_a_dataset_and_a_job_in_one_event_are_refused() -> None:
    base = {"eventTime": "2026-02-01T08:00:00Z", "producer": "p", "schemaURL": "s"}
    with pytest.raises(openlineage.Malformed):
        read({**base, "dataset": {"namespace": "n", "name": "x"}, "job": {"namespace": "n", "name": "j"}})


def test_a_batch_keeps_the_bytes_of_each_event() -> None:
    first, second = raw(run_event()), b'{"b" : 1.10}'
    pieces = [piece for _, piece in openlineage.split_batch(b" [" + first + b" ,\n" + second + b"]\n")]
    assert pieces == [first, second]


@given(st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()), max_size=4))
def test_every_array_is_split_into_its_elements(items: list[Any]) -> None:
    text = json.dumps(items).encode()
    assert [value for value, _ in openlineage.split_batch(text)] == items


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("dataset", "schema", {"fields": "x"}),
        ("dataset", "schema", {"fields": [{"type": "INT"}]}),
        ("dataset", "columnLineage", {"fields": {"x": {"inputFields": [{"name": "a"}]}}}),
        (
            "dataset",
            "columnLineage",
            {"fields": {"x": {"inputFields": [{"namespace": "n", "name": "a", "field": ""}]}}},
        ),
        ("dataset", "version", {"datasetVersion": 3}),
        ("dataset", "symlinks", {"identifiers": [{"name": "a"}]}),
        ("job", "lineage", {"entries": [{"type": "TABLE"}]}),
        ("run", "extractionError", {"totalTasks": "2"}),
    ],
)
def test_a_facet_that_cannot_be_read_is_marked(place: str, name: str, value: Any) -> None:
    assert facets.interpret(place, name, {**facet(), **value})[0] == facets.INVALID


def test_nested_columns_become_paths() -> None:
    nested = {"fields": [{"name": "a", "fields": [{"name": "b", "fields": [{"name": "c"}]}]}]}
    assert [row[0] for row in facets.read_schema(nested)] == ["a", "a.b", "a.b.c"]


@given(
    st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
)
def test_no_facet_content_breaks_a_reader(value: dict[str, Any]) -> None:
    for place, readers in facets.READERS.items():
        for name in readers:
            for key in ("fields", "dataset", "entries", "inputs", "identifiers", "run", "job"):
                facets.interpret(place, name, {**value, key: list(value.values())})
                facets.interpret(place, name, {**value, key: value})


def test_a_run_of_real_size_is_read_fast() -> None:
    event = raw(run_event(outputs=[dataset(f"t{number}") for number in range(500)]))
    assert read(event).kind == "run"

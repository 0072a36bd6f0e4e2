"""The merge laws: commutative, associative, idempotent, and what the joined state means."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.lineage import merge, openlineage
from tests.lineage.conftest import dataset, facet, lineage_of, raw, run_event, source, way

NOW = datetime(2026, 3, 1, tzinfo=UTC)
names = st.sampled_from(["a", "b", "c"])
times = st.integers(0, 5).map(lambda n: f"2026-02-01T08:00:0{n}Z")
flows = st.lists(st.builds(source, names, st.sampled_from(["x", "y"])), max_size=3)


@st.composite
def datasets(draw: Any) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    if draw(st.booleans()):
        facets["columnLineage"] = lineage_of(x=draw(flows))
    if draw(st.booleans()):
        facets["version"] = facet(datasetVersion=draw(st.sampled_from(["1", "2"])))
    if draw(st.booleans()):
        facets["columnLineage"] = facet(_deleted=True)
    return dataset(draw(names), **facets)


@st.composite
def events(draw: Any) -> openlineage.Event:
    job_facets: dict[str, Any] = {}
    if draw(st.integers(0, 5)) == 0:
        entry = {"type": "DATASET", "namespace": "n", "name": draw(names), "inputs": []}
        job_facets["lineage"] = facet(entries=[entry])
    if draw(st.integers(0, 5)) == 0:
        content = facet(eventContentMode="COMPLETE_SNAPSHOT")
        job_facets["jobType"] = facet(processingType="STREAMING", integration="X", emissionPattern=content)
    body = run_event(
        draw(st.sampled_from(["START", "RUNNING", "OTHER", "COMPLETE", "FAIL", "ABORT"])),
        at=draw(times),
        inputs=draw(st.lists(datasets(), max_size=2)),
        outputs=draw(st.lists(datasets(), max_size=2)),
        job_facets=job_facets,
    )
    return openlineage.read(raw(body), now=NOW)


def joined(found: list[openlineage.Event]) -> str:
    """The joined state as text."""
    return json.dumps(functools.reduce(merge.join, map(merge.state_of, found)), sort_keys=True)


def state(*bodies: dict[str, Any]) -> merge.State:
    """The joined state of these events."""
    return functools.reduce(merge.join, (merge.state_of(openlineage.read(raw(body), now=NOW)) for body in bodies))


@given(st.lists(events(), min_size=1, max_size=6), st.randoms())
def test_order_and_repetition_do_not_matter(found: list[openlineage.Event], random: Any) -> None:
    shuffled = [*found, *found]
    random.shuffle(shuffled)
    assert joined(found) == joined(shuffled) == joined(found[::-1])


@given(events(), events(), events())
def test_grouping_does_not_matter(one: Any, two: Any, three: Any) -> None:
    a, b, c = (merge.state_of(event) for event in (one, two, three))
    assert merge.join(merge.join(a, b), c) == merge.join(a, merge.join(b, c))


@given(st.lists(events(), min_size=1, max_size=4))
def test_a_stored_state_goes_on_where_it_stopped(found: list[openlineage.Event]) -> None:
    stored = json.loads(joined(found[:1]))
    rest = functools.reduce(merge.join, map(merge.state_of, found), stored)
    assert json.dumps(rest, sort_keys=True) == joined(found)
    merge.edges(rest)
    merge.written(rest)


def test_a_start_without_inputs_takes_nothing_away() -> None:
    whole = state(run_event("COMPLETE", inputs=[dataset("a")], outputs=[dataset("b")]), run_event("START"))
    assert {(edge.source[1], edge.target[1]) for edge in merge.edges(whole).datasets} == {("a", "b")}


def test_a_late_running_event_never_reopens_a_run() -> None:
    done = state(run_event("COMPLETE", at="2026-02-01T08:00:00Z"), run_event("RUNNING", at="2026-02-01T09:00:00Z"))
    assert merge.run_state(done) == "complete"


def test_the_later_of_two_ends_wins_and_both_are_remembered() -> None:
    ended = state(run_event("COMPLETE", at="2026-02-01T08:00:00Z"), run_event("FAIL", at="2026-02-01T09:00:00Z"))
    assert merge.run_state(ended) == "fail"
    assert ended["terminals"] == ["COMPLETE", "FAIL"]


def test_no_upstream_is_a_fact_and_absence_is_not() -> None:
    entry = {"type": "DATASET", "namespace": "n", "name": "x", "inputs": []}
    known = state(run_event(outputs=[dataset("x", "n")], job_facets={"lineage": facet(entries=[entry])}))
    unknown = state(run_event(outputs=[dataset("x", "n")]))
    assert merge.edges(known).without_upstream == {("n", "x")}
    assert not merge.edges(unknown).without_upstream


def test_a_snapshot_run_shows_its_newest_window() -> None:
    mode = facet(processingType="STREAMING", integration="X", emissionPattern={"eventContentMode": "COMPLETE_SNAPSHOT"})
    streaming = state(
        run_event(
            "RUNNING",
            at="2026-02-01T08:00:00Z",
            inputs=[dataset("a")],
            outputs=[dataset("x")],
            job_facets={"jobType": mode},
        ),
        run_event("RUNNING", at="2026-02-01T09:00:00Z", inputs=[dataset("b")], outputs=[dataset("x")]),
    )
    assert {edge.source[1] for edge in merge.edges(streaming).datasets} == {"b"}


def test_an_input_that_is_in_every_column_is_kept_once() -> None:
    join = way("INDIRECT", "JOIN")
    facets = lineage_of(x=[source("a", "id", join), source("a", "x", way())], y=[source("a", "id", join)])
    edges = merge.edges(state(run_event(inputs=[dataset("a")], outputs=[dataset("b", columnLineage=facets)])))
    assert {(edge.field, edge.column, edge.type) for edge in edges.fields} == {
        ("id", "", "INDIRECT"),
        ("x", "x", "DIRECT"),
    }


def test_the_older_words_for_masking_are_understood() -> None:
    old = facet(
        fields={
            "x": {"inputFields": [source("a", "x")], "transformationType": "MASKED", "transformationDescription": "sha"}
        }
    )
    edges = merge.edges(state(run_event(inputs=[dataset("a")], outputs=[dataset("b", columnLineage=old)])))
    assert [(edge.type, edge.is_masked) for edge in edges.fields] == [("DIRECT", True)]


@pytest.mark.parametrize("statistics", [None, facet(rowCount=3)])
def test_a_failed_run_counts_only_where_it_wrote(statistics: Any) -> None:
    out = dataset("b")
    if statistics:
        out["outputFacets"] = {"outputStatistics": statistics}
    failed = state(run_event("FAIL", inputs=[dataset("a")], outputs=[out]))
    assert bool(merge.written(failed)) is bool(statistics)

"""Where a version comes from, what its features come from, who is hit."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.lineage import queries, services
from apps.lineage.models import Edge, NameAlias
from tests import factories
from tests.lineage.conftest import (
    columns,
    credit_events,
    credit_version,
    dataset,
    facet,
    lineage_of,
    project,
    run_event,
    source,
    way,
)

pytestmark = pytest.mark.django_db
WAREHOUSE = "postgres://warehouse:5432"


def node(name: str, column: str = "", namespace: str = WAREHOUSE) -> queries.Node:
    """The node of a dataset or of its column."""
    text = f"datasetField:{namespace}:{name}:{column}" if column else f"dataset:{namespace}:{name}"
    return queries.find_node(text, user=None)


@pytest.fixture
def version() -> Any:
    """A version with its pipeline in the graph."""
    project(*credit_events())
    return credit_version()


def classify(name: str, column: str, classification: str, **more: Any) -> None:
    """Declare what a column holds."""
    Field.objects.filter(dataset__name=name, path=column).update(
        classification=classification, is_declared=True, **more
    )


def test_the_closure_holds_every_dataset_upstream_with_the_state_that_was_read(version: Any) -> None:
    closure = queries.upstream(version)
    found = {source.dataset.name: source.depth for source in closure.sources.values()}
    assert found == {"features": 1, "customers": 2, "applications": 2, "balances": 2}
    features = next(item for item in closure.sources.values() if item.dataset.name == "features")
    assert [read.version.key for read in features.versions] == ["12"]
    assert features.roles == ["train", "run"]


def test_every_dataset_of_the_closure_has_a_judged_subject(version: Any) -> None:
    subjects = queries.closure_subjects(version)
    closure = queries.upstream(version)
    assert len(subjects) >= len(closure.sources)
    assert all(subject.startswith("dataset_version:") for subject in subjects)


def test_features_are_proven_assumed_or_opaque(version: Any) -> None:
    found = {item.name: item for item in queries.feature_lineage(version)}
    assert found["job"].basis == "proven"
    assert [origin.label for origin in found["job"].sources] == ["customers · job"]
    assert found["age_band"].masked and found["age_band"].basis == "proven"
    assert not found["job"].masked
    assert found["checking_account"].basis == "assumed"
    assert [origin.label for origin in found["checking_account"].sources] == ["balances · checking_account"]
    assert found["invented"].basis == "opaque"
    assert [origin.path for origin in found["job"].influences] == ["customer_id"]


def test_confidence_is_a_sentence(version: Any) -> None:
    said = queries.confidence(version)
    assert said.total == 7
    assert said.sentence == ("6 of 7 features are traced to a source: 5 proven, 1 assumed, 1 opaque")


def test_lineage_by_hand_is_declared(version: Any) -> None:
    steward = factories.person("data_steward")
    balances, features = (Dataset.objects.get(name=name) for name in ("balances", "features"))
    services.declare_edge(
        balances,
        features,
        columns=[("checking_account", "checking_account", False)],
        description="Nightly export",
        actor=steward,
    )
    now = queries.upstream(version, as_of=datetime.now(UTC) + timedelta(minutes=1))
    later = {item.name: item for item in queries.feature_lineage(version, now)}
    assert later["checking_account"].basis == "declared"
    assert later["checking_account"].how == "Nightly export"


def test_a_masked_column_leaves_a_masked_classification(version: Any) -> None:
    classify("customers", "age", "personal")
    closure = queries.upstream(version)
    verdict = {closure.fields[pk].path: verdict for pk, verdict in closure.verdicts.items()}
    assert verdict["age_band"].is_masked and verdict["age_band"].is_inherited
    assert verdict["age_band"].classification == "personal"
    assert "job" not in verdict


def test_a_person_may_refute_a_classification(version: Any) -> None:
    classify("customers", "job", "personal")
    classify("features", "job", "none")
    closure = queries.upstream(version)
    assert "job" not in {
        closure.fields[pk].path for pk in closure.verdicts if closure.fields[pk].dataset.name == "features"
    }


def test_a_nightly_rebuild_does_not_change_what_a_version_came_from(version: Any) -> None:
    before = queries.closure_subjects(version)
    later = run_event(
        run="build-13",
        job="build_features",
        at="2030-02-02T08:01:00Z",
        inputs=[dataset("other")],
        outputs=[dataset("features", version=facet(datasetVersion="13"))],
    )
    project(later)
    assert queries.closure_subjects(version) == before


def test_lineage_that_arrives_after_the_version_still_counts() -> None:
    version = credit_version()
    for event in credit_events():
        project({**event, "eventTime": event["eventTime"].replace("2026", "2030")})
    assert {item.dataset.name for item in queries.upstream(version).sources.values()} >= {"features", "customers"}


def test_impact_names_versions_with_path_and_deployments(version: Any) -> None:
    place = factories.environment("prod", is_production=True)
    factories.deployment(version, place, "active")
    found = queries.impact(node("customers"))
    assert [hit.version for hit in found.hits] == [version]
    assert found.hits[0].path == [f"dataset:{WAREHOUSE}:customers", f"dataset:{WAREHOUSE}:features"]
    assert found.hits[0].basis == "column"
    assert [row.environment for row in found.hits[0].deployments] == [place]
    assert found.completeness.is_known


def test_impact_of_a_column_follows_the_column(version: Any) -> None:
    assert [hit.strength for hit in queries.impact(node("customers", "age")).hits] == ["certain"]
    assert [hit.strength for hit in queries.impact(node("customers", "customer_id")).hits] == ["possible"]
    assert queries.impact(node("customers", "sex")).hits == []


def test_impact_of_one_state_of_a_dataset_follows_the_runs_that_read_it(version: Any) -> None:
    assert [hit.version for hit in queries.impact(node("features"), version="12").hits] == [version]
    other = DatasetVersion.objects.create(
        dataset=Dataset.objects.get(name="features"), key="13", origin="declared", valid_from="2030-01-01T00:00:00Z"
    )
    assert queries.impact(node("features"), version=other.key).hits == []


def test_impact_hides_what_a_reader_may_not_see(version: Any) -> None:
    outsider = factories.person("developer", use_case="another-case")
    found = queries.impact(node("customers"), user=outsider)
    assert (found.hits, found.hidden) == ([], 1)


def test_a_renamed_dataset_is_found_under_its_old_name() -> None:
    project(
        run_event(run="r1", inputs=[dataset("raw")], outputs=[dataset("old")], at="2026-01-01T00:00:00Z"),
        run_event(run="r2", job="use", inputs=[dataset("new")], outputs=[dataset("mart")], at="2026-01-03T00:00:00Z"),
        run_event(
            run="r3",
            job="rename",
            at="2026-01-02T00:00:00Z",
            outputs=[
                dataset(
                    "new",
                    lifecycleStateChange=facet(
                        lifecycleStateChange="RENAME", previousIdentifier={"namespace": WAREHOUSE, "name": "old"}
                    ),
                )
            ],
        ),
    )
    found = queries.graph(node("raw"), direction="down", depth=3)
    assert {row.name for row in found.datasets.values()} == {"raw", "new", "mart"}


def test_a_location_that_two_tables_claim_ties_none_of_them() -> None:
    def table(name: str) -> dict[str, Any]:
        links = facet(identifiers=[{"namespace": "s3://lake", "name": "landing", "type": "LOCATION"}])
        return dataset(name, symlinks=links)

    project(run_event(run="a", outputs=[table("one")]))
    assert NameAlias.objects.get().is_shared is False
    project(run_event(run="b", outputs=[table("two")]))
    assert set(NameAlias.objects.values_list("is_shared", flat=True)) == {True}


def test_a_tie_can_be_undone_and_stays_undone() -> None:
    linked = dataset("one", symlinks=facet(identifiers=[{"namespace": "s3://lake", "name": "one", "type": "TABLE"}]))
    project(run_event(run="a", inputs=[dataset("src")], outputs=[linked]))
    assert len(queries.graph(node("one", namespace="s3://lake")).datasets) == 2
    steward = factories.person("data_steward")
    services.undo_same(NameAlias.objects.get().pk, reason="Another table", actor=steward)
    project(run_event(run="b", inputs=[dataset("src")], outputs=[linked], at="2026-03-01T00:00:00Z"))
    assert len(queries.graph(node("one", namespace="s3://lake")).datasets) == 1


def test_a_cycle_ends(version: Any) -> None:
    project(
        run_event(run="m", job="merge", inputs=[dataset("features")], outputs=[dataset("customers")]),
        run_event(run="n", job="self", inputs=[dataset("features")], outputs=[dataset("features")]),
    )
    assert [hit.version for hit in queries.impact(node("customers")).hits] == [version]
    ElementTree.fromstring(queries.drawing(queries.graph(node("customers"), depth=5)))


def test_names_with_colons_are_found_by_the_longest_namespace() -> None:
    project(run_event(outputs=[dataset("b:c", "a"), dataset("c", "a:b"), dataset("models:/x/1", "mlflow://t:5000")]))
    assert queries.find_node("dataset:a:b:c", user=None).dataset.namespace == "a:b"
    assert queries.find_node("dataset:mlflow://t:5000:models:/x/1", user=None).dataset.name == "models:/x/1"


def test_very_long_names_stay_apart() -> None:
    long = "x" * 5000
    project(run_event(outputs=[dataset(long + "1"), dataset(long + "2")], inputs=[dataset("in")]))
    assert Edge.objects.count() == 2
    assert len(set(Edge.objects.values_list("target__name", flat=True))) == 2


def test_the_drawing_says_the_takeaway_and_uses_only_mapped_colours(version: Any) -> None:
    column = Field.objects.get(dataset__name="customers", path="age")
    svg = queries.drawing(queries.upstream(version), followed=column.pk)
    ElementTree.fromstring(svg)
    assert "age_band (masked)" in svg
    allowed = {
        "#2c4a8a", "#1b7a74", "#a06c0c", "#85468a", "#767b86", "#a3191f", "#14603a", "#16181d", "#5f636d", "#83868f",
        "#e3e3dd", "#ffffff", "#fbeae8", "#e8ecf8",
    }  # fmt: skip
    assert set(re.findall(r"#[0-9a-f]{6}", svg)) <= allowed
    assert "style=" not in svg
    assert svg == queries.drawing(queries.upstream(version), followed=column.pk)


def test_explicit_lineage_draws_no_line_between_unrelated_datasets() -> None:
    def entry(target: str, start: str) -> dict[str, Any]:
        held = [{"type": "DATASET", "namespace": WAREHOUSE, "name": start}]
        return {"type": "DATASET", "namespace": WAREHOUSE, "name": target, "inputs": held}

    project(
        run_event(
            inputs=[dataset("a"), dataset("b")],
            outputs=[dataset("x"), dataset("y")],
            job_facets={"lineage": facet(entries=[entry("x", "a"), entry("y", "b")])},
        )
    )
    pairs = set(Edge.objects.values_list("source__name", "target__name", "basis"))
    assert pairs == {("a", "x", "explicit"), ("b", "y", "explicit")}


def test_column_lineage_of_one_output_does_not_silence_the_other() -> None:
    lineage = lineage_of(c=[source("a", "c", way())])
    project(
        run_event(
            inputs=[dataset("a"), dataset("b")],
            outputs=[dataset("x", columnLineage=lineage, schema=columns("c")), dataset("y")],
        )
    )
    pairs = set(Edge.objects.values_list("source__name", "target__name", "basis"))
    assert pairs == {
        ("a", "x", "column"),
        ("b", "x", "cartesian"),  # read by the run and named by nobody: assumed, not forgotten
        ("a", "y", "cartesian"),
        ("b", "y", "cartesian"),
    }

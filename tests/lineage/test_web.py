"""The pages of lineage: the drawing, the same as a table, and who is hit."""

from __future__ import annotations

from typing import Any

import pytest

from apps.catalog.models import Dataset, Field
from tests import factories
from tests.lineage.conftest import credit_events, credit_version, project

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Any:
    """A version with its pipeline in the graph."""
    project(*credit_events())
    return credit_version()


@pytest.fixture
def reader() -> Any:
    """A browser of somebody who sees everything."""
    return factories.signed_in(factories.person("risk_officer"))


def test_the_page_of_a_version_shows_the_drawing_and_the_table(version: Any, reader: Any) -> None:
    page = reader.get(f"/versions/{version.pk}/lineage/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "6 of 7 features are traced to a source: 5 proven, 1 assumed, 1 opaque" in text
    assert text.count('role="img"') == 1
    assert "balances · checking_account" in text
    assert "style=" not in text
    assert "4 datasets upstream" in text


def test_a_column_can_be_followed(version: Any, reader: Any) -> None:
    age = Field.objects.get(dataset__name="customers", path="age")
    text = reader.get(f"/versions/{version.pk}/lineage/", {"column": str(age.pk)}).content.decode()
    assert "reaches" in text and "age_band (masked)" in text
    assert "If customers.age changes, 1 model version is affected." in text


def test_the_page_answers_also_without_any_lineage(reader: Any) -> None:
    version = factories.version()
    text = reader.get(f"/versions/{version.pk}/lineage/").content.decode()
    assert "No data is tied to this version yet" in text


def test_the_page_shows_what_is_known_now(version: Any, reader: Any) -> None:
    assert reader.get(f"/versions/{version.pk}/lineage/", {"at": "now"}).status_code == 200


def test_a_reader_of_another_use_case_finds_nothing(version: Any) -> None:
    outsider = factories.signed_in(factories.person("developer", use_case="another-case"))
    assert outsider.get(f"/versions/{version.pk}/lineage/").status_code == 404


def test_the_table_can_be_downloaded(version: Any, reader: Any) -> None:
    lines = reader.get(f"/versions/{version.pk}/lineage.csv").content.decode().splitlines()
    assert lines[0].startswith("feature,source_namespace")
    assert len(lines) == 8


@pytest.mark.parametrize("form", ["dataset", "datasetField", "job", "version"])
def test_the_surroundings_of_every_kind_of_node_are_shown(version: Any, reader: Any, form: str) -> None:
    node = {
        "dataset": "dataset:postgres://warehouse:5432:features",
        "datasetField": "datasetField:postgres://warehouse:5432:customers:age",
        "job": "job:scheduler:build_features",
        "version": f"version:{version.pk}",
    }[form]
    page = reader.get("/lineage/", {"node": node, "depth": "3"})
    assert page.status_code == 200
    assert 'role="img"' in page.content.decode()


def test_an_unknown_node_is_answered_in_words(reader: Any) -> None:
    page = reader.get("/lineage/", {"node": "dataset:a:b"})
    assert page.status_code == 404
    assert "yet" in page.content.decode()


def test_without_a_node_the_newest_datasets_are_offered(version: Any, reader: Any) -> None:
    assert Dataset.objects.first().name in reader.get("/lineage/").content.decode()


def test_pages_need_a_session(version: Any, client: Any) -> None:
    assert client.get("/lineage/").status_code == 302
    assert client.get(f"/versions/{version.pk}/lineage/").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_graph(
    version: Any, reader: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(60):
        reader.get(f"/versions/{version.pk}/lineage/")


def test_what_is_upstream_and_downstream_stands_in_words_beside_the_drawing(version: Any, reader: Any) -> None:
    own = reader.get(f"/versions/{version.pk}/lineage/").content.decode()
    said = own.partition("Show the drawing")[0]
    assert "1 step upstream" in said and "2 steps upstream" in said
    middle = Dataset.objects.get(name="customers")
    page = reader.get("/lineage/", {"node": f"dataset:{middle.namespace}:{middle.name}"}).content.decode()
    said = page.partition("Show the drawing")[0]
    assert "1 step downstream" in said and "step upstream" not in said and "Model versions that read them" in said

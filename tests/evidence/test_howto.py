"""docs/howto/add-a-check.md, followed: the file printed there is a check, from form to dossier, with nothing else written."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.dossiers.sections import plan
from apps.evidence import checks
from apps.evidence.checks.base import Check
from apps.evidence.models import Evidence
from tests import factories
from tests.evidence import test_checks as rules
from tests.evidence.test_measuring import measured

GUIDE = Path(settings.ROOT) / "docs" / "howto" / "add-a-check.md"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """The product with the guide's file among its checks."""
    text = GUIDE.read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    (name,) = re.findall(r"`apps/evidence/checks/(\w+)\.py`, whole", text)
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    checks.registry.cache_clear()
    yield checks.registry()[name]
    sys.modules.pop(f"{checks.__name__}.{name}", None)
    checks.registry.cache_clear()


def test_the_guides_check_keeps_every_rule_of_checks(added: Check) -> None:
    rules.test_a_check_finds_what_its_example_expects(added)
    rules.test_a_check_names_its_source_its_metrics_and_what_it_fills(added)
    rules.test_a_check_fills_only_its_fields_with_values_of_their_type(added)
    rules.test_a_check_says_in_words_that_there_are_no_rows(added)
    rules.test_twice_gives_the_same_result_to_the_last_byte(added)
    rules.test_every_number_of_a_table_has_its_column(added)
    whole = rules.counted(added, [], [0])
    assert rules.counted(added, [50, 120, 299], [3, 0, 2, 1]) == whole


@pytest.mark.django_db
def test_the_guides_check_reaches_form_api_page_and_dossier(added: Check, credit: Any, client: Any) -> None:
    api = factories.api(factories.person("auditor"))
    assert added.key in [row["key"] for row in api.get("/api/v1/checks").json()]
    client.force_login(factories.person("developer", use_case=credit.use_case.slug))
    assert added.title in client.get(f"/versions/{credit.pk}/checks/new/").content.decode()
    page = client.get(f"/versions/{credit.pk}/checks/new/?checks={added.key}").content.decode()
    assert "Columns to look at" in page and f'name="{added.key}-columns"' in page and 'value="income"' in page
    run = measured(credit, [added.key])[added.key]
    assert run.state == "done", run.error
    item = Evidence.objects.get()
    assert item.summary == "0.0% of rows have a gap."
    assert "of rows have a gap" in client.get(f"/evidence/{item.pk}/").content.decode()
    assert plan.home_of(list(added.fills), added.key) == "D2e"

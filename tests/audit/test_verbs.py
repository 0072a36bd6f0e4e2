"""How entries read when an app has words for them, and when it has none."""

import pytest

from apps.audit import verbs
from apps.audit.verbs import Name


@pytest.fixture(autouse=True)
def own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "_verbs", {})
    monkeypatch.setattr(verbs, "_resolvers", {})


def test_a_registered_verb_reads_as_its_app_says_and_another_as_its_own_words() -> None:
    verbs.register({"workflow.signed_off": "signed off"})
    assert verbs.phrase("workflow.signed_off") == "signed off"
    assert verbs.phrase("workflow.changes_requested") == "changes requested"


def test_each_kind_is_asked_once_for_all_its_names() -> None:
    asked: list[set[str]] = []

    @verbs.names("model", "model_version")
    def named(keys: set[str]) -> dict[str, Name]:
        asked.append(keys)
        return {key: Name(key.upper(), f"/{key}/") for key in keys if key != "gone"}

    found = verbs.name_all(["model:a", "model:b", "model:a", "model:gone", "system:policy_engine", "organisation:self"])
    assert asked == [{"a", "b", "gone"}]
    assert found["model:a"] == Name("A", "/a/")
    assert found["model:gone"].label == "model gone"
    assert found["system:policy_engine"].label == "Policy engine"
    assert found["organisation:self"].label == "the organisation"


def test_an_unnamed_object_is_shown_by_the_end_of_its_id() -> None:
    assert verbs.name_all(["finding:01930000-0000-7000-8000-0000000000ab"]).popitem()[1].label == "finding 000000ab"

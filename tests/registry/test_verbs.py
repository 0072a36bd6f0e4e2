"""Every entry that the nouns write reads as a sentence, and every subject has a name."""

import re
from pathlib import Path

import pytest

from apps.audit import verbs
from tests import factories as make

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2] / "apps"
VERB = re.compile(r'"((?:accounts|catalog|registry)\.[a-z_]+)", ')


def test_every_verb_that_a_service_records_has_words() -> None:
    sources = [path for app in ("accounts", "catalog", "registry") for path in (ROOT / app / "services").glob("*.py")]
    recorded = {
        verb
        for path in sources
        for line in path.read_text().splitlines()
        if "record(" in line or "record_change(" in line
        for verb in VERB.findall(line)
    }
    assert len(recorded) > 25
    assert recorded - set(verbs._verbs) == set()


def test_subjects_have_the_names_people_call_them_by_and_unknown_keys_do_no_harm() -> None:
    version, state = make.version(), make.dataset_version()
    found = verbs.name_all(
        [version.subject, version.use_case.subject, version.model.subject, state.subject, state.dataset.subject,
         version.created_by.subject, "user:unknown", "organisation:self", "model_version:garbage"]
    )  # fmt: skip
    assert found[version.subject].label == str(version)
    assert found[version.subject].url == f"/models/{version.model.slug}/versions/{version.version}/"
    assert found[version.created_by.subject].label == version.created_by.printed_name
    assert found["organisation:self"].label == "the organisation"
    assert found["user:unknown"].label

"""The JSON door of dossiers: asking, following, downloading, the trust file."""

import hashlib
import json

import pytest

from apps.core.models import Job
from apps.dossiers.api import examples
from apps.dossiers.models import Dossier
from tests import factories
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db


def test_an_auditor_may_ask_and_gets_a_job_to_follow(shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read", "dossiers:write")
    answer = client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", examples.DOSSIER[0], format="json")
    assert answer.status_code == 202, answer.json()
    body = answer.json()
    assert set(body) == set(examples.DOSSIER[1])
    made = Dossier.objects.get(pk=body["id"])
    assert body["job"].endswith(f"/api/v1/jobs/{made.job_id}")
    job = Job.objects.get(pk=made.job_id)
    assert (job.task, job.queue, job.state) == ("dossiers.build", "heavy", "waiting")
    assert client.get(body["job"]).json()["state"] == "waiting"


def test_an_empty_body_means_the_order_of_annex_iv(shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read", "dossiers:write")
    answer = client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", {}, format="json")
    assert Dossier.objects.get(pk=answer.json()["id"]).order == "annex_iv"


@pytest.mark.parametrize("body", [{"order": "alphabetical"}, {"colour": "blue"}, {"order": None}])
def test_what_is_not_known_is_refused_with_its_place(shown: Shown, body: dict[str, str]) -> None:
    client = factories.api(shown.world.auditor, "read", "dossiers:write")
    answer = client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", body, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(body))}"


def test_a_token_without_the_scope_asks_in_vain(shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read")
    assert client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", {}, format="json").status_code == 403


def test_a_stranger_sees_neither_the_dossier_nor_its_files(shown: Shown) -> None:
    stranger = factories.person("developer", use_case="another-use")
    client = factories.api(stranger, "read", "dossiers:write")
    address = f"/api/v1/dossiers/{shown.dossier.pk}"
    assert [client.get(f"{address}{end}").status_code for end in ("", "/pdf", "/bundle")] == [404, 404, 404]
    assert client.get("/api/v1/dossiers").json()["results"] == []
    assert client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", {}, format="json").status_code == 404


def test_an_issued_dossier_says_its_pages_and_digests_and_the_files_are_those_bytes(shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read")
    found = client.get(f"/api/v1/dossiers/{shown.dossier.pk}").json()
    assert found["state"] == "sealed"
    assert found["pages"] == shown.dossier.issue.pages > 10
    for kind, name in (("pdf", "sealed_sha256"), ("bundle", "bundle_sha256")):
        file = client.get(f"/api/v1/dossiers/{shown.dossier.pk}/{kind}")
        assert hashlib.sha256(file.content).hexdigest() == found[name]
        assert f'filename="{shown.dossier.file_name}.' in file["Content-Disposition"]


def test_what_is_not_ready_is_not_handed_out(shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read", "dossiers:write")
    asked = client.post(f"/api/v1/versions/{shown.world.version.pk}/dossiers", {}, format="json").json()
    answer = client.get(f"{asked['url']}/pdf")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_READY")
    assert client.get(asked["url"]).json()["state"] == "building"


def test_the_trust_file_is_the_one_whose_fingerprint_the_cover_prints(shown: Shown) -> None:
    answer = factories.api(shown.world.auditor, "read").get("/api/v1/dossiers/trust")
    content = answer.content
    assert content == shown.trust
    assert "PRIVATE" not in content.decode()
    assert set(json.loads(content)) == {"origin", "vkeys", "pdf_roots", "tsa_roots", "policy"}

"""The factories make what they promise."""

import pytest

from apps.accounts.queries import holds
from apps.registry.models import Involvement
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_person_holds_the_roles_asked_for_and_signs_in() -> None:
    someone = factories.person("risk_officer", "validator")
    assert holds(someone, "risk_officer") and holds(someone, "validator") and not holds(someone, "auditor")
    assert someone.check_password(factories.PASSWORD)


def test_a_version_comes_with_its_model_use_case_and_builder() -> None:
    developer = factories.person("developer")
    version = factories.version(developer=developer)
    assert version.artifact_digest.startswith("sha256:")
    assert version.use_case.owner.is_person
    assert Involvement.objects.filter(version=version, user=developer, capacity="built").exists()


def test_a_use_case_can_be_given_a_tier() -> None:
    assert factories.tiered(factories.use_case(), 2).tier == 2


def test_a_dataset_is_governed_and_an_environment_enforces() -> None:
    assert factories.dataset_version().dataset.is_governed
    assert factories.environment().mode == "enforce"


def test_a_service_account_has_a_token() -> None:
    assert factories.token_for(factories.service_account(), "read").startswith("imp_")

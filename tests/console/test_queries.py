"""How much a page asks of the database, and that asking less does not show old answers."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.models import RoleAssignment
from apps.accounts.queries import roles_of, roles_read_once
from apps.audit import services as audit
from apps.console.queries.judged import judgement_of
from apps.gate import services as gate
from apps.policy import services as policy
from tests import factories
from tests.console.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def ruled(world: World) -> World:
    """The world with the rules that ship and a confirmed tier."""
    policy.load_packs()
    factories.tiered(world.use_case, 2)
    return world


def test_the_queue_asks_at_most_fifteen_times(world: World, django_assert_max_num_queries: Any) -> None:
    browser = Client()
    browser.force_login(world.risk)
    with django_assert_max_num_queries(15):
        assert browser.get(reverse("console:queue")).status_code == 200


def test_a_version_page_asks_at_most_thirty_times_while_the_gate_knows_it(
    ruled: World, django_assert_max_num_queries: Any
) -> None:
    gate.current_clearance(ruled.second, ruled.production)
    browser = Client()
    browser.force_login(ruled.risk)
    with django_assert_max_num_queries(30):
        page = browser.get(reverse("console:version", args=["credit-scoring", "12"]))
    assert page.context["judgement"].assessment is not None


def test_the_page_shows_what_judging_now_gives_and_judges_again_when_a_fact_has_changed(ruled: World) -> None:
    gate.current_clearance(ruled.second, ruled.production)
    kept, fresh = (ask(ruled.second, ruled.production) for ask in (judgement_of, policy.assess))
    assert [(row.id, row.outcome, row.fix_url) for row in kept.results] == [
        (row.id, row.outcome, row.fix_url) for row in fresh.results
    ]
    assert (kept.sentence, kept.counts) == (fresh.sentence, fresh.counts)
    with transaction.atomic():
        audit.record(ruled.developer, "registry.noted", ruled.second, changes=[ruled.second])
    assert judgement_of(ruled.second, ruled.production).assessment is None


def test_roles_are_read_once_inside_one_page_and_again_after_it(world: World, django_assert_num_queries: Any) -> None:
    with roles_read_once(), django_assert_num_queries(1):
        assert roles_of(world.risk) == roles_of(world.risk, "retail-credit") == {"risk_officer", "auditor"}
    RoleAssignment.objects.filter(user=world.risk).delete()
    with roles_read_once():
        assert roles_of(world.risk) == frozenset()

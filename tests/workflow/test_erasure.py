"""A signer is erased: the name is gone from every page and record, and everything that was signed still proves itself."""

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from apps.accounts import services as accounts
from apps.accounts.queries import openings
from apps.audit import rows
from apps.audit.export import record_file
from apps.audit.models import Entry
from apps.audit.verification import Reading
from apps.core.errors import WrongState
from apps.workflow import queries
from apps.workflow.models import Manifest, Signature, Snapshot
from tests import factories
from tests.workflow.conftest import World

NAME = "Unmistakable Name"
TABLES = ("workflow_signature", "workflow_snapshot", "workflow_manifest", "evidence_evidence", "workflow_comment")


@pytest.fixture
def approved_by_name(world: World) -> Any:
    """Approved, with a validator whose name can be looked for."""
    world.validator.printed_name = NAME
    world.validator.save()
    return world.approve()


def erase(world: World, basis: str = "court_order") -> None:
    """Two people erase the validator."""
    accounts.erase_person(
        world.validator, basis=basis, reason="Order 4 C 17/26", approver=world.compliance, actor=world.privacy_officer
    )


def test_no_record_of_a_signature_holds_the_name(world: World, approved_by_name: Any) -> None:
    for table in TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{NAME}%"])
            assert cursor.fetchone()[0] == 0, table
    for row in [*Signature.objects.all(), *Snapshot.objects.all(), *Manifest.objects.all()]:
        assert NAME.encode() not in record_file(row)[1]
    assert not any(NAME.encode() in bytes(body) for body in Entry.objects.values_list("body", flat=True))


def test_pages_show_the_name_until_it_is_erased_and_a_tag_afterwards(world: World, approved_by_name: Any) -> None:
    client = factories.signed_in(world.auditor)
    signature = Signature.objects.get(review=approved_by_name, signer=world.validator)
    addresses = [
        reverse("workflow:review-detail", args=[approved_by_name.pk]),
        reverse("workflow:receipt", args=[signature.pk]),
        f"/audit/?actor={world.validator.audit_ref}",
    ]
    assert all(NAME in client.get(address).content.decode() for address in addresses)
    erase(world)
    tag = f"Erased person {world.validator.pk.hex[-4:]}"
    for address in addresses:
        page = client.get(address).content.decode()
        assert NAME not in page and tag in page, address
    reply = factories.api(world.auditor, "read").get(f"/api/v1/reviews/{approved_by_name.pk}").json()
    assert tag in {row["printed_name"] for row in reply["signatures"]}


def test_every_digest_and_the_approval_hold_after_the_name_is_gone(world: World, approved_by_name: Any) -> None:
    before = {row.pk: record_file(row) for row in Signature.objects.filter(review=approved_by_name)}
    erase(world)
    assert {row.pk: record_file(row) for row in Signature.objects.filter(review=approved_by_name)} == before
    reading = Reading()
    rows.read_rows(reading, Signature, Snapshot, Manifest)
    assert reading.findings == []
    assert world.standing().state == "approved"
    commitments = [row.name_commitment for row in Signature.objects.filter(review=approved_by_name)]
    assert len(openings(commitments)) == len(set(commitments)) - 1  # one is erased, its commitment intact


def test_a_signer_inside_the_period_of_retention_is_kept(world: World, approved_by_name: Any) -> None:
    with pytest.raises(WrongState, match="legal obligation"):
        erase(world, "asked")
    assert Signature.objects.get(review=approved_by_name, signer=world.validator).printed_name == NAME


def test_names_of_many_signatures_are_read_at_once(
    world: World, approved_by_name: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        names = [row.signature.printed_name for row in queries.signatures_of(approved_by_name)]
    assert NAME in names and len(names) == 5

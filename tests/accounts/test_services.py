"""Accounts, roles, tokens and organisation facts: who may change them, and what stays impossible."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import OrganisationFact, RoleAssignment, Token, User
from apps.accounts.queries import organisation_facts, people_with, roles_of, visible_use_cases
from apps.audit.models import Entry
from apps.audit.queries import epochs
from apps.core.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, WrongState
from tests import factories as make

pytestmark = pytest.mark.django_db


def entries(verb: str) -> Any:
    """Entries of the log with this verb."""
    return Entry.objects.filter(verb=verb)


def test_administrator_makes_an_account_and_the_log_says_so_without_personal_data() -> None:
    admin = make.person("administrator")
    user = services.create_user(
        "val", printed_name="Val Idator", email="val@bank.example", password=make.PASSWORD, actor=admin
    )
    entry = entries("accounts.user_created").get()
    assert user.check_password(make.PASSWORD)
    assert entry.actor == admin.audit_ref
    assert b"Idator" not in bytes(entry.body) and b"bank.example" not in bytes(entry.body)


def test_a_developer_makes_no_account() -> None:
    with pytest.raises(NotAllowed, match="role administrator"):
        services.create_user("x", printed_name="X", actor=make.person("developer"))


def test_a_superuser_flag_opens_nothing() -> None:
    with pytest.raises(NotAllowed):
        services.create_user("x", printed_name="X", actor=make.person(is_superuser=True))


def test_a_user_name_is_never_given_twice_whatever_its_case() -> None:
    admin = make.person("administrator")
    gone = make.person(username="ada")
    services.deactivate_user(gone, reason="left", actor=admin)
    with pytest.raises(Conflict, match="never given twice"):
        services.create_user("ADA", printed_name="Another", actor=admin)


def test_the_database_too_refuses_a_user_name_in_another_case() -> None:
    make.person(username="ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.person(username="Ada")


def test_a_weak_password_is_refused_with_every_reason() -> None:
    with pytest.raises(Invalid, match="too short"):
        services.create_user("x", printed_name="X", password="short", actor=make.person("administrator"))


def test_users_are_never_deleted_by_any_way() -> None:
    user = make.person()
    with pytest.raises(TypeError):
        user.delete()
    with pytest.raises(TypeError):
        User.objects.filter(pk=user.pk).delete()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_user WHERE id = %s", [user.pk])


def test_a_deactivated_user_holds_no_role_and_opens_nothing_with_a_token() -> None:
    admin, user = make.person("administrator"), make.person("risk_officer")
    text = make.token_for(user, "read")
    services.deactivate_user(user, reason="left", actor=admin)
    user.refresh_from_db()
    assert roles_of(user) == frozenset()
    with pytest.raises(NotAuthenticated, match="deactivated"):
        services.use_token(text)


def test_an_administrator_cannot_make_themselves_a_risk_officer() -> None:
    admin = make.person("administrator")
    with pytest.raises(NotAllowed, match="cannot make yourself risk officer"):
        services.grant_role(admin, role="risk_officer", actor=admin)


def test_an_administrator_cannot_be_made_a_decider_by_a_second_administrator() -> None:
    first, second = make.person("administrator"), make.person("administrator")
    with pytest.raises(NotAllowed, match="administrators never decide"):
        services.grant_role(first, role="validator", actor=second)


def test_a_decider_cannot_become_administrator() -> None:
    with pytest.raises(NotAllowed, match="administrators never decide"):
        services.grant_role(make.person("risk_officer"), role="administrator", actor=make.person("administrator"))


def test_a_risk_officer_grants_no_roles() -> None:
    with pytest.raises(NotAllowed, match="role administrator"):
        services.grant_role(make.person(), role="developer", actor=make.person("risk_officer"))


def test_a_service_account_never_gets_a_role_that_decides() -> None:
    with pytest.raises(NotAllowed, match="no other"):
        services.grant_role(make.service_account(), role="risk_officer", actor=make.person("administrator"))


def test_a_granted_role_is_recorded_and_ends_by_itself() -> None:
    admin, user = make.person("administrator"), make.person()
    end = timezone.now() + timedelta(hours=1)
    row = services.grant_role(
        user, role="validator", use_case_slug="credit", ends_at=end, reason="holiday", actor=admin
    )
    assert roles_of(user, "credit") == {"validator"}
    assert roles_of(user) == frozenset()
    assert visible_use_cases(user) == {"credit"}
    assert entries("accounts.role_granted").get().subject == user.subject
    RoleAssignment.objects.filter(pk=row.pk).update(
        starts_at=timezone.now() - timedelta(hours=2), ends_at=timezone.now() - timedelta(hours=1)
    )
    assert roles_of(user, "credit") == frozenset()


def test_a_role_that_ran_out_can_be_granted_anew() -> None:
    admin, user = make.person("administrator"), make.person()
    past = timezone.now() - timedelta(hours=1)
    RoleAssignment.objects.create(user=user, role="validator", starts_at=past - timedelta(days=1), ends_at=past)
    assert services.grant_role(user, role="validator", actor=admin).is_current


def test_the_same_role_twice_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="holds this role already"):
        services.grant_role(make.person("validator"), role="validator", actor=make.person("administrator"))


def test_the_last_administrator_keeps_the_role_and_the_account() -> None:
    admin = make.person("administrator")
    with pytest.raises(WrongState, match="last administrator"):
        services.revoke_role(admin.assignments.get(), actor=admin)
    with pytest.raises(WrongState, match="last administrator"):
        services.deactivate_user(admin, reason="me", actor=admin)


def test_people_with_a_role_leaves_out_others_scopes_services_and_the_inactive() -> None:
    here, everywhere = make.person("validator", use_case="credit"), make.person("validator")
    make.person("validator", use_case="fraud")
    make.person("validator", is_active=False)
    assert set(people_with("validator", "credit")) == {here, everywhere}


def test_a_token_is_stored_as_a_hash_and_opens_with_its_text_only() -> None:
    user = make.person("developer")
    issued = services.issue_token(user, name="laptop", scopes=["read"], actor=user)
    secret = issued.text.rpartition("_")[2]
    assert secret not in str(Token.objects.filter(pk=issued.token.pk).values().get())
    assert services.use_token(issued.text).user == user
    assert secret.encode() not in bytes(entries("accounts.token_issued").get().body)
    assert timedelta(days=89) < issued.token.expires_at - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize("text", ["", "imp_", "imp_00000000_" + "0" * 40, "imp_00000000_short", "\x00", "Bearer x"])
def test_an_unknown_token_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated, match="not known"):
        services.use_token(text)


def test_the_right_key_with_a_wrong_secret_is_refused_like_an_unknown_token() -> None:
    key = make.token_for(make.person(), "read").split("_")[1]
    with pytest.raises(NotAuthenticated, match="not known"):
        services.use_token(f"imp_{key}_{'0' * 40}")


def test_an_expired_token_and_a_revoked_one_are_refused_with_the_day() -> None:
    user = make.person("developer")
    old = make.token_for(user, "read", expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="ended on"):
        services.use_token(old)
    issued = services.issue_token(user, name="laptop", scopes=["read"], actor=user)
    services.revoke_token(issued.token, reason="lost", actor=user)
    with pytest.raises(NotAuthenticated, match="was revoked on"):
        services.use_token(issued.text)


def test_use_of_a_token_is_noted_once_a_minute() -> None:
    text = make.token_for(make.person(), "read")
    first = services.use_token(text)
    noted = Token.objects.get(pk=first.pk).last_used_at
    services.use_token(text)
    assert noted is not None and Token.objects.get(pk=first.pk).last_used_at == noted


def test_an_administrator_issues_no_token_that_acts_as_another_person() -> None:
    with pytest.raises(NotAllowed, match="own tokens"):
        services.issue_token(make.person("risk_officer"), name="x", scopes=["read"], actor=make.person("administrator"))


def test_an_administrator_issues_tokens_for_service_accounts_and_a_developer_does_not() -> None:
    robot = make.service_account()
    services.issue_token(robot, name="ci", scopes=["gate:ask"], actor=make.person("administrator"))
    with pytest.raises(NotAllowed, match="own tokens"):
        services.issue_token(robot, name="ci", scopes=["gate:ask"], actor=make.person("developer"))


def test_the_scope_admin_is_for_administrators_only() -> None:
    user = make.person("developer")
    with pytest.raises(NotAllowed, match="scope admin"):
        services.issue_token(user, name="x", scopes=["admin"], actor=user)


def test_a_token_lives_a_year_at_most_and_has_known_scopes() -> None:
    user = make.person("developer")
    with pytest.raises(Invalid, match="366 days"):
        services.issue_token(
            user, name="x", scopes=["read"], expires_at=timezone.now() + timedelta(days=400), actor=user
        )
    with pytest.raises(Invalid, match="no scope root"):
        services.issue_token(user, name="x", scopes=["root"], actor=user)


def test_an_organisation_fact_bumps_the_organisation_and_the_same_answer_does_not() -> None:
    admin = make.person("administrator")
    services.set_organisation_fact("org.sector", "bank", actor=admin)
    services.set_organisation_fact("org.total_assets_usd_bn", 31.5, actor=admin)
    before = epochs(["organisation:self"])["organisation:self"]
    services.set_organisation_fact("org.sector", "bank", actor=admin)
    assert organisation_facts() == {"org.sector": "bank", "org.total_assets_usd_bn": 31.5}
    assert epochs(["organisation:self"])["organisation:self"] == before == 2


def test_a_developer_answers_nothing_about_the_organisation() -> None:
    with pytest.raises(NotAllowed):
        services.set_organisation_fact("org.sector", "bank", actor=make.person("developer"))
    assert not OrganisationFact.objects.exists()


def test_nobody_reports_to_themselves_through_others() -> None:
    admin, upper = make.person("administrator"), make.person()
    lower = make.person(reports_to=upper)
    with pytest.raises(Invalid, match="already reports"):
        services.set_reporting_line(upper, reports_to=lower, actor=admin)


def test_create_admin_makes_the_first_administrator_and_no_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", make.PASSWORD)
    call_command("create_admin", "root1")
    assert roles_of(User.objects.get(username="root1")) == {"administrator"}
    with pytest.raises(CommandError, match="administrator already"):
        call_command("create_admin", "root2")

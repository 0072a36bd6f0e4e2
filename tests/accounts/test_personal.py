"""Names kept erasable: commitments that open and bind, a key for each person, erasure, and no contact details in reasons."""

import hashlib
import hmac
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import InternalError, ProgrammingError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts import commitments, consumers, erased, services
from apps.accounts.models import FormerPassword, PersonalKey, PersonalValue, Token, User
from apps.accounts.queries import names_behind, openings
from apps.accounts.services.personal import delete_keys, forget
from apps.audit.models import Entry
from apps.audit.services import record, system
from apps.config import health
from apps.core.errors import Invalid, NotAllowed, WrongState
from tests import factories as make
from tests.accounts.test_passkeys import enrol
from tests.authenticator import Authenticator

DIGEST = "sha256:" + "ab" * 32


def committed(user: User) -> str:
    with transaction.atomic():
        return services.commit_name(user)


def signed(user: User) -> None:
    """The person signs something."""
    proof = services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    with transaction.atomic():
        services.consume_reauthentication(proof, actor=user, bound_to=DIGEST)


def erase(user: User, basis: str = "asked", **more: object) -> User:
    """Erase a person as two people do."""
    who = {"approver": make.person("compliance"), "actor": make.person("privacy_officer"), **more}
    return services.erase_person(user, basis=basis, reason="Request 17", **who)  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_commitment_opens_to_its_value_and_to_no_other(value: str) -> None:
    opening = commitments.commit(value)
    expected = hmac.new(opening.salt, json.dumps(value, ensure_ascii=False).encode(), hashlib.sha256).hexdigest()
    if value.isprintable():
        assert opening.commitment == f"hmac-sha256:{expected}"
    assert commitments.Opening(opening.salt, value + "x").commitment != opening.commitment
    key = commitments.new_key()
    sealed = commitments.seal(opening, key)
    assert commitments.unseal(sealed, key, opening.commitment) == opening
    assert commitments.unseal(sealed, commitments.new_key(), opening.commitment) is None
    assert commitments.unseal(sealed, key, opening.commitment[:-1] + "x") is None


@pytest.mark.django_db
class TestVault:
    """The rows behind the commitments."""

    def test_a_person_and_name_have_one_commitment_and_a_new_name_another(self) -> None:
        user = make.person(printed_name="First Name")
        first = committed(user)
        assert committed(user) == first
        user.printed_name = "Second Name"
        user.save()
        second = committed(user)
        assert second != first and names_behind([first, second]) == {first: "First Name", second: "Second Name"}

    def test_namesakes_have_different_commitments(self) -> None:
        one, other = (committed(make.person(printed_name="Same Name")) for _ in range(2))
        assert one != other

    def test_the_database_holds_the_name_in_no_readable_column_of_the_vault(self) -> None:
        committed(make.person(printed_name="Unmistakable Name"))
        row = PersonalValue.objects.get()
        assert b"Unmistakable" not in bytes(row.sealed) and "Unmistakable" not in row.commitment

    @pytest.mark.parametrize("table", ["accounts_personalkey", "accounts_personalvalue"])
    @pytest.mark.parametrize(
        "statement", ["DELETE FROM {0}", "UPDATE {0} SET created_at = created_at", "TRUNCATE {0} CASCADE"]
    )
    def test_the_database_refuses_change_to_everybody_but_the_service(self, table: str, statement: str) -> None:
        committed(make.person())
        with (
            pytest.raises((InternalError, ProgrammingError), match="refused"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else pending checks refuse a TRUNCATE before we do
            cursor.execute(statement.format(table))

    def test_the_service_deletes_the_key_of_the_one_it_names_and_no_other(self) -> None:
        one, other = make.person(), make.person()
        kept = committed(other)
        committed(one)
        assert delete_keys([one]) == 1
        assert list(PersonalKey.objects.values_list("user", flat=True)) == [other.pk] and kept in openings([kept])
        with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
            PersonalKey.objects.all().delete()


@pytest.mark.django_db
class TestErasing:
    """Erasing a person."""

    def test_the_name_is_gone_everywhere_and_the_account_stays_closed(self) -> None:
        user = make.person(
            "developer", username="unmistakable", printed_name="Unmistakable Name", email="u@example.org"
        )
        device = Authenticator()
        enrol(user, device)
        make.token_for(user, "read")
        FormerPassword.objects.create(user=user, encoded=user.password)
        commitment, client = committed(user), make.signed_in(user)
        erase(user)
        user.refresh_from_db()
        tag = user.pk.hex[-4:]
        assert str(user) == f"Erased person {tag}" and not user.is_active and user.email == ""
        assert openings([commitment]) == {} and not PersonalKey.objects.filter(user=user).exists()
        assert not Token.objects.usable().exists() and not user.passkeys.usable().exists()
        assert not user.former_passwords.exists() and not user.has_usable_password()
        assert client.get("/profile/").status_code == 302
        for table in ("accounts_user", "accounts_personalvalue", "account_emailaddress", "audit_entry"):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE '%%unmistakable%%'")
                assert cursor.fetchone()[0] == 0, table

    def test_it_stands_in_the_log_with_basis_and_approver(self) -> None:
        user, approver = make.person(), make.person("compliance")
        committed(user)
        erase(user, approver=approver)
        entry = Entry.objects.get(verb="accounts.person_erased")
        assert entry.subject == user.subject
        assert entry.facts == {"basis": "asked", "approver": approver.audit_ref, "values": "1"}

    def test_a_signer_is_kept_as_long_as_the_law_says_and_the_refusal_says_why(self) -> None:
        user = make.person("risk_officer")
        signed(user)
        with pytest.raises(WrongState, match=r"Art. 17\(3\)\(b\)") as refused:
            erase(user)
        assert refused.value.code == "RETAINED" and "21 CFR 11.50" in refused.value.detail
        with time_machine.travel(timezone.now() + timedelta(days=3654)):
            assert erase(user, "retention_ended").erased_at is not None

    def test_an_order_erases_a_signer_inside_the_period(self) -> None:
        user = make.person("risk_officer")
        signed(user)
        assert erase(user, "court_order").erased_at is not None

    def test_two_people_are_needed_and_neither_is_the_one_concerned(self) -> None:
        user, privacy, compliance = make.person(), make.person("privacy_officer"), make.person("compliance")
        for who in (
            {"actor": privacy, "approver": privacy},
            {"actor": privacy, "approver": user},
            {"actor": compliance, "approver": privacy},
            {"actor": privacy, "approver": make.person("developer")},
        ):
            with pytest.raises(NotAllowed):
                erase(user, **who)
        assert erase(user, actor=privacy, approver=compliance)

    def test_the_last_administrator_is_not_erased(self) -> None:
        with pytest.raises(WrongState, match="last administrator"):
            erase(make.person("administrator"))

    def test_a_person_is_erased_once_and_a_machine_never(self) -> None:
        user = make.person()
        erase(user)
        with pytest.raises(WrongState, match="was erased on"):
            erase(user)
        with pytest.raises(WrongState, match="names nobody"):
            erase(make.service_account())

    def test_the_command_erases_and_says_what_is_gone(self) -> None:
        make.person(username="leaver")
        make.person("privacy_officer", username="privacy")
        told = StringIO()
        call_command("erase_person", "leaver", basis="asked", approver="privacy", reason="Request 17", stdout=told)
        assert "the key is deleted" in told.getvalue()
        assert Entry.objects.get(verb="accounts.person_erased").actor == "system:command_line"
        with pytest.raises(CommandError, match="no account"):
            call_command("erase_person", "leaver", basis="asked", approver="privacy")

    def test_who_came_back_with_an_old_backup_is_erased_again(self) -> None:
        user = make.person(printed_name="Unmistakable Name")
        erase(user)
        User.objects.filter(pk=user.pk).update(printed_name="Unmistakable Name", erased_at=None)
        told = StringIO()
        call_command("erase_person", repeat=True, stdout=told)
        user.refresh_from_db()
        assert user.erased_at is not None and "Unmistakable" not in str(user) and told.getvalue().startswith("1 ")

    def test_forgetting_twice_changes_nothing(self) -> None:
        user = make.person()
        forget(user)
        forget(user)
        assert user.username == f"erased-{user.pk.hex}"


@pytest.mark.django_db
def test_a_reason_with_an_address_never_reaches_the_log() -> None:
    admin, user = make.person("administrator"), make.person("developer")
    with pytest.raises(Invalid, match="e-mail address"):
        services.deactivate_user(user, reason="left, reach at new@example.org", actor=admin)
    assert not Entry.objects.filter(verb="accounts.user_deactivated").exists()
    user.refresh_from_db()
    assert user.is_active


@pytest.mark.django_db
class TestAfterARestore:
    """The list beside the log's key, for a database that has forgotten both the person's erasure and its entry."""

    @pytest.fixture(autouse=True)
    def key_file(self, tmp_path: Path, settings: Any) -> None:
        settings.SIGNING_KEY_FILE = str(tmp_path / "keys" / "log.pem")

    def restored(self) -> User:
        """A person who was erased, in a database in which neither is so any more."""
        user = make.person(printed_name="Unmistakable Name")
        name = committed(user)
        consumers.keep_erasures([])
        assert erased.listed() == {}
        point = transaction.savepoint()
        erase(user)
        consumers.keep_erasures(Entry.objects.order_by("at"))
        transaction.savepoint_rollback(point)
        user = User.objects.get(pk=user.pk)
        assert user.erased_at is None and names_behind([name]) == {name: "Unmistakable Name"}
        assert not Entry.objects.filter(verb="accounts.person_erased").exists()
        return user

    def test_the_list_names_nobody_and_grows_once_for_each_person(self) -> None:
        user = self.restored()
        assert list(erased.listed()) == [str(user.pk)]
        assert "Unmistakable" not in erased.place().read_text()
        assert erased.place().stat().st_mode & 0o777 == 0o600
        assert erased.keep(Entry.objects.all()) == 0

    def test_readiness_tells_of_them_and_the_command_erases_them_again(self) -> None:
        user = self.restored()
        assert health.erasures_state() == {"ok": False, "come_back": 1}
        call_command("erase_person", repeat=True, stdout=StringIO())
        user.refresh_from_db()
        assert user.erased_at is not None and openings([]) == {} and not hasattr(user, "personal_key")
        told = Entry.objects.get(verb="accounts.erasure_repeated")
        assert told.actor == "system:restore" and told.facts["entry"] == erased.listed()[str(user.pk)]["entry"]
        assert health.erasures_state() == {"ok": True, "come_back": 0}
        assert services.repeat_erasures() == []

    def test_a_list_that_cannot_be_read_is_told_and_stops_nothing(self) -> None:
        erased.place().parent.mkdir(parents=True)
        erased.place().write_text("{half")
        state = health.erasures_state()
        assert state["ok"] and "cannot be read" in state["trouble"]

    def test_accepting_the_restore_erases_them_again(self) -> None:
        user = self.restored()
        with transaction.atomic():
            entry = record(system("operator"), "audit.restored", "log:self")
        consumers.keep_erasures([entry])
        user.refresh_from_db()
        assert user.erased_at is not None

"""Periodic checks of credentials, 21 CFR 11.300(b): passwords with an age where it is set, accounts confirmed from time to time."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.accounts import services
from apps.accounts.api import examples
from apps.accounts.models import FormerPassword, User
from apps.accounts.rechecks import accounts_to_confirm, rights_of
from apps.audit.models import Entry
from apps.core import jobs
from apps.core.errors import Conflict, Invalid, NotAllowed, WrongState
from tests import factories as make
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db
DIGEST = "sha256:" + "ab" * 32
ANOTHER = "quite another pass phrase 43"


def days(count: int) -> Any:
    return time_machine.travel(timezone.now() + timedelta(days=count))


@pytest.fixture
def ageing(settings: Any) -> None:
    settings.PASSWORD_MAX_AGE_DAYS = 90


def proof(user: User, password: str = make.PASSWORD) -> Any:
    return services.reauthenticate(user, password=password, bound_to=DIGEST)


class TestPasswordAge:
    """A password may get too old, where the installation says so."""

    def test_without_the_setting_no_password_gets_too_old(self) -> None:
        user = make.person("validator")
        with days(4000):
            assert proof(user)
            assert make.signed_in(user).get("/profile/").status_code == 200

    def test_a_password_past_its_age_signs_nothing_and_the_refusal_counts_as_no_failure(self, ageing: None) -> None:
        user = make.person("validator")
        with days(89):
            assert proof(user)
        with days(91), pytest.raises(NotAllowed, match="every 90 days") as refused:
            proof(user)
        assert refused.value.code == "PASSWORD_TOO_OLD"
        assert not Entry.objects.filter(verb="accounts.reauthentication_failed").exists()

    def test_a_session_with_it_leads_to_the_page_that_changes_it_and_nowhere_else(self, ageing: None) -> None:
        user = make.person("validator")
        with days(91):
            client = make.signed_in(user)
            for address in ("/", "/profile/", "/queue/"):
                assert client.get(address)["Location"] == "/accounts/password/change/", address
            assert check_problem(client.get("/api/v1/me"), 403)["code"] == "PASSWORD_TOO_OLD"
            page = client.get("/accounts/password/change/")
            assert page.status_code == 200 and "too old" in page.content.decode()

    def test_changing_it_to_another_one_begins_its_age_anew(self, ageing: None) -> None:
        user = make.person("validator")
        with days(91):
            client = make.signed_in(user)
            words = {"oldpassword": make.PASSWORD, "password1": make.PASSWORD, "password2": make.PASSWORD}
            again = client.post("/accounts/password/change/", words)
            assert "Choose another one" in again.content.decode()
            client.post("/accounts/password/change/", words | {"password1": ANOTHER, "password2": ANOTHER})
            assert client.get("/profile/").status_code == 200
            user.refresh_from_db()
            assert proof(user, ANOTHER)

    def test_none_of_the_last_five_comes_back_while_passwords_have_an_age(self, ageing: None) -> None:
        user, admin = make.person("validator"), make.person("administrator")
        phrases = [f"another pass phrase {number}" for number in range(7)]
        for phrase in phrases[:5]:
            services.set_password(user, password=phrase, actor=admin)
        with pytest.raises(Invalid) as refused:
            services.set_password(user, password=make.PASSWORD, actor=admin)  # the fifth before the present one
        assert refused.value.errors[0]["code"] == "PASSWORD_USED_BEFORE"
        services.set_password(user, password=phrases[5], actor=admin)
        services.set_password(user, password=make.PASSWORD, actor=admin)  # the sixth before is free again
        assert FormerPassword.objects.filter(user=user).count() == 5
        client = make.signed_in(User.objects.get(pk=user.pk))
        words = {"oldpassword": make.PASSWORD, "password1": phrases[5], "password2": phrases[5]}
        assert "You have or had this password" in client.post("/accounts/password/change/", words).content.decode()

    def test_without_an_age_no_former_password_is_kept_and_only_the_present_one_is_refused(self, settings: Any) -> None:
        settings.PASSWORD_MAX_AGE_DAYS = 90
        user, admin = make.person("validator"), make.person("administrator")
        services.set_password(user, password=ANOTHER, actor=admin)
        assert FormerPassword.objects.filter(user=user).exists()
        settings.PASSWORD_MAX_AGE_DAYS = 0
        services.set_password(user, password=make.PASSWORD, actor=admin)
        assert not FormerPassword.objects.exists()
        services.set_password(user, password=ANOTHER, actor=admin)
        with pytest.raises(Invalid):
            services.set_password(user, password=ANOTHER, actor=admin)

    def test_one_that_an_administrator_sets_is_new(self, ageing: None) -> None:
        user, admin = make.person("validator"), make.person("administrator")
        with days(91):
            services.set_password(user, password=ANOTHER, actor=admin)
            user.refresh_from_db()
            assert make.signed_in(user).get("/profile/").status_code == 200

    def test_tokens_and_accounts_without_a_password_have_none_that_ages(self, ageing: None) -> None:
        machine = make.service_account()
        with days(91):
            assert make.api(machine, "read").get("/api/v1/me").status_code == 200


class TestRechecks:
    """Accounts are confirmed from time to time, by somebody else."""

    def due(self, user: User) -> set[str]:
        return {row.username for row in accounts_to_confirm(user)}

    def test_an_account_that_nobody_confirmed_for_the_period_is_listed(self) -> None:
        admin = make.person("administrator", username="admin")
        make.person("validator", username="vera")
        make.service_account(username="pipe")
        make.person("validator", username="gone", is_active=False)
        assert self.due(admin) == set()
        with days(366):
            assert self.due(admin) == {"admin", "vera", "pipe"}
            rows = {row.username: row for row in accounts_to_confirm(admin)}
            assert rows["vera"].identity_is_due and rows["vera"].rights_are_due
            assert rows["pipe"].rights_are_due and not rows["pipe"].identity_is_due

    def test_zero_days_ask_nobody(self, settings: Any) -> None:
        settings.ACCOUNT_RECHECK_DAYS = 0
        admin = make.person("administrator")
        with days(4000):
            assert self.due(admin) == set()
            assert "Nobody is asked" in make.signed_in(admin).get("/admin/accounts-to-confirm/").content.decode()

    def test_confirming_roles_and_identity_takes_an_account_off_the_list_and_is_an_entry(self) -> None:
        admin, vera = make.person("administrator"), make.person("validator", username="vera")
        make.grant(vera, "reviewer", use_case="retail-credit")
        with days(366):
            held = ["reviewer for retail-credit", "validator"]
            services.confirm_rights(vera, seen=held, reason="List of staff", actor=admin)
            assert "vera" in self.due(admin)
            services.verify_identity(vera, method="staff_record", reason="List of staff", actor=admin)
            assert "vera" not in self.due(admin)
        entry = Entry.objects.get(verb="accounts.rights_confirmed")
        assert (entry.actor, entry.subject, entry.reason) == (admin.audit_ref, vera.subject, "List of staff")
        assert entry.facts == {"rights": held}

    def test_what_was_not_seen_is_not_confirmed(self) -> None:
        admin, vera = make.person("administrator"), make.person("validator")
        make.grant(vera, "risk_officer")
        with pytest.raises(Conflict, match="risk_officer") as refused:
            services.confirm_rights(vera, seen=["validator"], reason="List of staff", actor=admin)
        assert refused.value.extra["rights"] == ["risk_officer", "validator"]
        vera.refresh_from_db()
        assert vera.rights_confirmed_at is None

    @pytest.mark.parametrize("role", ["validator", "auditor", "privacy_officer"])
    def test_who_does_not_answer_for_accounts_confirms_none(self, role: str) -> None:
        with pytest.raises(NotAllowed):
            services.confirm_rights(make.person("reviewer"), seen=["reviewer"], reason="x", actor=make.person(role))

    def test_nobody_confirms_their_own_account_and_no_closed_one(self) -> None:
        admin = make.person("administrator")
        with pytest.raises(NotAllowed, match="second person"):
            services.confirm_rights(admin, seen=["administrator"], reason="x", actor=admin)
        with pytest.raises(WrongState, match="deactivated"):
            services.confirm_rights(make.person(is_active=False), seen=[], reason="x", actor=admin)

    def test_the_pages_list_show_and_confirm(self) -> None:
        admin, vera = make.person("administrator"), make.person("validator", username="vera")
        with days(366):
            client = make.signed_in(admin)
            page = client.get("/admin/accounts-to-confirm/").content.decode()
            assert "Vera" in page and "never confirmed" in page
            url = f"/admin/people/{vera.pk}/confirm/"
            assert "Still needed like this" in client.get(url).content.decode()
            stale = client.post(url, {"seen": "validator, risk_officer", "reason": "List of staff"})
            assert stale.status_code == 422 and "changed while you were reading" in stale.content.decode()
            assert client.post(url, {"seen": "validator", "reason": "List of staff"}).status_code == 302
            vera.refresh_from_db()
            assert vera.rights_confirmed_by == admin
            assert "accounts are to be confirmed" in client.get("/admin/").content.decode()

    def test_the_list_is_for_who_sees_everything(self) -> None:
        make.use_case("one")
        limited = make.signed_in(make.person("developer", use_case="one"))
        assert limited.get("/admin/accounts-to-confirm/").status_code == 403
        assert limited.get(f"/admin/people/{make.person().pk}/confirm/").status_code == 403

    def test_the_api_lists_and_confirms_as_the_document_says(self) -> None:
        admin, vera = make.person("administrator", username="admin"), make.person(username="validator2")
        make.grant(vera, "validator", use_case="retail-credit")
        assert rights_of(vera) == ["validator for retail-credit"]
        with days(366):
            rows = make.api(admin, "admin").get("/api/v1/users/to-confirm").json()["results"]
            assert {row["username"] for row in rows} == {"admin", "validator2"}
            client = make.api(admin, "workflow:write")
            answer = client.post(f"/api/v1/users/{vera.pk}/confirm-rights", examples.CONFIRMED[0])
            assert answer.status_code == 200, answer.content
            same_shape(answer.json(), examples.CONFIRMED[1])

    def test_the_list_takes_as_many_queries_for_many_accounts_as_for_one(
        self, django_assert_max_num_queries: Any
    ) -> None:
        admin = make.person("administrator")
        for _ in range(12):
            make.person("validator")
        with days(366):
            client: Client = make.api(admin, "admin")
            with django_assert_max_num_queries(12):
                assert len(client.get("/api/v1/users/to-confirm").json()["results"]) == 13


class TestTelling:
    """Who confirms accounts is written to when some are due, once in thirty days at most."""

    @pytest.fixture
    def posted(self, settings: Any) -> list[Any]:
        settings.EMAIL_URL = "smtp://mail.example"
        make.person("administrator", email="admin@bank.example", printed_name="Administrator")
        make.person("head_of_model_risk", email="head@bank.example")
        make.person("compliance", email="compliance@bank.example")
        make.person("validator", email="vera@bank.example", printed_name="Validator", username="vera")
        return mail.outbox

    def told(self) -> int:
        job = services.plan_telling_accounts_due()
        return jobs.run_now(job).result["told"] if job else 0

    def test_they_are_told_once_and_again_after_thirty_days(self, posted: list[Any]) -> None:
        assert self.told() == 0 and posted == []
        with days(366):
            assert self.told() == 3 and self.told() == 0
        with days(395):
            assert self.told() == 0
        with days(397):
            assert self.told() == 3
        assert sorted({address for letter in posted for address in letter.to}) == [
            "admin@bank.example", "compliance@bank.example", "head@bank.example"
        ]  # fmt: skip
        entries = Entry.objects.filter(verb="accounts.accounts_due_told")
        assert [entry.facts for entry in entries] == [{"accounts": "4", "told": "3"}] * 2

    def test_the_letter_names_accounts_by_printed_name_and_where_they_are_confirmed(self, posted: list[Any]) -> None:
        with days(366):
            self.told()
        text = posted[0].subject + posted[0].body
        assert "Validator" in text and "/admin/accounts-to-confirm/" in text and "365 days" in text
        assert "vera" not in text and "@" not in text

    def test_without_a_mail_server_or_a_period_nobody_is_told(self, posted: list[Any], settings: Any) -> None:
        with days(366):
            settings.EMAIL_URL = ""
            assert self.told() == 0
            settings.EMAIL_URL, settings.ACCOUNT_RECHECK_DAYS = "smtp://mail.example", 0
            assert self.told() == 0
        assert posted == [] and not Entry.objects.filter(verb="accounts.accounts_due_told").exists()

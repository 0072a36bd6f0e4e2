"""Erasing a person at the screen and by the API: one asks, a second one confirms, every door asks for the same rights."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts import services
from apps.accounts.api import examples
from apps.accounts.models import Erasure, PersonalKey, User
from apps.audit.models import Entry
from apps.core.errors import Conflict, Invalid, NotAllowed, WrongState
from tests import factories as make
from tests.accounts.test_personal import committed, signed
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaver() -> User:
    user = make.person("developer", username="leaver", printed_name="Unmistakable Name", email="leaver@example.org")
    committed(user)
    return user


@pytest.fixture
def privacy() -> User:
    return make.person("privacy_officer", username="privacy", printed_name="Privacy officer")


@pytest.fixture
def compliance() -> User:
    return make.person("compliance", username="compliance", printed_name="Compliance officer")


def asked(leaver: User, actor: User, **more: Any) -> Erasure:
    return services.request_erasure(leaver, actor=actor, **{"basis": "asked", "reason": "Request 17", **more})


def entries() -> list[tuple[str, str, str]]:
    rows = Entry.objects.filter(verb__contains="eras").order_by("at")
    return [(row.verb.removeprefix("accounts."), row.actor, row.reason) for row in rows]


class TestService:
    """What is asked, by whom, and what is recorded."""

    def test_asking_erases_nothing_and_confirming_does(self, leaver: User, privacy: User, compliance: User) -> None:
        erasure = asked(leaver, privacy)
        leaver.refresh_from_db()
        assert leaver.printed_name == "Unmistakable Name" and PersonalKey.objects.filter(user=leaver).exists()
        services.confirm_erasure(erasure, username="Leaver", actor=compliance)
        leaver.refresh_from_db()
        assert str(leaver).startswith("Erased person") and not PersonalKey.objects.filter(user=leaver).exists()
        erasure.refresh_from_db()
        assert (erasure.state, erasure.decided_by) == ("erased", compliance)
        assert entries() == [
            ("erasure_requested", privacy.audit_ref, "Request 17"),
            ("erasure_confirmed", compliance.audit_ref, ""),
            ("person_erased", privacy.audit_ref, "Request 17"),
        ]
        said = Entry.objects.get(verb="accounts.person_erased").facts
        assert said == {"basis": "asked", "approver": compliance.audit_ref, "values": "1"}

    def test_nobody_confirms_what_they_asked_for_or_what_is_about_themselves(self, leaver: User, privacy: User) -> None:
        erasure = asked(leaver, privacy)
        make.grant(leaver, "compliance")
        for actor in (privacy, leaver, make.person("developer"), make.person("auditor"), make.service_account()):
            with pytest.raises(NotAllowed):
                services.confirm_erasure(erasure, username="leaver", actor=actor)
        leaver.refresh_from_db()
        assert leaver.erased_at is None and [row[0] for row in entries()] == ["erasure_requested"]

    def test_who_asked_must_still_hold_the_right_when_it_is_confirmed(
        self, leaver: User, privacy: User, compliance: User
    ) -> None:
        erasure = asked(leaver, privacy)
        services.deactivate_user(privacy, reason="Left", actor=make.person("administrator"))
        with pytest.raises(NotAllowed):
            services.confirm_erasure(erasure, username="leaver", actor=compliance)
        erasure.refresh_from_db()
        assert erasure.state == "open"

    def test_another_user_name_erases_nobody(self, leaver: User, privacy: User, compliance: User) -> None:
        erasure = asked(leaver, privacy)
        with pytest.raises(Invalid, match="Nobody was erased"):
            services.confirm_erasure(erasure, username="somebody", actor=compliance)

    def test_a_request_is_declined_with_a_reason_and_can_be_made_again(
        self, leaver: User, privacy: User, compliance: User
    ) -> None:
        erasure = asked(leaver, privacy)
        with pytest.raises(Conflict):
            asked(leaver, make.person("administrator"))
        services.decline_erasure(erasure, reason="A case is pending", actor=compliance)
        assert entries()[-1] == ("erasure_declined", compliance.audit_ref, "A case is pending")
        with pytest.raises(WrongState, match="decided before"):
            services.confirm_erasure(erasure, username="leaver", actor=compliance)
        assert asked(leaver, privacy).state == "open"

    def test_a_signer_inside_the_period_is_refused_when_it_is_asked_for(self, leaver: User, privacy: User) -> None:
        signed(leaver)
        with pytest.raises(WrongState, match=r"Art. 17\(3\)\(b\)"):
            asked(leaver, privacy)
        assert asked(leaver, privacy, basis="court_order").state == "open"

    def test_who_signs_while_a_request_waits_is_refused_when_it_is_confirmed(
        self, leaver: User, privacy: User, compliance: User
    ) -> None:
        erasure = asked(leaver, privacy)
        signed(leaver)
        with pytest.raises(WrongState) as refused:
            services.confirm_erasure(erasure, username="leaver", actor=compliance)
        assert refused.value.code == "RETAINED"

    @pytest.mark.parametrize("reason", ["unmistakable name asked", "of Leaver", "call +49 30 901820"])
    def test_the_reason_does_not_name_whom_it_is_about(self, leaver: User, privacy: User, reason: str) -> None:
        with pytest.raises(Invalid):
            asked(leaver, privacy, reason=reason)
        assert not Erasure.objects.exists() and entries() == []


class TestPages:
    """The same by the pages."""

    def test_from_the_list_to_the_end_with_two_people(self, leaver: User, privacy: User, compliance: User) -> None:
        one, two = make.signed_in(privacy), make.signed_in(compliance)
        found = one.get("/admin/erasures/", {"username": "LEAVER"})
        assert found["Location"] == f"/admin/people/{leaver.pk}/erase/"
        page = one.get(found["Location"]).content.decode()
        for words in ("becomes unreadable", "1 sealed value", "What stays, and why", "21 CFR 11.10", "30 days"):
            assert words in page, words
        sent = one.post(found["Location"], {"basis": "asked", "reason": "Request 17"})
        own = one.get(sent["Location"]).content.decode()
        assert "approved by a second person" in own and "Erase for ever" not in own
        assert (
            "1 request waits for a second person"
            in make.signed_in(make.person("administrator")).get("/admin/").content.decode()
        )
        wrong = two.post(sent["Location"], {"username": "other"})
        assert wrong.status_code == 422 and "Nobody was erased" in wrong.content.decode()
        assert two.post(sent["Location"], {"username": "leaver"}, follow=True).status_code == 200
        for client in (one, two):
            for address in (sent["Location"], "/admin/erasures/", "/admin/people/"):
                assert "Unmistakable" not in client.get(address).content.decode()
        assert "Request 17" in two.get("/admin/erasures/").content.decode()

    def test_declining_asks_for_a_reason(self, leaver: User, privacy: User, compliance: User) -> None:
        erasure = asked(leaver, privacy)
        client, address = make.signed_in(compliance), f"/admin/erasures/{erasure.pk}/decline/"
        assert client.post(address, {"reason": ""}).status_code == 422
        assert client.post(address, {"reason": "A case is pending"}).status_code == 302
        erasure.refresh_from_db()
        assert erasure.state == "declined"

    @pytest.mark.parametrize("role", ["developer", "auditor", "compliance", "validator"])
    def test_who_may_not_ask_reads_why_and_a_sent_form_is_refused(self, leaver: User, role: str) -> None:
        client, address = make.signed_in(make.person(role)), f"/admin/people/{leaver.pk}/erase/"
        assert "Ask a second person" not in client.get(address).content.decode()
        assert client.post(address, {"basis": "asked", "reason": "Request 17"}).status_code == 422
        assert not Erasure.objects.exists()

    def test_whoever_sees_only_some_use_cases_sees_no_requests(self, leaver: User, privacy: User) -> None:
        erasure = asked(leaver, privacy)
        make.use_case("one")
        client: Client = make.signed_in(make.person("privacy_officer", use_case="one"))
        for address in ("/admin/erasures/", f"/admin/erasures/{erasure.pk}/", f"/admin/people/{leaver.pk}/erase/"):
            assert client.get(address).status_code == 403


class TestApi:
    """The same by the API."""

    def test_two_people_erase_a_third_as_the_document_says(self, leaver: User, privacy: User, compliance: User) -> None:
        one, two = make.api(privacy, "admin"), make.api(compliance, "admin")
        made = one.post(f"/api/v1/users/{leaver.pk}/erasures", examples.ERASURE[0])
        assert made.status_code == 201, made.content
        same_shape(made.json(), {**examples.ERASURE[1], "person": f"http://testserver/api/v1/users/{leaver.pk}"})
        address = f"/api/v1/erasures/{made.json()['id']}"
        assert (
            check_problem(one.post(f"{address}/confirm", examples.ERASED[0]), 403)["code"] == "APPROVER_IS_SOMEONE_ELSE"
        )
        done = two.post(f"{address}/confirm", examples.ERASED[0])
        assert done.status_code == 200, done.content
        same_shape(done.json(), {**examples.ERASED[1], "person": f"http://testserver/api/v1/users/{leaver.pk}"})
        assert one.get("/api/v1/erasures", {"state": "erased"}).json()["results"][0]["id"] == made.json()["id"]
        assert "nmistakable" not in one.get(f"/api/v1/users/{leaver.pk}").content.decode()
        check_problem(two.post(f"{address}/decline", {"reason": "Too late"}), 409)

    def test_a_token_without_the_scope_and_a_person_without_the_role_are_refused(
        self, leaver: User, privacy: User
    ) -> None:
        address, body = f"/api/v1/users/{leaver.pk}/erasures", examples.ERASURE[0]
        check_problem(make.api(privacy, "workflow:write").post(address, body), 403)
        check_problem(make.api(make.person("risk_officer"), "admin").post(address, body), 403)
        check_problem(make.api().post(address, body), 401)
        limited = make.api(make.person("privacy_officer", use_case="one"), "admin")
        check_problem(limited.post(address, body), 404)
        assert limited.get("/api/v1/erasures").json()["results"] == []

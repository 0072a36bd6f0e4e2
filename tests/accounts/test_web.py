"""Pages about accounts: profile, theme, tokens shown once, people and roles."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import RoleAssignment, Token, User
from apps.accounts.services import use_token
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return factories.signed_in(factories.person("administrator", username="keeper"))


def token_form(**more: object) -> dict[str, object]:
    end = timezone.localdate() + timedelta(days=30)
    return {"name": "deploy job", "scopes": ["gate:ask"], "expires_at": end.isoformat(), **more}


def test_the_profile_names_the_roles_that_hold() -> None:
    page = factories.signed_in(factories.person("validator")).get("/profile/").content.decode()
    assert "Validator" in page
    assert "Everything" in page


def test_a_chosen_theme_is_written_into_the_page_and_kept_for_the_sign_in_page() -> None:
    client = factories.signed_in(factories.person("auditor"))
    assert client.post("/profile/theme/", {"theme": "dark"}).status_code == 302
    assert 'data-theme="dark"' in client.get("/profile/").content.decode()
    client.logout()
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/accounts/login/").content.decode()


def test_a_theme_nobody_made_is_refused() -> None:
    assert (
        factories.signed_in(factories.person("auditor")).post("/profile/theme/", {"theme": "pink"}).status_code == 422
    )


def test_shortcuts_can_be_switched_off() -> None:
    client = factories.signed_in(factories.person("auditor"))
    client.post("/profile/shortcuts/", {"shortcuts": "off"})
    assert 'data-shortcuts="off"' in client.get("/profile/").content.decode()


def test_a_token_is_shown_once_and_works() -> None:
    who = factories.person("developer")
    client = factories.signed_in(who)
    answer = client.post("/profile/tokens/new/", token_form())
    text = re.search(r"imp_\w{8}_\w{40}", answer.content.decode())
    assert text is not None
    assert "no-store" in answer["Cache-Control"]
    assert use_token(text[0]).user == who
    assert text[0] not in client.get("/profile/").content.decode()


def test_a_token_without_scopes_is_refused_at_the_field() -> None:
    client = factories.signed_in(factories.person("developer"))
    answer = client.post("/profile/tokens/new/", token_form(scopes=[]))
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()


def test_a_token_for_longer_than_allowed_is_refused_at_the_field() -> None:
    client = factories.signed_in(factories.person("developer"))
    far = (timezone.localdate() + timedelta(days=800)).isoformat()
    answer = client.post("/profile/tokens/new/", token_form(expires_at=far))
    assert answer.status_code == 422
    assert "366 days" in answer.content.decode()
    assert not Token.objects.exists()


def test_a_person_revokes_their_own_token_and_nobody_elses() -> None:
    who = factories.person("developer")
    factories.token_for(who, "read")
    token = Token.objects.get()
    url = reverse("accounts:token-revoke", args=[token.pk])
    assert factories.signed_in(factories.person("developer")).post(url).status_code == 403
    assert factories.signed_in(who).post(url).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_the_list_of_people_is_for_who_sees_everything(admin: Client) -> None:
    factories.use_case("one")
    limited = factories.signed_in(factories.person("developer", use_case="one"))
    assert limited.get("/admin/people/").status_code == 403
    assert "Keeper" in admin.get("/admin/people/").content.decode()


def test_people_are_found_by_name_role_and_kind(admin: Client) -> None:
    factories.person("validator", username="vera")
    factories.service_account(username="pipe")
    assert "Vera" in admin.get("/admin/people/", {"role": "validator"}).content.decode()
    assert "Vera" not in admin.get("/admin/people/", {"kind": "service"}).content.decode()
    assert "Pipe" in admin.get("/admin/people/", {"text": "pip"}).content.decode()


def test_an_administrator_grants_and_ends_a_role(admin: Client) -> None:
    vera = factories.person(username="vera")
    url = reverse("accounts:person", args=[vera.pk])
    assert admin.post(url, {"role": "validator", "reason": "Joined the second line"}).status_code == 302
    role = RoleAssignment.objects.get(user=vera)
    assert role.is_current
    admin.post(reverse("accounts:role-revoke", args=[role.pk]), {"reason": "Left"})
    role.refresh_from_db()
    assert not role.is_current


def test_a_role_that_would_void_four_eyes_is_refused_in_words(admin: Client) -> None:
    keeper = User.objects.get(username="keeper")
    answer = admin.post(
        reverse("accounts:person", args=[keeper.pk]), {"role": "risk_officer", "reason": "Short of people"}
    )
    assert answer.status_code == 422
    assert "Administrators set up and never decide" in answer.content.decode()


def test_who_is_no_administrator_reads_the_reason_instead_of_a_form() -> None:
    page = factories.signed_in(factories.person("auditor")).get(
        reverse("accounts:person", args=[factories.person("validator").pk])
    )
    assert "Grant the role" not in page.content.decode()
    assert "An administrator grants roles under Administration." in page.content.decode()


def test_an_administrator_makes_an_account_that_can_do_nothing_yet(admin: Client) -> None:
    form = {"username": "newcomer", "printed_name": "Newcomer", "kind": "person", "password": factories.PASSWORD}
    assert admin.post("/admin/people/new/", form).status_code == 302
    assert not User.objects.get(username="newcomer").assignments.exists()
    assert admin.post("/admin/people/new/", form).status_code == 422


def test_an_administrator_makes_a_token_for_a_service_account_only(admin: Client) -> None:
    pipeline, vera = factories.service_account(), factories.person("validator")
    made = admin.post(reverse("accounts:person-token", args=[pipeline.pk]), token_form())
    assert "Copy it now." in made.content.decode()
    refused = admin.post(reverse("accounts:person-token", args=[vera.pk]), token_form())
    assert refused.status_code == 422
    assert not Token.objects.filter(user=vera).exists()


def test_an_account_is_closed_and_opened_again(admin: Client) -> None:
    vera = factories.person("validator", username="vera")
    url = reverse("accounts:standing", args=[vera.pk])
    admin.post(url, {"move": "deactivate", "reason": "Left"})
    vera.refresh_from_db()
    assert not vera.is_active
    admin.post(url, {"move": "reactivate", "reason": "Came back"})
    vera.refresh_from_db()
    assert vera.is_active


def test_one_click_into_the_demo_exists_only_in_the_demo() -> None:
    factories.person("risk_officer", username="risk")
    client = Client()
    assert client.post("/demo/sign-in/", {"username": "risk"}).status_code == 404
    with override_settings(DEMO=True):
        assert client.post("/demo/sign-in/", {"username": "keeper"}).status_code == 404
        answer = client.post("/demo/sign-in/", {"username": "risk", "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"
    assert client.get("/profile/").status_code == 200


def test_wrong_passwords_are_refused_with_a_summary() -> None:
    factories.person("auditor", username="vera")
    answer = Client().post("/accounts/login/", {"login": "vera", "password": "wrong wrong wrong"})
    assert "There is a problem" in answer.content.decode()
    assert "wrong wrong wrong" not in answer.content.decode()


def test_signing_in_and_out_works_with_the_pages_alone() -> None:
    factories.person("auditor", username="vera")
    client = Client()
    answer = client.post("/accounts/login/", {"login": "vera", "password": factories.PASSWORD})
    assert answer.status_code == 302
    assert "You are signed in as Vera" in client.get("/accounts/logout/").content.decode()
    client.post("/accounts/logout/")
    assert client.get("/profile/").status_code == 302


@pytest.mark.parametrize("url", ["/accounts/password/change/", "/accounts/2fa/", "/accounts/signup/"])
def test_pages_about_signing_in_have_the_products_look(url: str) -> None:
    client = Client() if "signup" in url else factories.signed_in(factories.person("auditor"))
    page = client.get(url, follow=True).content.decode()
    assert "css/app.css" in page
    assert "Menu:" not in page
    assert not re.search(
        r"<h[12][^>]*>\s*\w+[ -][A-Z]|Forgot your password|placeholder=\"(?!Model)", page.partition("<main")[2]
    )


def test_an_identity_is_verified_on_the_person_s_page_by_somebody_else() -> None:
    newcomer = factories.person("validator", identity_verified_at=None, identity_method="")
    client = factories.signed_in(factories.person("compliance", printed_name="Compliance officer"))
    page = client.get(f"/admin/people/{newcomer.pk}/").content.decode()
    assert "Nobody has verified yet" in page and "How you made sure" in page
    answer = client.post(
        f"/admin/people/{newcomer.pk}/verify/", {"method": "video", "reason": "Passport in the camera"}
    )
    assert answer.status_code == 302
    page = client.get(f"/admin/people/{newcomer.pk}/").content.decode()
    assert (
        "Compliance officer" in page and "Video call with a document" in page and "Nobody has verified yet" not in page
    )


def test_without_a_method_nothing_is_verified() -> None:
    newcomer = factories.person("validator", identity_verified_at=None, identity_method="")
    client = factories.signed_in(factories.person("compliance"))
    client.post(f"/admin/people/{newcomer.pk}/verify/", {"method": "", "reason": ""})
    newcomer.refresh_from_db()
    assert newcomer.identity_verified_at is None


def test_pages_about_people_lead_to_confirming_and_erasing_them(admin: Client) -> None:
    person = factories.person("validator")
    own = admin.get(f"/admin/people/{person.pk}/").content.decode()
    assert f"/admin/people/{person.pk}/confirm/" in own and f"/admin/people/{person.pk}/erase/" in own
    everybody = admin.get("/admin/people/").content.decode()
    assert "/admin/accounts-to-confirm/" in everybody and "/admin/erasures/" in everybody
    service = factories.service_account("service")
    assert "/erase/" not in admin.get(f"/admin/people/{service.pk}/").content.decode()


def test_a_second_factor_is_set_up_seen_and_switched_off_on_our_pages() -> None:
    client = factories.signed_in(factories.person("auditor"))
    asked = client.get("/accounts/2fa/totp/activate/", follow=True)
    page = client.post(asked.redirect_chain[-1][0], {"password": factories.PASSWORD}, follow=True).content.decode()
    assert "Scan this with the app" in page and "Activate" not in page
    key = re.search(r'id="authenticator_secret"[^>]*value="(\w+)"', page)
    assert key is not None
    wrong = client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).content.decode()
    assert "There is a problem" in wrong and key[1] in wrong and 'value="000000"' in wrong
    code = totp.format_hotp_value(totp.hotp_value(key[1], next(iter(totp.yield_hotp_counters_from_time()))))
    page = client.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True).content.decode()
    assert "10 of 10 codes are left" in page
    assert re.search(r"since \d+ \w+ \d{4}", client.get("/accounts/2fa/").content.decode())
    assert "The 10 codes that are left end" in client.get("/accounts/2fa/recovery-codes/generate/").content.decode()
    assert "Keep it on" in client.get("/accounts/2fa/totp/deactivate/").content.decode()
    assert "Set up an app" in client.post("/accounts/2fa/totp/deactivate/", follow=True).content.decode()

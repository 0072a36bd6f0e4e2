"""The JSON door of accounts: scopes, refusals as problem+json, examples that are true."""

from typing import Any

import pytest

from apps.accounts.api import examples
from apps.accounts.models import Token
from tests import factories as make
from tests.accounts.test_passkeys import enrol
from tests.answers import check_problem, same_shape
from tests.authenticator import Authenticator

pytestmark = pytest.mark.django_db


def test_without_credentials_every_call_is_401_with_a_challenge() -> None:
    answer = make.api().get("/api/v1/me")
    check_problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer imp_x", "bearer \xff", "Bearer " + "x" * 5000])
def test_a_garbage_bearer_header_is_401_and_never_500(header: str) -> None:
    client = make.api()
    client.credentials(HTTP_AUTHORIZATION=header)
    check_problem(client.get("/api/v1/me"), 401)


def test_a_token_says_who_it_acts_as() -> None:
    user = make.person("developer", username="dev")
    assert make.api(user, "read").get("/api/v1/me").json()["roles"] == ["developer"]


def test_a_token_of_another_scope_is_refused_with_the_scope_that_is_missing() -> None:
    answer = make.api(make.person("administrator"), "read").get("/api/v1/users")
    assert check_problem(answer, 403)["required_scope"] == "admin"


def test_a_scope_replaces_no_role() -> None:
    answer = make.api(make.person("developer"), "admin").post("/api/v1/users", {"username": "x", "printed_name": "X"})
    assert check_problem(answer, 403)["code"] == "ROLE_MISSING"


def test_people_without_a_role_see_only_themselves() -> None:
    make.person("developer")
    alone = make.person()
    rows = make.api(alone).get("/api/v1/users").json()["results"]
    assert [row["username"] for row in rows] == [alone.username]


def test_an_unknown_field_is_refused_by_name() -> None:
    body = {"username": "x", "printed_name": "X", "is_superuser": True}
    problem = check_problem(make.api(make.person("administrator")).post("/api/v1/users", body), 422)
    assert problem["errors"][0]["pointer"] == "/is_superuser"


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '"x"', "null", '{"username": {"a": 1}}', '{"username": "\\u0000"}', "[[[[", "NaN"]
)
def test_garbage_bodies_give_problem_json(body: str) -> None:
    client = make.api(make.person("administrator"))
    for path in ("users", "roles", "tokens"):
        answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
        check_problem(answer, {400, 422})


def test_a_token_is_shown_once() -> None:
    user = make.person("developer")
    made = make.api(user).post("/api/v1/tokens", {"name": "laptop", "scopes": ["read"]})
    assert made.status_code == 201
    text = made.json()["token"]
    again = make.api(user).get(f"/api/v1/tokens/{made.json()['id']}")
    assert "token" not in again.json() and text not in again.content.decode()
    client = make.api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/api/v1/me").json()["username"] == user.username


def test_nobody_sees_or_revokes_the_token_of_another_person() -> None:
    other = make.person("developer")
    make.token_for(other, "read")
    token = Token.objects.get(user=other)
    answer = make.api(make.person("risk_officer")).post(f"/api/v1/tokens/{token.pk}/revoke", {"reason": "x"})
    check_problem(answer, 404)


def test_an_administrator_revokes_any_token() -> None:
    other = make.person("developer")
    make.token_for(other, "read")
    token = Token.objects.get(user=other)
    client = make.api(make.person("administrator"))
    assert client.post(f"/api/v1/tokens/{token.pk}/revoke", {"reason": "lost"}).status_code == 200
    token.refresh_from_db()
    assert not token.is_usable


def test_self_grant_through_the_api_is_refused_with_the_sentence() -> None:
    admin = make.person("administrator", username="admin")
    problem = check_problem(make.api(admin).post("/api/v1/roles", {"user": "admin", "role": "risk_officer"}), 403)
    assert "cannot make yourself risk officer" in problem["detail"]


@pytest.mark.parametrize(("method", "path", "example"), [
    ("post", "users", examples.USER),
    ("post", "roles", examples.ROLE),
    ("post", "tokens", examples.TOKEN),
    ("put", "organisation/facts", examples.FACTS),
])  # fmt: skip
def test_the_examples_of_the_openapi_document_are_true(method: str, path: str, example: tuple[Any, Any]) -> None:
    admin = make.person("administrator", username="admin")
    if path == "roles":
        make.person(username="validator2")
    answer = getattr(make.api(admin), method)(f"/api/v1/{path}", example[0])
    assert answer.status_code in {200, 201}, answer.content
    same_shape(answer.json(), example[1])


def test_a_second_person_verifies_an_identity_as_the_document_says() -> None:
    new = {"identity_verified_at": None, "identity_method": ""}
    newcomer = make.person(username="validator2", printed_name="Second validator", **new)
    compliance = make.person("compliance", username="compliance")
    address = f"/api/v1/users/{newcomer.pk}/verify-identity"
    answer = make.api(compliance, "workflow:write").post(address, examples.IDENTITY[0])
    assert answer.status_code == 200, answer.content
    same_shape(answer.json(), examples.IDENTITY[1])
    assert answer.json()["identity_verified_by"] == "compliance"


def test_nobody_verifies_their_own_identity_and_a_method_is_named() -> None:
    compliance = make.person("compliance")
    caller = make.api(compliance, "workflow:write")
    own = caller.post(f"/api/v1/users/{compliance.pk}/verify-identity", examples.IDENTITY[0])
    assert check_problem(own, 403)["code"] == "VERIFIER_IS_SOMEONE_ELSE"
    other = f"/api/v1/users/{make.person('validator').pk}/verify-identity"
    assert check_problem(caller.post(other, {"reason": "Met"}), 422)["errors"][0]["pointer"] == "/method"
    assert check_problem(caller.post(other, {"reason": "Met", "method": "earlier"}), 422)


def test_one_sees_and_ends_one_s_own_passkeys_only() -> None:
    user, other = make.person("validator"), make.person("validator")
    passkey = enrol(user, Authenticator())
    caller, stranger = (make.api(who, "read", "workflow:write") for who in (user, other))
    row = caller.get("/api/v1/me/passkeys").json()["results"][0]
    assert row["id"] == str(passkey.pk) and row["public_key"] == passkey.public_key and row["rp_id"] == "localhost"
    assert stranger.get("/api/v1/me/passkeys").json()["results"] == []
    address = f"/api/v1/me/passkeys/{passkey.pk}"
    check_problem(stranger.post(f"{address}/revoke", {"reason": "Mine now"}), 404)
    assert caller.post(f"{address}/revoke", {"reason": "Lost"}).json()["revoked_at"]
    assert caller.get(address).json()["revoked_at"]

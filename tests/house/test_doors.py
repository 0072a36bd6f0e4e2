"""Every address refuses an outsider unless it is listed here with the reason why it is open."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

PUBLIC = {
    "healthz": "a machine asks whether the process lives",
    "readyz": "a machine asks whether traffic may come",
    "metrics": "asks for its own token or the loopback address",
    "api/schema/": "the API's description holds nothing about this installation",
    "api/docs/": "the same, as pages",
    "api/redoc/": "the same, as pages",
    "favicon.ico": "a picture",
}
SIGN_IN = "accounts/"  # allauth's pages: signing in must be possible from outside
SAMPLES = {
    "uuid": "00000000-0000-7000-8000-00000000dead",
    "int": "1",
    "slug": "nobody",
    "str": "nobody",
    "path": "no/body",
}


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every address with a sample in the place of each parameter."""
    for entry in resolver.url_patterns:
        pattern = entry.pattern
        if isinstance(pattern, RoutePattern):
            part = re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES.get(found[1] or "str", "nobody"), str(pattern))
        elif isinstance(pattern, RegexPattern):
            part = re.sub(r"\(\?P<\w+>[^)]*\)", "nobody", str(pattern)).strip("^$").replace("\\Z", "").replace("\\", "")
        else:
            part = ""
        if isinstance(entry, URLPattern):
            yield prefix + part
        else:
            yield from routes(entry, prefix + part)


def refuses(client: Client, address: str) -> bool:
    """True for a way to the sign-in page, 401 or 403; what only takes POST is asked by POST."""
    answer = client.get(address)
    if answer.status_code == 405:
        answer = client.post(address, data="{}", content_type="application/json")
    if answer.status_code == 302:
        return "/accounts/login/" in answer.headers["Location"]
    return answer.status_code in {401, 403}


@pytest.mark.django_db
def test_every_address_refuses_an_outsider_unless_listed_public() -> None:
    client = Client()
    open_doors = []
    for route in sorted(set(routes(get_resolver()))):
        if route in PUBLIC or route.startswith(SIGN_IN):
            continue
        if not refuses(client, f"/{route}"):
            open_doors.append(f"/{route} {client.get(f'/{route}').status_code}")
    assert open_doors == []


@pytest.mark.django_db
def test_nobody_signs_up_by_themselves() -> None:
    client = Client()
    answer = client.post(
        "/accounts/signup/", {"username": "outsider", "password1": "a-long-secret-1", "password2": "a-long-secret-1"}
    )
    assert "_auth_user_id" not in client.session
    assert answer.status_code in {200, 302, 403, 404}


@pytest.mark.django_db
def test_what_is_listed_public_exists() -> None:
    known = set(routes(get_resolver()))
    assert {route for route in PUBLIC if route not in known and route not in {"favicon.ico"}} == set()

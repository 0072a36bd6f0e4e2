"""Every address refuses an outsider unless it is listed here with the reason why it is open."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

from tests.house import source

PUBLIC = {
    "healthz": "a machine asks whether the process lives",
    "readyz": "a machine asks whether traffic may come",
    "metrics": "asks for its own token or the loopback address",
    "api/schema/": "the API's description holds nothing about this installation",
    "api/docs/": "the same, as pages",
    "api/redoc/": "the same, as pages",
    ".well-known/authzen-configuration": "AuthZEN clients find the addresses to ask here; it holds nothing else",
    "demo/sign-in/": "the demo's one-click sign-in; outside demo mode there is no such page",
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


def sample(pattern: RoutePattern, kind: str | None, name: str) -> str:
    """A value that this parameter takes; of a converter of our own the first word it names."""
    return SAMPLES.get(kind or "str") or pattern.converters[name].regex.strip("()").split("|")[0]


def fitting(pattern: str) -> str:
    """A value that this regular expression takes."""
    return next((value for value in (*SAMPLES.values(), *pattern.split("|")) if re.fullmatch(pattern, value)), "nobody")


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every address with a sample in the place of each parameter."""
    for entry in resolver.url_patterns:
        pattern, part = entry.pattern, ""
        if isinstance(pattern, RoutePattern):
            part = re.sub(r"<(?:(\w+):)?(\w+)>", lambda found, of=pattern: sample(of, found[1], found[2]), str(pattern))
        elif isinstance(pattern, RegexPattern):
            part = re.sub(r"\(\?P<\w+>([^)]*)\)", lambda found: fitting(found[1]), str(pattern))
            part = part.strip("^$").replace("\\Z", "").replace("\\", "")
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
    source.nothing(open_doors)


@pytest.mark.django_db
def test_nobody_signs_up_by_themselves() -> None:
    client = Client()
    answer = client.post(
        "/accounts/signup/", {"username": "outsider", "password1": "a-long-secret-1", "password2": "a-long-secret-1"}
    )
    assert "_auth_user_id" not in client.session
    assert answer.status_code in {200, 302, 403, 404}


@pytest.mark.django_db
def test_the_demo_signs_nobody_in_outside_demo_mode() -> None:
    client = Client()
    for name in ("developer", "risk", "admin"):
        assert client.post("/demo/sign-in/", {"username": name}).status_code == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_what_is_listed_public_exists() -> None:
    known = set(routes(get_resolver()))
    assert {route for route in PUBLIC if route not in known and route not in {"favicon.ico"}} == set()

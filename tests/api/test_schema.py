"""Requests that the OpenAPI document describes, and requests that break it, by everyone: never a 5xx, always a problem.

Every case runs against the WSGI application and is rolled back, so that the world stays the same for the next one. The seed is fixed.
"""

import contextlib
import functools
import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
from django.core.signals import got_request_exception
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.api.conftest import Town

EXAMPLES = 5  # of each mode: as the document says, and against it
PARTS = 4
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@functools.cache
def operations() -> list[Any]:
    """Every operation of the document that the product would serve."""
    described = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(described, default=str)))
    return [found.ok() for found in schema.get_all_operations()]


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that is rolled back; services may open durable ones inside, as in any TestCase."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def defects() -> Iterator[list[str]]:
    """What views raised that nobody turned into an answer."""
    seen: list[str] = []

    def note(sender: Any, request: Any = None, **more: Any) -> None:
        seen.append("".join(traceback.format_exc().splitlines(keepends=True)[-12:]))

    got_request_exception.connect(note)
    try:
        yield seen
    finally:
        got_request_exception.disconnect(note)


def wrong_with(answer: Any) -> str:
    """What an answer lacks, empty when it is as promised."""
    if answer.status_code >= 500:
        return f"answered {answer.status_code}"
    if answer.status_code < 400:
        return ""
    if answer.headers.get("Content-Type") != "application/problem+json":
        return f"answered {answer.status_code} as {answer.headers.get('Content-Type')}"
    body = json.loads(answer.content)
    missing = sorted(PROBLEM - set(body))
    if missing or not body["code"] or not body["request_id"]:
        return f"answered {answer.status_code} without {', '.join(missing) or 'code or request_id'}"
    return "" if body["status"] == answer.status_code else f"says {body['status']} and answers {answer.status_code}"


@functools.cache
def browser() -> Client:
    """One client for all: a new one reads the folder of static files again."""
    return Client(raise_request_exception=False)


def send(case: Any, headers: dict[str, str]) -> Any:
    """The case through the whole stack of middleware, exactly as generated."""
    wanted = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
    names = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
    request = requests.Request(**{name: wanted[name] for name in names if name in wanted}).prepare()
    body, sent = request.body or b"", dict(request.headers)
    kind = sent.pop("Content-Type", "")
    sent.pop("Content-Length", None)
    return browser().generic(
        request.method or "GET",
        request.path_url,
        body.encode() if isinstance(body, str) else body,
        content_type=kind,
        headers=sent,
    )


def ask(case: Any, town: Town) -> Iterator[str]:
    """Send one case as everyone; yield what is wrong with each answer."""
    for role, headers in town.headers.items():
        with defects() as raised, undone():
            answer = send(case, headers)
        if wrong := wrong_with(answer):
            told = f"path {case.path_parameters} query {case.query} body {case.body!r:.300}"
            yield "\n".join([f"{case.operation.label} as {role} {wrong}: {told}", *raised[-1:]])


def attack(operation: Any, town: Town) -> list[str]:
    """Every failure of one operation; what can be generated is, positive and negative."""
    failures: list[str] = []

    def run(drawn: tuple[Any, bool]) -> None:
        case, is_seeded = drawn
        for name in case.path_parameters or {}:
            real = town.value(operation.path, name)
            if is_seeded and real is not None:
                case.path_parameters[name] = real
        failures.extend(ask(case, town))

    for mode in GenerationMode:
        strategy = st.tuples(operation.as_strategy(generation_mode=mode), st.booleans())
        with contextlib.suppress(Unsatisfiable, pytest.skip.Exception):  # nothing to break in this operation
            BOUNDED(given(strategy)(run))()
    return failures[:3]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_is_answered_with_a_server_error(town: Town, db: None, part: int) -> None:
    failures = [text for operation in operations()[part::PARTS] for text in attack(operation, town)]
    assert not failures, f"{len(failures)} failures\n" + "\n".join(failures)

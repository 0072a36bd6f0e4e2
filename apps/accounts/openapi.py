"""Words for the OpenAPI document that calls of every app share: refusals, and one example of a request and its reply."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema

from apps.core.rest import Problem

KIND = "application/problem+json"


def refused(*statuses: int) -> dict[tuple[int, str], Any]:
    """The refusals a call may answer with; 401 and 403 come with every call."""
    return {(status, KIND): Problem for status in (401, 403, *statuses)}


def describe(
    summary: str,
    *,
    sends: Any = None,
    answers: Any = None,
    status: int = 200,
    also: dict[int, Any] | None = None,
    refuses: tuple[int, ...] = (),
    example: tuple[Any, Any] | None = None,
    **more: Any,
) -> Any:
    """`extend_schema` with what our calls have in common.

    `also` are further good answers, by status; `example` is (request body, reply body), kept true by a test.
    """
    examples = []
    if example is not None:
        examples = [
            OpenApiExample("Request", value=example[0], request_only=True),
            OpenApiExample("Reply", value=example[1], response_only=True, status_codes=[str(status)]),
        ]
    return extend_schema(
        summary=summary,
        request=sends,
        responses={status: answers, **(also or {}), **refused(*refuses)},
        examples=examples,
        **more,
    )

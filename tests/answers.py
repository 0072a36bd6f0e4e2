"""Looking at answers of the API: the shape of a refusal, and whether an example in the OpenAPI document is true."""

from collections.abc import Collection
from typing import Any


def check_problem(answer: Any, status: int | Collection[int]) -> dict[str, Any]:
    """The problem+json body of a refusal with this status."""
    wanted = {status} if isinstance(status, int) else set(status)
    assert answer.status_code in wanted, (answer.status_code, answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code and body["code"] and body["detail"]
    return body


def same_shape(real: Any, example: Any, path: str = "") -> None:
    """Whether an answer has the keys, the kinds and (where they are not ids, times or addresses) the values of an example."""
    if isinstance(example, dict):
        assert isinstance(real, dict) and set(real) == set(example), (path, real, example)
        for key in example:
            same_shape(real[key], example[key], f"{path}/{key}")
    elif isinstance(example, list):
        assert isinstance(real, list) and len(real) == len(example), (path, real, example)
        for index, row in enumerate(example):
            same_shape(real[index], row, f"{path}/{index}")
    else:
        assert type(real) is type(example), (path, real, example)
        fresh = {"id", "url", "page", "dataset", "version", "decision", "prefix", "token", "digest"}
        if path.rpartition("/")[2] not in fresh and not path.endswith(("_at", "valid_from")):
            assert real == example, (path, real, example)

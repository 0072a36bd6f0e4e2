"""The journey's way in: HTTP calls with a token, repeated while the server is away, safe to repeat because they carry a key."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apps.core import fetch
from apps.core.errors import Unavailable

PATIENCE = 90.0
PAUSE = 0.5


class Refused(Exception):
    """The product said no: the status, and the problem it answered with."""

    def __init__(self, status: int, body: Any, asked: str) -> None:
        self.status, self.body = status, body
        detail = body.get("detail", "") if isinstance(body, dict) else str(body)[:300]
        super().__init__(f"{asked}: {status} {detail}")


@dataclass(frozen=True)
class Caller:
    """Someone who calls the API: a person or a pipeline, by their token."""

    base: str
    token: str

    def get(self, path: str) -> Any:
        """The answer to a GET. Raises Refused."""
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer to a POST; `key` makes a repetition have one effect. Raises Refused."""
        return self.call("POST", path, body if body is not None else {}, key=key)

    def put(self, path: str, body: Any) -> Any:
        """The answer to a PUT. Raises Refused."""
        return self.call("PUT", path, body)

    def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """One call, repeated while no server answers, it is unavailable, or the same key is still being worked on."""
        status, content = self.raw(method, path, body, key=key)
        found = json.loads(content) if content else None
        if status >= 400:
            raise Refused(status, found, f"{method} {path}")
        return found

    def raw(self, method: str, path: str, body: Any = None, *, key: str = "") -> tuple[int, bytes]:
        """Status and bytes of the answer, after as many tries as the server needs to come back."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        address = urlsplit(self.base).netloc
        url = path if path.startswith("http") else f"{self.base}{path}"
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = fetch.request(method, url, allowed=[address], json=body, headers=headers)
            except Unavailable:
                if time.monotonic() > end:
                    raise
                time.sleep(PAUSE)
                continue
            if (answer.status == 503 or is_in_flight(answer)) and time.monotonic() < end:
                time.sleep(PAUSE)
                continue
            return answer.status, answer.body

    def finished(self, job_url: str, *, patience: float = 240.0) -> dict[str, Any]:
        """The job when it is over. Raises Refused when it failed, TimeoutError when it took too long."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            job: dict[str, Any] = self.get(job_url)
            if job["state"] == "done":
                return job
            if job["state"] in {"failed", "cancelled"}:
                raise Refused(500, {"detail": job["error"]}, job_url)
            time.sleep(PAUSE)
        raise TimeoutError(f"{job_url} is not done after {patience:.0f} s")

    def save(self, path: str, target: Path) -> Path:
        """Write the bytes of an answer into a file. Raises Refused."""
        status, content = self.raw("GET", path)
        if status >= 400:
            raise Refused(status, json.loads(content or b"{}"), f"GET {path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target


def is_in_flight(answer: fetch.Answer) -> bool:
    """Whether an earlier try with the same key is still being worked on."""
    return answer.status == 409 and b'"IN_FLIGHT"' in answer.body

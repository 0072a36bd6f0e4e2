"""The one guarded HTTP client: allow-listed hosts, no redirects, time limits, size caps, no surprises from DNS.

Server-side request forgery is stopped here and nowhere else: no other module imports an HTTP client.
"""

import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from apps.core.errors import NotAllowed, Unavailable

MOST_BYTES = 64 * 1024 * 1024
TIMEOUT = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_allowed(url: str, allowed: Collection[str]) -> bool:
    """Whether the URL's host, or host:port, is on the list. An entry without a port allows the scheme's default port only."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        return False
    default = 443 if parts.scheme == "https" else 80
    port = parts.port or default
    names = {f"{parts.hostname}:{port}"} | ({parts.hostname} if port == default else set())
    return bool(names & {entry.strip().lower() for entry in allowed})


def resolve(url: str, allowed: Collection[str]) -> str:
    """The address to connect to. A private address is taken only where the list names host and port."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as unknown:
        raise Unavailable(f"The host {host} is not known: {unknown}.", code="HOST_UNKNOWN") from unknown
    address = str(found[0][4][0])
    names_port = f"{host}:{port}" in {entry.strip().lower() for entry in allowed}
    if not ipaddress.ip_address(address.split("%")[0]).is_global and not names_port:
        raise NotAllowed(
            f"{host} is a private address. An administrator may allow it by naming {host}:{port} in the settings.",
            code="PRIVATE_ADDRESS",
        )
    return address


def request(
    method: str,
    url: str,
    *,
    allowed: Collection[str],
    json: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
    timeout: httpx.Timeout | float = TIMEOUT,
    client: httpx.Client | None = None,
) -> Answer:
    """Send one request. Raises NotAllowed (host not on the list) or Unavailable (no answer, too large)."""
    if not is_allowed(url, allowed):
        host = urlsplit(url).netloc.rpartition("@")[2] or url[:60]
        raise NotAllowed(
            f"{host} is not on the list of allowed hosts. An administrator adds it to ALLOWED_SCORING_HOSTS.",
            code="HOST_NOT_ALLOWED",
        )
    resolve(url, allowed)
    own = client is None
    client = client or new_client(timeout)
    try:
        with client.stream(method, url, json=json, content=content, headers=headers) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > most_bytes:
                    raise Unavailable(f"{url} answered with more than {most_bytes} bytes.", code="ANSWER_TOO_LARGE")
            return Answer(response.status_code, dict(response.headers), bytes(body))
    except (httpx.ReadTimeout, httpx.WriteTimeout) as late:
        raise Unavailable(f"{url} did not answer in time.", code="TIMED_OUT") from late
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as failed:
        raise Unavailable(f"{url} did not answer: {failed or type(failed).__name__}.", code="NO_ANSWER") from failed
    finally:
        if own:
            client.close()


def new_client(timeout: httpx.Timeout | float = TIMEOUT) -> httpx.Client:
    """A client for many requests to one host: no redirects, no proxies from the environment."""
    return httpx.Client(follow_redirects=False, trust_env=False, timeout=timeout)

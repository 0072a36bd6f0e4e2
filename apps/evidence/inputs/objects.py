"""Data in an object store: s3, gs or abfs, under the places that an administrator named.

Who answers is named by settings, never by an address.

An object is copied once, into a folder of the job that only the owner can read, and from then on it is a file like any other: hashed
as it is read, cut into parts, counted again after a kill without being fetched again. The copy is removed when the measurement ends.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs.places import allowed_path

SCHEMES = {"s3", "gs", "abfs"}
CHUNK = 16 * 1024 * 1024
LEFT_FREE = 1024**3  # bytes of disk that a copy must leave
STALE_SECONDS = 2 * 24 * 3600
CONNECT_SECONDS, REQUEST_SECONDS = 10.0, 60.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stores:
    """Which places may be read (`s3://bucket/folder`), who answers for each scheme, and where copies of this job stand."""

    allowed: Sequence[str]
    folder: Path
    endpoints: Mapping[str, str] = field(default_factory=dict)
    region: str = ""


@dataclass(frozen=True)
class Place:
    """One object: its scheme, the bucket (of abfs, container@account), and its key."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"


def is_object(uri: str) -> bool:
    """Whether an address names an object in a store."""
    return urlsplit(uri).scheme.lower() in SCHEMES


def place_of(uri: str) -> Place:
    """The object that an address names. Raises Unmeasurable where it names anything more: a port, a password, an endpoint."""
    parts = urlsplit(uri)
    scheme, bucket, key = parts.scheme.lower(), parts.netloc, unquote(parts.path).lstrip("/")
    is_plain = ":" not in bucket and bucket.count("@") == (scheme == "abfs") and "\\" not in uri and "\x00" not in key
    steps = key.split("/")
    is_whole = all(steps) and not {".", ".."} & set(steps)
    asks = {name for name in parts.query.replace("&", "=").split("=")[::2] if name}
    if not (bucket and is_plain and is_whole) or parts.fragment or asks - {"table", "sql"}:
        raise Unmeasurable(
            f"{uri[:200]} is no address of an object. Give s3://bucket/key, gs://bucket/key or abfs://container@account/key; who "
            "answers there is set by an administrator and not by the address.",
            code="NO_OBJECT_ADDRESS",
        )
    return Place(scheme, bucket, key)


def allowed_place(uri: str, allowed: Sequence[str]) -> Place:
    """The object, where it stands in one of the places allowed. Raises Unmeasurable otherwise."""
    place = place_of(uri)
    for entry in allowed:
        scheme, _, rest = entry.strip().rstrip("/").partition("://")
        bucket, _, folder = rest.partition("/")
        if (scheme.lower(), bucket) == (place.scheme, place.bucket) and f"{place.key}/".startswith(
            f"{folder}/" if folder else ""
        ):
            return place
    raise Unmeasurable(
        f"{str(place)[:200]} lies outside the allowed object stores. An administrator adds its bucket, or a folder of it, to "
        "ALLOWED_DATA_STORES.",
        code="OUTSIDE_STORES",
    )


def filesystem(place: Place, stores: Stores) -> Any:
    """The store that answers for this place."""
    endpoint = urlsplit(stores.endpoints.get(place.scheme, ""))
    at = {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme} if endpoint.netloc else {}
    if place.scheme == "s3":
        waits = {"connect_timeout": CONNECT_SECONDS, "request_timeout": REQUEST_SECONDS}
        return pyarrow.fs.S3FileSystem(**at, **waits, **({"region": stores.region} if stores.region else {}))
    if place.scheme == "gs":
        from datetime import timedelta

        return pyarrow.fs.GcsFileSystem(**at, retry_time_limit=timedelta(seconds=REQUEST_SECONDS), anonymous=bool(at))
    authority = {"blob_storage_authority": endpoint.netloc, "blob_storage_scheme": endpoint.scheme} if at else {}
    return pyarrow.fs.AzureFileSystem(account_name=place.bucket.partition("@")[2], **authority)


@contextlib.contextmanager
def telling(place: Place) -> Iterator[None]:
    """What a store refuses becomes Unmeasurable, in words that hold no credentials."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError) as refused:
        reason = str(refused).splitlines()[0][:200] if str(refused) else type(refused).__name__
        raise Unmeasurable(
            f"{str(place)[:200]} could not be read from its store: {reason}", code="STORE_REFUSED"
        ) from refused


def copied(uri: str, stores: Stores, *, most: int, progress: Progress = lambda *said: None) -> Path:
    """The object as a file in the job's folder; fetched unless the same object is there whole. Raises Unmeasurable."""
    place = allowed_place(uri, stores.allowed)
    inside = f"{place.bucket.partition('@')[0]}/{place.key}"
    with telling(place):
        store = filesystem(place, stores)
        found = store.get_file_info(inside)
    if found.type != pyarrow.fs.FileType.File:
        raise Unmeasurable(f"{place} is not there, or these credentials may not see it.", code="NO_OBJECT")
    stores.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if found.size > most or found.size > shutil.disk_usage(stores.folder).free - LEFT_FREE:
        raise Unmeasurable(
            f"{place} has {found.size:,} bytes: more than one check reads, or more than this server's disk can hold. Link a sample.",
            code="OBJECT_TOO_LARGE",
        )
    mark = hashlib.sha256(f"{place}\n{found.size}\n{found.mtime_ns}".encode()).hexdigest()
    target = stores.folder / mark / place.key.rpartition("/")[2]
    if not target.exists():
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with telling(place), store.open_input_stream(inside) as stream:
            _keep(stream, target, found.size, str(place), progress)
    return target


def _keep(stream: Any, target: Path, size: int, name: str, progress: Progress) -> None:
    """Copy a stream into a file that is there whole or not at all."""
    draft, done = target.with_name(f".{os.getpid()}"), 0
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            if done > size:
                break
            progress(f"Fetching {name}", done, size)
    if done != size:
        draft.unlink(missing_ok=True)
        raise Unmeasurable(f"{name} changed while it was fetched. Ask for the check again.", code="OBJECT_CHANGED")
    os.replace(draft, target)


def address(uri: str, stores: Stores, *, most: int, progress: Progress = lambda *said: None) -> tuple[str, list[str]]:
    """The address of the copy, with what the address asked of it, and the root under which it lies."""
    path = copied(uri, stores, most=most, progress=progress)
    asked = urlsplit(uri).query
    return path.as_uri() + (f"?{asked}" if asked else ""), [str(allowed_path(str(stores.folder), [str(stores.folder)]))]


def forget(folder: Path) -> None:
    """Remove the copies of one job."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_stale(parent: Path) -> None:
    """Remove the copies of jobs that were given up."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                forget(folder)

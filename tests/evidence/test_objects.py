"""Data in object stores: what an address may say, which places may be read, and a check over s3 on a server of another project."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import pytest

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import objects
from apps.evidence.models import Evidence
from tests import factories
from tests.benchmarks import peers
from tests.evidence.conftest import credit_rows
from tests.evidence.test_measuring import measured

ALLOWED = ["s3://lake/credit", "gs://house", "abfs://data@account/"]


@pytest.mark.parametrize("uri", ["s3://lake/credit/rows.csv", "gs://house/a/b.parquet", "abfs://data@account/x.arrow",
                                 "S3://lake/credit/a%20b.csv", "s3://lake/credit/bank.duckdb?table=loans"])  # fmt: skip
def test_an_object_under_an_allowed_place_may_be_read(uri: str) -> None:
    assert objects.is_object(uri)
    assert objects.allowed_place(uri, ALLOWED).key


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://lake/credits/rows.csv", "OUTSIDE_STORES"),
        ("s3://other/credit/rows.csv", "OUTSIDE_STORES"),
        ("gs://lake/credit/rows.csv", "OUTSIDE_STORES"),
        ("abfs://data@elsewhere/x.arrow", "OUTSIDE_STORES"),
        ("s3://lake/credit/../secret/rows.csv", "NO_OBJECT_ADDRESS"),
        ("s3://lake/credit/%2e%2e/secret.csv", "NO_OBJECT_ADDRESS"),
        ("s3://lake/credit//rows.csv", "NO_OBJECT_ADDRESS"),
        ("s3://lake/credit/rows.csv?endpoint_override=169.254.169.254", "NO_OBJECT_ADDRESS"),
        ("s3://lake/credit/rows.csv?table=x&endpoint_override=internal", "NO_OBJECT_ADDRESS"),
        ("s3://lake/credit/rows.csv#x", "NO_OBJECT_ADDRESS"),
        ("s3://lake:9000/credit/rows.csv", "NO_OBJECT_ADDRESS"),
        ("s3://key:secret@lake/credit/rows.csv", "NO_OBJECT_ADDRESS"),
        ("s3://127.0.0.1@lake/credit/rows.csv", "NO_OBJECT_ADDRESS"),
        ("abfs://data/x.arrow", "NO_OBJECT_ADDRESS"),
        ("s3:///credit/rows.csv", "NO_OBJECT_ADDRESS"),
        ("s3://lake", "NO_OBJECT_ADDRESS"),
    ],
)
def test_other_addresses_are_refused_before_anybody_is_asked(tmp_path: Path, uri: str, code: str) -> None:
    stores = objects.Stores(ALLOWED, tmp_path, {"s3": "http://127.0.0.1:9"})
    with pytest.raises(Unmeasurable) as refused:
        objects.address(uri, stores, most=10)
    assert refused.value.code == code


def test_no_place_allowed_means_no_object(tmp_path: Path) -> None:
    with pytest.raises(Unmeasurable, match="ALLOWED_DATA_STORES"):
        objects.address("s3://lake/credit/rows.csv", objects.Stores([], tmp_path), most=10)


def test_what_lies_long_is_removed(tmp_path: Path) -> None:
    for name, age in (("old", objects.STALE_SECONDS + 60), ("new", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    objects.forget_stale(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]


# --- against a server ------------------------------------------------------------------------------------------------------


def program() -> list[str] | None:
    """How moto's server is started: by name, or with uvx where PEERS=1 asks for it."""
    if found := os.environ.get("MOTO_SERVER") or shutil.which("moto_server"):
        return [found]
    return (
        [str(peers.uvx()), "--from", "moto[s3,server]", "moto_server"]
        if os.environ.get("PEERS") == "1" and peers.uvx()
        else None
    )


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 server of another project."""
    command = program()
    if command is None:
        pytest.skip("moto_server is not installed: name it in MOTO_SERVER, or set PEERS=1 to have uvx install it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([*command, "-H", "127.0.0.1", "-p", str(port)], stdout=quiet, stderr=quiet)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    pytest.skip("moto_server could not be started")
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def lake(store: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_root: Path) -> Any:
    """A bucket on the server with the credit rows, allowed to be read."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    settings.ALLOWED_DATA_STORES = ["s3://lake/credit"]
    settings.STORE_ENDPOINTS, settings.S3_REGION = {"s3": store}, "us-east-1"
    settings.EVIDENCE_COPIES = tmp_path / "copies"
    where = store.removeprefix("http://")
    found = pyarrow.fs.S3FileSystem(
        endpoint_override=where, scheme="http", region="us-east-1", allow_bucket_creation=True, allow_delayed_open=True
    )
    found.create_dir("lake")
    pyarrow.parquet.write_table(pa.Table.from_pylist(credit_rows()), "lake/credit/rows.parquet", filesystem=found)
    return found


@pytest.mark.peer
@pytest.mark.django_db
def test_a_check_reads_an_object_as_it_reads_a_file(lake: Any, data_root: Path, tmp_path: Path) -> None:
    with lake.open_input_stream("lake/credit/rows.parquet") as stream:
        content = stream.read()
    (data_root / "rows.parquet").write_bytes(content)
    digests = []
    for uri in ("s3://lake/credit/rows.parquet", (data_root / "rows.parquet").as_uri()):
        version = factories.version(output={"kind": "binary_classification", "positive": 1, "threshold": 0.5})
        dataset = factories.dataset("credit", namespace=uri, fields=("sex",))
        dataset.fields.update(is_protected=True)
        factories.link(
            version, factories.dataset_version(dataset, uri=uri), "scored", uri=uri, target="good", score="score"
        )
        runs = measured(version, ["fairness", "data_profile"])
        assert {run.error for run in runs.values()} == {""}
        found = Evidence.objects.get(version=version, check_key="fairness")
        digests.append([row["sha256"] for row in found.inputs if row["kind"] == "dataset"] + found.metrics)
    assert digests[0] == digests[1]
    assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.peer
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://lake/credit/none.csv", "NO_OBJECT"),
        ("s3://lake/credit", "NO_OBJECT"),
        ("s3://lake/secret/rows.parquet", "OUTSIDE_STORES"),
    ],
)
def test_an_object_that_is_not_there_or_not_allowed_is_said(lake: Any, uri: str, code: str) -> None:
    version = factories.version()
    factories.link(version, factories.dataset_version(uri=uri), "train", uri=uri)
    (run,) = measured(version, ["data_profile"]).values()
    assert run.error_code == code, run.error


@pytest.mark.peer
def test_a_copy_is_fetched_once_and_again_when_the_object_changed(lake: Any, store: str, tmp_path: Path) -> None:
    stores = objects.Stores(["s3://lake"], tmp_path / "job", {"s3": store}, "us-east-1")
    uri, told = "s3://lake/credit/rows.parquet", []
    first = objects.copied(uri, stores, most=10**9, progress=lambda *said: told.append(said))
    assert first.stat().st_mode & 0o077 == 0 and first.name == "rows.parquet" and told
    count = len(told)
    assert (
        objects.copied(uri, stores, most=10**9, progress=lambda *said: told.append(said)) == first
        and len(told) == count
    )
    with lake.open_output_stream("lake/credit/rows.parquet") as stream:
        stream.write(b"PAR1")
    assert objects.copied(uri, stores, most=10**9).read_bytes() == b"PAR1"
    with pytest.raises(Unmeasurable) as refused:
        objects.copied(uri, stores, most=3)
    assert refused.value.code == "OBJECT_TOO_LARGE"


@pytest.mark.peer
def test_a_store_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if program() is None:
        pytest.skip("moto_server is not installed: name it in MOTO_SERVER, or set PEERS=1 to have uvx install it")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(objects, "CONNECT_SECONDS", 0.5)
    stores = objects.Stores(["s3://lake"], tmp_path, {"s3": "http://127.0.0.1:9"}, "us-east-1")
    with pytest.raises(Unmeasurable, match="could not be read from its store") as refused:
        objects.copied("s3://lake/rows.csv", stores, most=10)
    assert refused.value.code == "STORE_REFUSED"

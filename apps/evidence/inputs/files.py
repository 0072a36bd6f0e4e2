"""Readers of CSV, Parquet, Arrow and DuckDB files under the allowed roots. Nothing is unpickled; the bytes read are the bytes hashed."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import databases, heads
from apps.evidence.inputs.places import allowed_path
from apps.evidence.kernels.batches import MISSING_WORDS, Batch, normal
from apps.evidence.kernels.survey import Column

MOST_BYTES = 20 * 1024**3
MOST_ROWS = 200_000_000
BATCH_ROWS = 131_072
CSV_BLOCK = 8 * 1024 * 1024
MOST_CODED = 2.5  # bytes a value up to which a dictionary is taken to hold few texts
FORMATS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".duckdb": "duckdb",
}
# jemalloc gives pages back while batches come and go: the peak of a count is a quarter lower than with Arrow's default.
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())
ARROW_KINDS = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string()}


@dataclass
class DataFile:
    """One open data file with its digest. Use as a context manager; `batches` may be read any number of times."""

    path: Path
    stream: IO[bytes]
    size: int
    sha256: str
    columns: dict[str, Column] | None = None
    query: str = ""

    @property
    def format(self) -> str:
        """csv, parquet, arrow or duckdb."""
        return FORMATS[self.path.suffix.lower()]

    def __enter__(self) -> "DataFile":
        return self

    def __exit__(self, *failure: Any) -> None:
        self.stream.close()

    def batches(self) -> Iterator[Batch]:
        """All rows in order. Before `columns` is set, values of a CSV file come as text; afterwards with their types."""
        first_row = 0
        for table in ahead(self._tables()):
            heads.refuse_twice(table.schema.names, self.path.name)
            for start in range(0, table.num_rows, BATCH_ROWS):
                part = normal(table.slice(start, BATCH_ROWS))
                batch = Batch(part, first_row)
                batch.is_typed = self.format != "csv"
                yield batch
                first_row += part.num_rows
                if first_row > MOST_ROWS:
                    raise Unmeasurable(
                        f"{self.path.name} has more than {MOST_ROWS:,} rows, the most that one check reads."
                    )

    def _tables(self) -> Iterator[pa.RecordBatch]:
        self.stream.seek(0)
        with reading(self.path.name, self.format):
            if self.format == "duckdb":
                yield from databases.batches(self.path, self.query, BATCH_ROWS)
            elif self.format == "parquet":
                yield from parquet(self.stream).iter_batches(batch_size=BATCH_ROWS)
            elif self.format == "arrow":
                yield from arrow_batches(self.stream)
            elif self.size:
                yield from csv_batches(self.stream, self.header(), self.kinds)

    @property
    def kinds(self) -> dict[str, str] | None:
        """The kind of each column, once the survey has found it."""
        return {name: column.kind for name, column in self.columns.items()} if self.columns else None

    def header(self) -> list[str]:
        """Names of the columns of a CSV file. Raises Unmeasurable when one stands twice, or when it is no CSV file."""
        self.stream.seek(0)
        names = heads.names(self.stream.read(heads.MOST_HEAD), self.path.name)
        self.stream.seek(0)
        return names


@contextmanager
def reading(name: str, form: str, before: int = 0) -> Iterator[None]:
    """What Arrow cannot read becomes Unmeasurable, in words that hold no value of a CSV file; `before` lines were not shown to it."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as broken:
        raise Unmeasurable(
            f"{name} could not be read: {heads.why(str(broken), form, before)}.", code="NOT_READABLE"
        ) from broken


def parquet(stream: Any) -> pyarrow.parquet.ParquetFile:
    """A Parquet file whose short dictionaries stay dictionaries: their codes are counted, not their texts."""
    stream.seek(0)
    known = pyarrow.parquet.read_metadata(stream)
    groups = [known.row_group(number) for number in range(known.num_row_groups)]
    leaves = [known.schema.column(place) for place in range(known.num_columns)]
    coded = [
        leaf.name
        for place, leaf in enumerate(leaves)
        if groups and leaf.name == leaf.path and all(_is_coded(group.column(place)) for group in groups)
    ]
    stream.seek(0)
    return pyarrow.parquet.ParquetFile(stream, metadata=known, read_dictionary=coded)


def _is_coded(chunk: Any) -> bool:
    """Whether a column of a row group is text that the file keeps as short codes."""
    is_text = chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page
    return is_text and chunk.total_uncompressed_size <= MOST_CODED * chunk.num_values


def ahead(tables: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, each read by a thread while the one before it is counted."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, tables, None)
        while (table := coming.result()) is not None:
            coming = reader.submit(next, tables, None)
            yield table


def arrow_batches(stream: Any, start: int = 0, stop: int | None = None) -> Iterator[pa.RecordBatch]:
    """Record batches of an Arrow IPC file, each proved to be whole before anything looks at it."""
    reader = pyarrow.ipc.open_file(stream)
    for number in range(start, reader.num_record_batches if stop is None else stop):
        batch = reader.get_batch(number)
        batch.validate(full=True)
        yield batch


def csv_batches(
    stream: Any, names: Sequence[str], kinds: dict[str, str] | None, *, has_header: bool = True
) -> Iterator[pa.RecordBatch]:
    """Record batches of a CSV file with the kinds given; without them every value is text."""
    options = pyarrow.csv.ConvertOptions(
        column_types={name: ARROW_KINDS[kinds[name] if kinds else "text"] for name in names},
        null_values=MISSING_WORDS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,  # writers that quote everything quote gaps too
    )
    named = None if has_header else list(names)
    read = pyarrow.csv.ReadOptions(block_size=CSV_BLOCK, use_threads=False, column_names=named)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    wrapped = pa.PythonFile(Unclosed(stream), mode="r")
    with pyarrow.csv.open_csv(wrapped, read_options=read, parse_options=parse, convert_options=options) as reader:
        yield from reader


class Unclosed:
    """A stream that readers may close without closing ours."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell
        self.closed = False

    def close(self) -> None:
        """Closed for the reader; the file itself stays open for the next pass."""
        self.closed = True

    def flush(self) -> None:
        """Nothing is written."""

    def readable(self) -> bool:
        """It is read."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def writable(self) -> bool:
        """Never written."""
        return False


def open_file(
    uri: str, *, roots: Sequence[str], sha256: str = "", progress: Callable[[str, int, int], None] = lambda *said: None
) -> DataFile:
    """Open and hash one file. Raises Unmeasurable: outside the roots, no regular file, too large, not the registered bytes."""
    path = allowed_path(uri, roots)
    if path.suffix.lower() not in FORMATS:
        raise Unmeasurable(f"{path.name} is neither CSV nor Parquet, Arrow or DuckDB. No other format is opened here.")
    query = databases.query_of(uri, path) if path.suffix.lower() == ".duckdb" else ""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as refused:
        raise Unmeasurable(f"{path.name} could not be opened: {refused.strerror}.") from refused
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        os.close(handle)
        raise Unmeasurable(f"{path.name} is no regular file of at most {MOST_BYTES // 1024**3} GiB.")
    stream = os.fdopen(handle, "rb")
    actual = digest(stream, found.st_size, path.name, progress)
    if sha256 and actual != sha256.removeprefix("sha256:"):
        stream.close()
        raise Unmeasurable(
            f"{path.name} has the digest {actual[:12]}…, but {sha256.removeprefix('sha256:')[:12]}… was registered. The data "
            "changed after registration: register the version with the data it really used.",
            code="DATA_CHANGED",
        )
    if query:
        actual = hashlib.sha256(f"{actual}\n{query}".encode()).hexdigest()
    return DataFile(path, stream, found.st_size, actual, query=query)


def digest(stream: IO[bytes], size: int, name: str, progress: Callable[[str, int, int], None]) -> str:
    """SHA-256 of an open file, in hexadecimal."""
    hashed, done = hashlib.sha256(), 0
    while chunk := stream.read(16 * 1024 * 1024):
        hashed.update(chunk)
        done += len(chunk)
        progress(f"Hashing {name}", done, size)
    return hashed.hexdigest()

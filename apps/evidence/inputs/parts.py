"""A file as parts that can be read anywhere, in any order: row groups, record batches, ranges of bytes, windows of row ids.

A part is a JSON value. Who reads it opens the file again and makes sure that it is still the one that was hashed.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import databases, heads
from apps.evidence.inputs.files import BATCH_ROWS, DataFile, ahead, arrow_batches, csv_batches, parquet, reading
from apps.evidence.kernels.batches import Batch, normal

PART_ROWS = 1_000_000
PART_BYTES = 64 * 1024 * 1024
CHUNK = 4 * 1024 * 1024
NEWLINE, RETURN, QUOTE, COMMA = b'\n\r",'
MARK = 0xBF  # the last byte of a byte order mark, before the first field


@dataclass(frozen=True)
class Part:
    """Some rows of one file. `start` and `stop` are row groups, record batches or bytes, as the format has it."""

    path: str
    format: str
    sha256: str
    stamp: tuple[int, int]
    names: tuple[str, ...]
    start: int
    stop: int
    first_row: int
    rows: int
    query: str = ""
    kinds: dict[str, str] | None = None
    is_reference: bool = False

    def as_json(self) -> dict[str, Any]:
        """The part as a JSON value."""
        return asdict(self)


def part_of(found: dict[str, Any]) -> Part:
    """The part that `as_json` wrote."""
    return Part(**{**found, "stamp": tuple(found["stamp"]), "names": tuple(found["names"])})


def parts_of(
    file: DataFile, *, rows: int = PART_ROWS, size: int = PART_BYTES, is_reference: bool = False
) -> list[Part]:
    """The file cut into parts of about so many rows, or bytes for CSV."""
    names, cuts = _cut(file, rows, size)
    heads.refuse_twice(names, file.path.name)
    found, first_row = [], 0
    for start, stop, count, query in cuts:
        found.append(
            Part(
                str(file.path), file.format, file.sha256, _stamp(os.fstat(file.stream.fileno())), tuple(names), start, stop,
                first_row, count, query, file.kinds, is_reference,
            )
        )  # fmt: skip
        first_row += count
    return found


def _cut(file: DataFile, rows: int, size: int) -> tuple[list[str], list[tuple[int, int, int, str]]]:
    file.stream.seek(0)
    with reading(file.path.name, file.format):
        if file.format == "duckdb":
            windows = databases.windows(file.path, file.query, rows)
            return databases.names_of(file.path, file.query), [(0, 0, count, query) for query, count in windows]
        if file.format == "csv":
            return file.header(), [(*cut, "") for cut in csv_cuts(file.stream, size)]
        if file.format == "parquet":
            known = parquet(file.stream)
            counts = [known.metadata.row_group(number).num_rows for number in range(known.metadata.num_row_groups)]
            return list(known.schema_arrow.names), gathered(counts, rows)
        reader = pyarrow.ipc.open_file(file.stream)
        counts = [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)]
        return list(reader.schema.names), gathered(counts, rows)


def gathered(counts: list[int], rows: int) -> list[tuple[int, int, int, str]]:
    """Neighbours put together until they hold enough rows: (first, after the last, rows, no query)."""
    found, start, held = [], 0, 0
    for number, count in enumerate(counts):
        held += count
        if held >= rows or number == len(counts) - 1:
            found.append((start, number + 1, held, ""))
            start, held = number + 1, 0
    return [cut for cut in found if cut[2]]


def csv_cuts(stream: IO[bytes], size: int) -> list[tuple[int, int, int]]:
    """Ranges of bytes that begin and end with a whole row, with their rows; one range where quotes make that doubtful."""
    ends, is_plain, length = _row_ends(stream)
    if not ends.size:
        return []
    bodies = ends[1:]
    if not is_plain:
        return [(int(ends[0]), length, -1)]
    found, start, counted = [], int(ends[0]), 0
    while counted < bodies.size:
        after = min(int(np.searchsorted(bodies, start + size)), bodies.size - 1)
        found.append((start, int(bodies[after]), after + 1 - counted))
        start, counted = int(bodies[after]), after + 1
    return found


def _row_ends(stream: IO[bytes]) -> tuple[np.ndarray, bool, int]:
    """The byte after every row that is not blank; whether quotes only stand around fields; the length of the file."""
    stream.seek(0)
    found, offset, inside, before, is_plain, last = [], 0, False, NEWLINE, True, 0
    while chunk := stream.read(CHUNK):
        codes = np.frombuffer(chunk, dtype=np.uint8)
        previous = np.concatenate([[before], codes[:-1]]).astype(np.uint8)
        quotes = codes == QUOTE
        within = np.logical_xor.accumulate(quotes) ^ inside
        opening = quotes & within  # an opening quote, or the second of a doubled one
        is_plain &= bool(np.isin(previous[opening], [NEWLINE, RETURN, COMMA, QUOTE, MARK]).all())
        is_plain &= not bool(((previous == RETURN) & (codes != NEWLINE) & ~within).any())
        at = np.flatnonzero((codes == NEWLINE) & ~within)
        lengths = np.diff(np.concatenate([[last - offset - 1], at])) - 1
        blank = (lengths == 0) | ((lengths == 1) & (previous[at] == RETURN))
        found.append(at[~blank] + offset + 1)
        last = int(at[-1]) + offset + 1 if at.size else last
        inside, before, offset = bool(within[-1]), int(codes[-1]), offset + len(chunk)
    if offset > last:
        found.append(np.array([offset]))
    return np.concatenate([np.empty(0, dtype=np.int64), *found]).astype(np.int64), is_plain and not inside, offset


def _stamp(known: os.stat_result) -> tuple[int, int]:
    return known.st_size, known.st_mtime_ns


class Span:
    """Some bytes of a stream, as a stream."""

    def __init__(self, stream: IO[bytes], start: int, stop: int) -> None:
        self.stream, self.start, self.stop = stream, start, stop
        stream.seek(start)

    def read(self, count: int = -1) -> bytes:
        """The next bytes, none past the end."""
        rest = max(0, self.stop - self.stream.tell())
        return self.stream.read(rest if count is None or count < 0 else min(count, rest))

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a byte, counted from the start of the span."""
        base = {0: self.start, 1: self.stream.tell(), 2: self.stop}[whence]
        return self.stream.seek(base + place) - self.start

    def tell(self) -> int:
        """Where it is, counted from the start of the span."""
        return self.stream.tell() - self.start


def read(part: Part) -> Iterator[Batch]:
    """The rows of a part. Raises Unmeasurable when the file is no longer the one that was cut."""
    handle = os.open(part.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        if _stamp(os.fstat(handle)) != part.stamp:
            raise Unmeasurable(
                f"{Path(part.path).name} changed while it was read. Register the version with its data again."
            )
        done = 0
        with reading(Path(part.path).name, part.format, part.first_row + 1):
            for table in ahead(_tables(part, stream)):
                for start in range(0, table.num_rows, BATCH_ROWS):
                    batch = Batch(normal(table.slice(start, BATCH_ROWS)), part.first_row + done)
                    batch.is_reference, batch.is_typed = part.is_reference, part.format != "csv"
                    done += batch.rows
                    yield batch
        if part.rows not in {done, -1}:
            raise Unmeasurable(
                f"{Path(part.path).name} holds rows that its quotes cut differently; save it with quoted fields."
            )


def _tables(part: Part, stream: IO[bytes]) -> Iterator[pa.RecordBatch]:
    if part.format == "duckdb":
        return databases.batches(Path(part.path), part.query, BATCH_ROWS)
    if part.format == "parquet":
        return parquet(stream).iter_batches(batch_size=BATCH_ROWS, row_groups=list(range(part.start, part.stop)))
    if part.format == "arrow":
        return arrow_batches(stream, part.start, part.stop)
    return csv_batches(Span(stream, part.start, part.stop), part.names, part.kinds, has_header=False)

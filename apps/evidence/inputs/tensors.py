"""Tensors as bytes: the extension `binary_tensor_data` of the Open Inference Protocol v2, in requests and in answers.

A body is JSON, then tensors in the order of that JSON, each as long as its `binary_data_size` says; the header
`Inference-Header-Content-Length` says where the JSON ends. Numbers are little-endian in row order, a text follows its length
in four bytes. Nothing that an answer claims is believed: each length is compared with what is there before anything is cut.
Source: KServe, Open Inference Protocol, binary tensor data extension.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.evidence.checks.base import Unmeasurable

EXTENSION = "binary_tensor_data"
HEADER = "Inference-Header-Content-Length"
MOST_JSON = 1024 * 1024
MOST_DIMENSIONS = 8
TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
NUMBERS = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "<i1", "INT16": "<i2", "INT32": "<i4",
    "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One input: a column, or several side by side as one matrix."""

    name: str
    datatype: str
    columns: Sequence[Sequence[Any]]

    @property
    def shape(self) -> list[int]:
        """Rows and columns."""
        return [len(self.columns[0]) if self.columns else 0, len(self.columns)]

    def as_json(self) -> dict[str, Any]:
        """The tensor with its values as JSON has them; what is missing is null."""
        data = [cast(value, self.datatype) for row in zip(*self.columns, strict=True) for value in row]
        return {**self._head(), "data": data}

    def as_bytes(self) -> tuple[dict[str, Any], bytes] | None:
        """The tensor with its values as bytes; None where bytes cannot say the same: gaps, and datatypes without a form here."""
        if self.datatype == "BYTES":
            texts = [cast(value, "BYTES") for row in zip(*self.columns, strict=True) for value in row]
            if None in texts:
                return None
            encoded = [text.encode() for text in texts]
            content = b"".join(struct.pack("<I", len(text)) + text for text in encoded)
        else:
            numbers = self._numbers()
            if numbers is None:
                return None
            content = numbers.tobytes()
        return {**self._head(), "parameters": {"binary_data_size": len(content)}}, content

    def _numbers(self) -> np.ndarray | None:
        """The values as the datatype has them, where every one is a number that it can hold."""
        kind = NUMBERS.get(self.datatype)
        if kind is None or kind == "?":
            return None
        found = [np.asarray(column) for column in self.columns]
        if any(column.dtype.kind not in "biuf" or not np.isfinite(column).all() for column in found):
            return None
        whole = np.column_stack(found) if found else np.empty((0, 0))
        if kind[1] != "f" and len(whole):
            limits = np.iinfo(kind)
            if not (limits.min <= whole.min() and whole.max() <= limits.max):
                return None
        return np.ascontiguousarray(whole.astype(kind))

    def _head(self) -> dict[str, Any]:
        return {"name": self.name, "shape": self.shape, "datatype": self.datatype}


def encode(tensors: Sequence[Tensor], parameters: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A request with its tensors as bytes, and its headers; it asks for outputs as bytes. A tensor with gaps stays JSON."""
    heads, contents = [], []
    for tensor in tensors:
        packed = tensor.as_bytes()
        heads.append(tensor.as_json() if packed is None else packed[0])
        contents += [] if packed is None else [packed[1]]
    head = json.dumps({"parameters": {**parameters, "binary_data_output": True}, "inputs": heads}).encode()
    named = {HEADER: str(len(head)), "Content-Type": "application/octet-stream"}
    return b"".join([head, *contents]), named


def decode(body: bytes, headers: Mapping[str, str]) -> Any:
    """The JSON of an answer, with `data` wherever it said `binary_data_size`. Raises Unmeasurable where it contradicts itself."""
    told = headers.get(HEADER.lower())
    if told is None:
        return json.loads(body)
    length = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else -1
    if not 0 < length <= min(len(body), MOST_JSON):
        raise Unmeasurable(
            f"The endpoint says that {told[:30]} bytes of its answer are JSON, but the answer has {len(body)} and JSON may have "
            f"at most {MOST_JSON}. Nothing of it was read; whoever runs the serving system can mend it.",
            code="BINARY_HEADER",
        )
    answer = json.loads(body[:length])
    place = length
    for output in outputs_of(answer):
        size = (output.get("parameters") or {}).get("binary_data_size")
        if size is None:
            continue
        if type(size) is not int or not 0 <= size <= len(body) - place or "data" in output:
            raise lying(
                f"output {str(output.get('name'))[:60]} takes {str(size)[:30]} bytes of {len(body) - place} left"
            )
        output["data"] = values_of(output, body[place : place + size])
        place += size
    if place != len(body):
        raise lying(f"{len(body) - place} bytes at its end belong to no output")
    return answer


def outputs_of(answer: Any) -> list[dict[str, Any]]:
    """The outputs of an answer that are objects; none where it is an error."""
    found = answer.get("outputs") if isinstance(answer, dict) else None
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return [row for row in rows if isinstance(row.get("parameters") or {}, dict)]


def values_of(output: Mapping[str, Any], content: bytes) -> Any:
    """The values of one output. Raises Unmeasurable where shape, datatype and length do not agree."""
    name, shape, datatype = str(output.get("name"))[:60], output.get("shape"), str(output.get("datatype"))[:20]
    is_shape = isinstance(shape, list) and len(shape) <= MOST_DIMENSIONS
    if not is_shape or not all(type(size) is int and 0 <= size <= len(content) for size in shape or ()):
        raise lying(f"output {name} has the shape {str(shape)[:60]} in {len(content)} bytes", "BINARY_SHAPE")
    count = math.prod(shape or ())
    if datatype == "BYTES":
        return texts_of(name, content, count)
    kind = NUMBERS.get(datatype)
    if kind is None or np.dtype(kind).itemsize * count != len(content):
        raise lying(f"output {name} has {count} values of {datatype} in {len(content)} bytes", "BINARY_SHAPE")
    return np.frombuffer(content, dtype=kind)


def texts_of(name: str, content: bytes, count: int) -> list[str]:
    """Texts with their lengths before them."""
    found: list[str] = []
    place = 0
    while place + 4 <= len(content) and len(found) < count:
        (length,) = struct.unpack_from("<I", content, place)
        place += 4 + length
        if place > len(content):
            break
        found.append(content[place - length : place].decode(errors="replace"))
    if place != len(content) or len(found) != count:
        raise lying(f"output {name} has {count} texts that do not fill its {len(content)} bytes", "BINARY_SHAPE")
    return found


def lying(what: str, code: str = "BINARY_SIZE") -> Unmeasurable:
    """The refusal of an answer whose numbers do not agree."""
    return Unmeasurable(
        f"The endpoint's answer contradicts itself: {what}. It is not used; whoever runs the serving system can mend it.",
        code=code,
    )


def cast(value: Any, datatype: str) -> Any:
    """A value as the datatype has it in JSON; what is missing becomes null."""
    value = plain(value)
    if value is None:
        return None
    try:
        if datatype.startswith(("INT", "UINT")):
            return int(value)
        if datatype == "BOOL":
            return TRUTHS[str(value).lower()]
        return float(value) if datatype.startswith(("FP", "BF")) else str(value)
    except (TypeError, ValueError, KeyError) as wrong:
        raise Unmeasurable(f"The endpoint wants {datatype}, but the data hold another kind of value.") from wrong


def plain(value: Any) -> Any:
    """A numpy or Python value as JSON takes it."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value

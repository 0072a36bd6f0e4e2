"""Model files: what they are is read from their bytes, never from their name; ONNX, PMML and the texts of two tree libraries are opened.

Nothing is unpickled, unpacked or parsed by a library here. A format that can run code, or that would have to be unpacked to be
looked at, is refused by name. An ONNX file is walked field by field: one that points at other files is refused. A model of
XGBoost or LightGBM is only sniffed here; `trees_child` reads it, index by index, in a process of its own; `pmml` reads PMML so.
"""

import io
import pickletools
from collections.abc import Iterator
from pathlib import Path

from apps.evidence.checks.base import Unmeasurable

MOST_BYTES = 512 * 1024 * 1024
MOST_FIELDS = 5_000_000
DEEPEST = 40
HEAD = 4096
PACKED = {
    b"PK\x03\x04": "a ZIP archive, as PyTorch, Keras and skops write",
    b"PK\x05\x06": "a ZIP archive",
    b"\x1f\x8b": "gzip, as joblib writes",
    b"BZh": "bzip2, as joblib writes",
    b"\xfd7zXZ\x00": "xz, as joblib writes",
    b"\x04\x22\x4d\x18": "lz4, as joblib writes",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"ZF": "a compressed joblib file",
}
NAMED = {
    b"\x89HDF\r\n\x1a\n": "HDF5, as Keras writes; its layers can hold code",
    b"\x93NUMPY": "a NumPy array, which can hold pickled objects",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"#!": "a script",
}
WORDS = {"onnx": "an ONNX graph", "xgboost": "a model of XGBoost", "lightgbm": "a model of LightGBM", "pmml": "PMML"}
# The fields of onnx.proto in which a tensor can lie: message -> field number -> message.
ONNX: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}
EXTERNAL = {13, 14}  # external_data, data_location of a tensor


class Refused(Unmeasurable):
    """A model file that is not opened here. The text says what it is and what to do instead."""


def read_model(path: Path, format: str) -> bytes:
    """The bytes of a model file of this format, as far as they can be judged without reading it whole. Raises Refused."""
    content = bytes_of(path)
    if format == "pmml" and is_xml(content):
        return content
    refuse_other_formats(content, path.name)
    found = tree_format(content)
    if format == "onnx" and not found:
        walk(content, path.name)
    elif found != format:
        raise Refused(
            f"{path.name} is {WORDS[found]}, but {WORDS[format]} was registered. It is not opened: register it as what it is."
            if found and format in WORDS
            else f"{path.name} is no {WORDS.get(format, format)}. It is not opened."
        )
    return content


def read_onnx(path: Path) -> bytes:
    """The bytes of an ONNX graph that stands on its own. Raises Refused for everything else."""
    return read_model(path, "onnx")


def bytes_of(path: Path) -> bytes:
    """The bytes of a regular file that is not too large."""
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MOST_BYTES:
            raise Refused(
                f"{path.name} is no regular file of at most {MOST_BYTES // 1024**2} MiB, so it is not opened."
            )
        return path.read_bytes()
    except OSError as refused:
        raise Refused(f"{path.name} could not be opened: {refused.strerror}.") from refused


def tree_format(content: bytes) -> str:
    """Which tree library's text the bytes begin like; empty for neither."""
    head = content[:HEAD].lstrip()
    if head.startswith(b"tree\n"):
        return "lightgbm"
    return "xgboost" if head[:1] == b"{" else ""


def refuse_other_formats(content: bytes, name: str) -> None:
    """Raise Refused when the bytes are of a format that can run code, hides what it holds, or has no reader here."""
    head = content[:HEAD]
    found = next((what for magic, what in {**PACKED, **NAMED}.items() if head.startswith(magic)), "")
    if is_pickle(head):
        found = "a pickle: opening it runs the code in it"
    elif is_zlib(head):
        found = "a compressed joblib file"
    elif head.lstrip()[:1] == b"[":
        found = "a list in JSON, as no library writes a model that is read here"
    elif is_xml(content):
        found = "XML; PMML is registered in the format pmml"
    elif len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") >= 2:
        found = "safetensors: weights without the model that uses them"
    if found:
        raise Refused(
            f"{name} is {found}. It is not opened. Export the model to ONNX, or let the serving endpoint answer for it."
        )


def is_xml(content: bytes) -> bool:
    """Whether the bytes begin like XML."""
    return content[:HEAD].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")


def is_pickle(head: bytes) -> bool:
    """Whether the bytes begin like a pickle of any protocol. They are read as opcodes and never executed."""
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return True
    names = []
    try:
        for opcode, _argument, _place in pickletools.genops(io.BytesIO(head)):
            names.append(opcode.name)
            if len(names) >= 4 or opcode.name == "STOP":
                break
    except (ValueError, IndexError, KeyError, EOFError, UnicodeError, OverflowError):
        return bool({"GLOBAL", "INST", "REDUCE"} & set(names))
    return bool({"GLOBAL", "INST", "STOP", "REDUCE", "MARK"} & set(names))


def is_zlib(head: bytes) -> bool:
    """Whether the bytes begin like a zlib stream."""
    return len(head) > 1 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0


def walk(content: bytes, name: str) -> None:
    """Raise Refused unless the bytes are an ONNX model with a graph and every tensor in the file itself."""
    fields_left = [MOST_FIELDS]
    seen: set[int] = set()

    def visit(start: int, stop: int, message: str, depth: int) -> None:
        if depth > DEEPEST:
            raise Refused(f"{name} is nested deeper than {DEEPEST} levels, so it is not opened.")
        for number, begin, end in fields(content, start, stop, name):
            fields_left[0] -= 1
            if fields_left[0] < 0:
                raise Refused(f"{name} has more than {MOST_FIELDS:,} fields, so it is not opened.")
            if message == "Model":
                seen.add(number)
            if message == "Tensor" and number in EXTERNAL and (number == 13 or content[begin:end].strip(b"\x00")):
                raise Refused(
                    f"{name} keeps its weights in other files. It is not opened: export the model as one file, without external data."
                )
            inner = ONNX[message].get(number)
            if inner:
                visit(begin, end, inner, depth + 1)

    visit(0, len(content), "Model", 0)
    if not {1, 7} <= seen:  # ir_version, graph
        raise Refused(f"{name} is no ONNX model: it has no graph. It is not opened.")


def fields(content: bytes, start: int, stop: int, name: str) -> Iterator[tuple[int, int, int]]:
    """(number, begin, end) of each field of one protobuf message. Raises Refused where a length leads out of the message."""
    place = start
    while place < stop:
        key, place = varint(content, place, stop, name)
        number, kind = key >> 3, key & 7
        if kind == 0:
            begin = place
            _, place = varint(content, place, stop, name)
        elif kind in {1, 5}:
            begin, place = place, place + (8 if kind == 1 else 4)
        elif kind == 2:
            length, begin = varint(content, place, stop, name)
            place = begin + length
        else:
            raise Refused(f"{name} is no ONNX model: its bytes are no protocol buffer. It is not opened.")
        if place > stop or not number:
            raise Refused(f"{name} is damaged: a field says that it is longer than the file. It is not opened.")
        yield number, begin, place


def varint(content: bytes, place: int, stop: int, name: str) -> tuple[int, int]:
    """A variable-length number and the place after it."""
    value, shift = 0, 0
    while place < stop and shift < 70:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise Refused(f"{name} is no ONNX model: its bytes are no protocol buffer. It is not opened.")

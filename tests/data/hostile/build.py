"""Writes the hostile model files beside it. Each would do harm to a reader that trusts it; the product's readers refuse all of them.

Whoever unpickles one of them creates a file named in the environment variable HOSTILE_MARK. The files are kept in the
repository, so that a test reads the same bytes everywhere; run this only to write them anew.
"""

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
CODE = "import os, pathlib; pathlib.Path(os.environ['HOSTILE_MARK']).write_text('it ran')"


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        """What a pickle calls when it is opened."""
        return exec, (CODE,)


def external(location: str) -> onnx.TensorProto:
    """A tensor whose weights lie in another file."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def graph(name: str, tensors: list, nodes: list | None = None) -> onnx.GraphProto:
    """A graph that adds its weight to its input."""
    nodes = nodes or [helper.make_node("Add", ["x", "w"], ["y"])]
    x, y = (helper.make_tensor_value_info(edge, TensorProto.FLOAT, [None, 1]) for edge in "xy")
    return helper.make_graph(nodes, name, [x], [y], tensors)


def branches(depth: int, tensor: onnx.TensorProto) -> onnx.GraphProto:
    """Graphs inside the branches of an If, one in another, with the tensor in the innermost."""
    if depth == 0:
        return graph("innermost", [tensor])
    node = helper.make_node(
        "If", ["x"], ["y"], then_branch=branches(depth - 1, tensor), else_branch=branches(0, tensor)
    )
    return graph(f"level-{depth}", [], [node])


def model(of: onnx.GraphProto) -> bytes:
    """A model file with this graph."""
    return helper.make_model(of).SerializeToString()


def zipped(**files: bytes) -> bytes:
    """An archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def array() -> bytes:
    """A NumPy file of objects, which are pickled."""
    stream = io.BytesIO()
    numpy.save(stream, numpy.array([Payload()], dtype=object), allow_pickle=True)
    return stream.getvalue()


def main() -> None:
    """Every file."""
    evil = pickle.dumps(Payload(), protocol=4)
    plain = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    whole = model(graph("whole", [plain]))
    files = {
        "pickle.pkl": evil,
        "pickle-protocol-0.pkl": pickle.dumps(Payload(), protocol=0),
        "pickle-protocol-2.onnx": pickle.dumps(Payload(), protocol=2),
        "joblib.joblib": zlib.compress(evil),
        "torch.pt": zipped(**{"archive/data.pkl": evil, "archive/version": b"3"}),
        "bomb.zip": zipped(zeros=bytes(8 * 1024 * 1024)),
        "bomb.onnx": zlib.compress(bytes(8 * 1024 * 1024)),
        "objects.npy": array(),
        "external-traversal.onnx": model(graph("outside", [external("../../../../../../etc/passwd")])),
        "external-absolute.onnx": model(graph("outside", [external("/etc/passwd")])),
        "external-nested.onnx": model(branches(3, external("../secret"))),
        "nested-too-deep.onnx": model(branches(30, plain)),
        "length-beyond-the-end.onnx": b"\x08\x08" + b"\x3a\xff\xff\xff\xff\x7f" + b"\x00" * 16,
        "truncated.onnx": whole[: len(whole) // 2],
        "no-graph.onnx": b"\x08\x08",
        "header-oversized.safetensors": struct.pack("<Q", 2**60) + b'{"w":{}}' + b" " * 16,
        "keras.h5": b"\x89HDF\r\n\x1a\n" + bytes(64),
        "entities.pmml": b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML>&x;</PMML>',
        "booster.json": b'{"learner": {"attributes": {}}}',
        "script.onnx": b'#!/bin/sh\ntouch "$HOSTILE_MARK"\n',
    }
    for name, content in files.items():
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()

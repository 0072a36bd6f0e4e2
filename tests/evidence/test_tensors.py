"""Tensors as bytes: what goes out and comes back is what JSON says, and an answer that contradicts itself is refused."""

import json
import struct
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import scoring, tensors
from apps.evidence.inputs.tensors import HEADER, Tensor
from tests.evidence.conftest import Endpoint, credit_rows, score_of
from tests.evidence.test_inputs import columns, scorer

FORMATS = {"INT64": "q", "INT32": "i", "INT8": "b", "UINT8": "B", "FP64": "d", "FP32": "f"}


def taken_apart(body: bytes, header: str | None) -> list[dict[str, Any]]:
    """The inputs of a request with their values, read by the text of the protocol and not by the product's code."""
    if header is None:
        return list(json.loads(body)["inputs"])
    place, found = int(header), list(json.loads(body[: int(header)])["inputs"])
    for tensor in found:
        size = tensor.get("parameters", {}).get("binary_data_size")
        if size is None:
            continue
        content, place = body[place : place + size], place + size
        if tensor["datatype"] == "BYTES":
            tensor["data"] = []
            while content:
                (length,) = struct.unpack("<I", content[:4])
                tensor["data"].append(content[4 : 4 + length].decode())
                content = content[4 + length :]
        else:
            tensor["data"] = [value for (value,) in struct.iter_unpack("<" + FORMATS[tensor["datatype"]], content)]
    assert place == len(body)
    return found


class Packed(Endpoint):
    """The tests' model behind a server that lists the extension."""

    extensions: Any = ["binary_tensor_data"]
    seen: list[tuple[bool, int, list[dict[str, Any]]]] = []
    lie: Any = None

    def do_GET(self) -> None:
        """What the server is, or what the model takes."""
        if self.path == "/v2":
            self._answer(200, {"name": "packed", "version": "1", "extensions": self.extensions})
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Scores, as bytes where the request asks for bytes."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        header = self.headers.get(HEADER)
        inputs = taken_apart(body, header)
        type(self).seen.append((header is not None, len(body), inputs))
        named = {tensor["name"]: tensor["data"] for tensor in inputs}
        rows = [dict(zip(named, values, strict=True)) for values in zip(*named.values(), strict=True)]
        scores = [score_of({**row, "income": row["income"] or 0}) for row in rows]
        label = struct.pack(f"<{len(rows)}q", *(int(score >= 0.5) for score in scores))
        proba = struct.pack(f"<{2 * len(rows)}d", *(value for score in scores for value in (1 - score, score)))
        outputs = [
            {"name": "label", "datatype": "INT64", "shape": [len(rows)]},
            {"name": "probabilities", "datatype": "FP64", "shape": [len(rows), 2]},
        ]
        if header is None:
            outputs[0]["data"] = [int(score >= 0.5) for score in scores]
            outputs[1]["data"] = [value for score in scores for value in (1 - score, score)]
            self._answer(200, {"model_name": "credit", "outputs": outputs})
            return
        for output, content in zip(outputs, (label, proba), strict=True):
            output["parameters"] = {"binary_data_size": len(content)}
        head = json.dumps({"model_name": "credit", "outputs": outputs}).encode()
        told, sent = (str(len(head)), head + label + proba)
        if self.lie is not None:
            told, sent = type(self).lie(outputs, label + proba)
        self.send_response(200)
        self.send_header(HEADER, told)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


@pytest.fixture
def packed() -> Iterator[str]:
    """The address of a server that lists the extension."""
    Packed.seen, Packed.lie, Packed.extensions = [], None, ["binary_tensor_data"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Packed)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_scores_are_the_same_as_bytes_and_as_json(packed: str) -> None:
    with scorer(packed) as asked:
        as_bytes = asked.predict(columns(300))
    Packed.extensions = ["classification"]
    with scorer(packed) as asked:
        as_json = asked.predict(columns(300))
    assert [was_packed for was_packed, _, _ in Packed.seen] == [True, False]
    assert as_bytes.tobytes() == as_json.tobytes()
    assert as_bytes == pytest.approx([score_of(row) for row in credit_rows(300)])
    assert [row["data"] for row in Packed.seen[0][2]] == [row["data"] for row in Packed.seen[1][2]]
    assert Packed.seen[0][1] < Packed.seen[1][1] * 2


@pytest.mark.parametrize("extensions", [None, [], "binary_tensor_data", ["classification"], {"binary_tensor_data": 1}])
def test_a_server_that_does_not_list_the_extension_gets_json(packed: str, extensions: Any) -> None:
    Packed.extensions = extensions
    with scorer(packed) as asked:
        asked.predict(columns(3))
    assert [was_packed for was_packed, _, _ in Packed.seen] == [False]


def test_a_column_with_gaps_stays_json_beside_columns_of_bytes(packed: str) -> None:
    given = columns(5)
    given["income"][2] = None
    with scorer(packed) as asked:
        found = asked.predict(given)
    was_packed, _, inputs = Packed.seen[0]
    assert was_packed and inputs[0]["data"] == given["income"] and "parameters" not in inputs[0]
    assert inputs[1]["parameters"]["binary_data_size"] == 40
    assert found[2] == pytest.approx(score_of({**{name: given[name][2] for name in given}, "income": 0}))


def test_a_request_that_would_be_too_long_goes_in_parts(packed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = columns(100)
    with scorer(packed) as asked:
        expected = asked.predict(whole)
    monkeypatch.setattr(scoring, "MOST_SENT", 1500)
    Packed.seen = []
    with scorer(packed) as asked:
        assert asked.predict(whole).tobytes() == expected.tobytes()
    assert len(Packed.seen) > 1 and all(size <= 1500 for _, size, _ in Packed.seen)
    monkeypatch.setattr(scoring, "MOST_SENT", 100)
    with scorer(packed) as asked, pytest.raises(Unmeasurable, match="too long") as refusal:
        asked.predict(whole)
    assert refusal.value.code == "REQUEST_TOO_LARGE"


def framed(outputs: Any, told: Any = None, tail: bytes = b"") -> Any:
    """An answer whose header says `told`, or the truth."""
    head = json.dumps({"model_name": "credit", "outputs": outputs}).encode()
    return str(len(head)) if told is None else told, head + tail


def resized(outputs: Any, content: bytes, **changed: Any) -> Any:
    """The answer with something of its second output changed."""
    outputs[1] |= {key: value for key, value in changed.items() if key != "size"}
    if "size" in changed:
        outputs[1]["parameters"] = {"binary_data_size": changed["size"]}
    return framed(outputs, None, content)


LIES: dict[str, tuple[Any, str]] = {
    "the JSON is longer than the answer": (lambda o, c: framed(o, "999999", c), "BINARY_HEADER"),
    "the JSON has no length": (lambda o, c: framed(o, "0", c), "BINARY_HEADER"),
    "a negative length": (lambda o, c: framed(o, "-5", c), "BINARY_HEADER"),
    "no number": (lambda o, c: framed(o, "many", c), "BINARY_HEADER"),
    "a number of a thousand digits": (lambda o, c: framed(o, "9" * 1000, c), "BINARY_HEADER"),
    "an output longer than the answer": (lambda o, c: resized(o, c, size=10**12), "BINARY_SIZE"),
    "an output of negative length": (lambda o, c: resized(o, c, size=-8), "BINARY_SIZE"),
    "an output whose length is true": (lambda o, c: resized(o, c, size=True), "BINARY_SIZE"),
    "an output whose length is a text": (lambda o, c: resized(o, c, size="160"), "BINARY_SIZE"),
    "an output shorter than its shape": (lambda o, c: resized(o, c, size=8), "BINARY_SHAPE"),
    "a shape larger than the bytes": (lambda o, c: resized(o, c, shape=[10, 3]), "BINARY_SHAPE"),
    "a shape that overflows": (lambda o, c: resized(o, c, shape=[2**62, 4]), "BINARY_SHAPE"),
    "a shape of negative sizes": (lambda o, c: resized(o, c, shape=[-10, -2]), "BINARY_SHAPE"),
    "a shape of many dimensions": (lambda o, c: resized(o, c, shape=[1] * 100), "BINARY_SHAPE"),
    "no shape": (lambda o, c: resized(o, c, shape=None), "BINARY_SHAPE"),
    "an unknown datatype": (lambda o, c: resized(o, c, datatype="OBJECT"), "BINARY_SHAPE"),
    "texts that do not fill it": (lambda o, c: resized(o, c, datatype="BYTES"), "BINARY_SHAPE"),
    "values twice": (lambda o, c: resized(o, c, data=[0.5] * 20), "BINARY_SIZE"),
    "bytes that belong to nothing": (lambda o, c: framed(o, None, c + b"more"), "BINARY_SIZE"),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_contradicts_itself_is_refused_with_a_sentence_and_a_code(packed: str, lie: str) -> None:
    Packed.lie, code = LIES[lie]
    with scorer(packed) as asked, pytest.raises(Unmeasurable) as refusal:
        asked.predict(columns(10))
    assert refusal.value.code == code
    assert str(refusal.value).endswith("whoever runs the serving system can mend it.") and len(str(refusal.value)) < 400


def test_a_header_that_cuts_the_json_is_an_answer_that_cannot_be_read(packed: str) -> None:
    Packed.lie = lambda outputs, content: framed(outputs, "20", content)
    with scorer(packed) as asked, pytest.raises(Unmeasurable, match="answered 200"):
        asked.predict(columns(3))


def test_texts_come_back_as_texts() -> None:
    content = b"".join(struct.pack("<I", len(text)) + text for text in (b"good", b"", b"b\xc3\xa4d"))
    head = json.dumps(
        {
            "outputs": [
                {"name": "x", "datatype": "BYTES", "shape": [3], "parameters": {"binary_data_size": len(content)}}
            ]
        }
    )
    found = tensors.decode(head.encode() + content, {HEADER.lower(): str(len(head))})
    assert found["outputs"][0]["data"] == ["good", "", "bäd"]


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=300),
    told=st.one_of(st.integers(-5, 400).map(str), st.text(max_size=5)),
    outputs=st.lists(
        st.dictionaries(
            st.sampled_from(["name", "datatype", "shape", "parameters", "data"]),
            st.one_of(
                st.integers(-3, 99), st.lists(st.integers(-2, 30), max_size=3), st.sampled_from(["BYTES", "FP32", "INT8"]),
                st.fixed_dictionaries({"binary_data_size": st.one_of(st.integers(-2, 200), st.none(), st.text(max_size=2))}),
            ),
        ),
        max_size=3,
    ),
    is_true=st.booleans(),
)  # fmt: skip
def test_any_answer_is_read_or_refused(body: bytes, told: str, outputs: Any, is_true: bool) -> None:
    head = json.dumps({"outputs": outputs}).encode()
    try:
        tensors.decode(head + body, {HEADER.lower(): str(len(head)) if is_true else told})
    except (Unmeasurable, ValueError):
        pass


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["INT8", "INT32", "INT64", "UINT8", "FP32", "FP64", "BYTES"]).flatmap(
        lambda datatype: st.tuples(
            st.just(datatype),
            st.lists(
                st.text(max_size=9) if datatype == "BYTES" else st.integers(0, 100), min_size=1, max_size=20,
            ),
        )
    )
)  # fmt: skip
def test_bytes_say_what_json_says(given: tuple[str, list[Any]]) -> None:
    datatype, values = given
    content, headers = tensors.encode([Tensor("x", datatype, [values])], {})
    (found,) = taken_apart(content, headers[HEADER])
    assert found["data"] == Tensor("x", datatype, [values]).as_json()["data"]
    assert found["shape"] == [len(values), 1] and found["datatype"] == datatype


def test_what_bytes_cannot_say_stays_json() -> None:
    beyond: list[tuple[str, list[Any]]] = [("INT8", [1, 300]), ("UINT8", [-1]), ("FP32", ["1.5"]), ("BF16", [1.0])]
    for datatype, values in [*beyond, ("INT64", [None, 1]), ("FP64", [float("nan")])]:
        assert Tensor("x", datatype, [values]).as_bytes() is None, (datatype, values)
    assert Tensor("x", "FP32", [["1.5"]]).as_json()["data"] == [1.5]
    assert Tensor("m", "FP64", [[1, 2], [3.5, 4.5]]).as_json()["data"] == [1.0, 3.5, 2.0, 4.5]
    packed = Tensor("m", "FP64", [[1, 2], [3.5, 4.5]]).as_bytes()
    assert packed is not None and np.frombuffer(packed[1]).tolist() == [1.0, 3.5, 2.0, 4.5]


def test_values_go_out_as_the_endpoint_wants_them() -> None:
    assert [tensors.cast(value, "INT64") for value in (1.0, np.int64(3), None)] == [1, 3, None]
    assert [tensors.cast(value, "FP32") for value in (1, float("nan"))] == [1.0, None]
    assert [tensors.cast(value, "BOOL") for value in (True, 0, "false", 1.0, None)] == [True, False, False, True, None]
    assert tensors.cast(5, "BYTES") == "5"
    for value, datatype in (("own", "INT64"), ("own", "BOOL")):
        with pytest.raises(Unmeasurable):
            tensors.cast(value, datatype)

"""Model files: hostile ones are refused by what they are, an honest one is run in a process of its own and compared."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence import artifact, services
from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import artifacts
from apps.evidence.inputs.file_scoring import FileScorer
from apps.evidence.models import Evidence
from tests import factories
from tests.evidence.conftest import FEATURES, credit_rows, score_of
from tests.evidence.test_measuring import measured

HOSTILE = sorted(
    path for path in (Path(__file__).parents[1] / "data" / "hostile").iterdir() if path.suffix not in {".py", ""}
)


def linear_model() -> bytes:
    """The tests' credit model as an ONNX graph with one tensor per column."""
    from onnx import TensorProto, helper

    nodes, columns = [], {"income": TensorProto.INT64, "duration": TensorProto.INT64, "housing": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in columns.items()]
    constants = {"a": 1 / 200, "b": -1 / 300, "c": 0.15, "base": 0.2, "zero": 0.0, "one": 1.0}
    weights = [helper.make_tensor(name, TensorProto.FLOAT, [1], [value]) for name, value in constants.items()]
    nodes += [helper.make_node("Cast", [name], [f"{name}_f"], to=TensorProto.FLOAT) for name in ("income", "duration")]
    nodes.append(
        helper.make_node(
            "LabelEncoder", ["housing"], ["own"], domain="ai.onnx.ml", keys_strings=["own"], values_floats=[1.0],
            default_float=0.0,
        )
    )  # fmt: skip
    for name, weight, out in (("income_f", "a", "p"), ("duration_f", "b", "q"), ("own", "c", "r")):
        nodes.append(helper.make_node("Mul", [name, weight], [out]))
    nodes += [
        helper.make_node("Sum", ["p", "q", "r", "base"], ["raw"]),
        helper.make_node("Clip", ["raw", "zero_s", "one_s"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    weights += [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in (("zero_s", 0.0), ("one_s", 1.0))
    ]
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph(nodes, "credit", inputs, [out], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_a_hostile_file_is_refused_in_words_and_never_runs(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("HOSTILE_MARK", str(mark))
    begun = time.monotonic()
    with pytest.raises(artifacts.Refused) as refusal:
        artifacts.read_onnx(path)
    assert time.monotonic() - begun < 5
    assert "not opened" in str(refusal.value) and path.name in str(refusal.value)
    assert not mark.exists()


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_renaming_a_hostile_file_does_not_help_it(path: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "model.onnx"
    renamed.write_bytes(path.read_bytes())
    with pytest.raises(artifacts.Refused):
        artifacts.read_onnx(renamed)


def test_the_hostile_pickles_would_run_where_they_are_opened(tmp_path: Path, monkeypatch: Any) -> None:
    import pickle

    monkeypatch.setenv("HOSTILE_MARK", str(tmp_path / "mark"))
    pickle.loads(next(path for path in HOSTILE if path.name == "pickle.pkl").read_bytes())  # noqa: S301 our own bytes
    assert (tmp_path / "mark").read_text() == "it ran"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_an_onnx_model_or_refused(content: bytes) -> None:
    try:
        artifacts.refuse_other_formats(content, "bytes")
        artifacts.walk(content, "bytes")
    except artifacts.Refused:
        pass


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_model_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    model = bytearray(linear_model())
    for _ in range(data.draw(st.integers(1, 4))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    try:
        artifacts.walk(bytes(model), "model.onnx")
    except artifacts.Refused:
        pass


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns of features."""
    return {name: [row[name] for row in rows] for name in FEATURES}


def test_an_honest_model_is_read_and_gives_its_scores() -> None:
    model, rows = linear_model(), credit_rows(50)
    artifacts.refuse_other_formats(model, "model.onnx")
    artifacts.walk(model, "model.onnx")
    found = FileScorer(model, "model.onnx").predict(columns_of(rows))
    assert found == pytest.approx(np.array([score_of(row) for row in rows]), abs=1e-6)


def test_a_model_that_does_not_fit_the_rows_says_so() -> None:
    with pytest.raises(Unmeasurable, match="housing"):
        FileScorer(linear_model(), "model.onnx").predict({"income": [1], "duration": [2]})


def served_with_file(credit: Any, data_root: Path, model: bytes, format: str = "onnx") -> Any:
    """A version like `credit` whose artifact is this file."""
    (data_root / "models").mkdir(exist_ok=True)
    (data_root / "models" / "model.onnx").write_bytes(model)
    row = {"path": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(), "size": len(model)}
    version = factories.version(
        credit.model, format=format, files=[row], uri=(data_root / "models").as_uri(), endpoint=credit.endpoint,
        features=credit.features, output=credit.output,
    )  # fmt: skip
    link = credit.dataset_links.get(role="scored")
    factories.link(version, link.dataset_version, "test", uri=link.uri, sha256=link.sha256, target="good")
    return version


@pytest.mark.django_db
def test_the_file_and_the_endpoint_are_compared_row_by_row(credit: Any, data_root: Path) -> None:
    version = served_with_file(credit, data_root, linear_model())
    assert "artifact_parity" in services.required_checks(version)
    run = measured(version, ["artifact_parity"])["artifact_parity"]
    assert run.state == "done", run.error
    found = {row["key"]: row["value"] for row in Evidence.objects.get().metrics}
    assert found["rows"] == 500
    assert found["differing_rows"] == 0
    assert 0 <= found["largest_difference"] < 1e-6


@pytest.mark.django_db
def test_a_file_that_is_not_the_registered_one_is_not_run(credit: Any, data_root: Path) -> None:
    version = served_with_file(credit, data_root, linear_model())
    changed = linear_model() + b"\x12\x01x"
    (data_root / "models" / "model.onnx").write_bytes(changed)
    run = measured(version, ["artifact_parity"])["artifact_parity"]
    assert run.state == "failed" and "was registered" in run.error


@pytest.mark.django_db
def test_another_format_and_a_pickle_are_refused_in_words(credit: Any, data_root: Path) -> None:
    other = served_with_file(credit, data_root, linear_model(), format="coreml")
    assert not artifact.can_open(other)
    assert "no reader" in measured(other, ["artifact_parity"])["artifact_parity"].error
    evil = next(path for path in HOSTILE if path.name == "pickle-protocol-2.onnx").read_bytes()
    hidden = served_with_file(credit, data_root, evil)
    assert "a pickle" in measured(hidden, ["artifact_parity"])["artifact_parity"].error
    assert "HOSTILE_MARK" not in os.environ

"""The demo's model files: what the product makes of the file is what the demo's serving system answers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from django.conf import settings

from apps.evidence.inputs import artifacts
from apps.evidence.inputs.file_scoring import FileScorer
from apps.evidence.inputs.scoring import score_of
from apps.evidence.inputs.tensors import Tensor

FOLDER = Path(settings.ROOT) / "fixtures" / "demo"


def script(name: str) -> ModuleType:
    """A script of the demo, which is no part of the product's packages."""
    spec = importlib.util.spec_from_file_location(f"demo_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("variant", ["lean", "wide", "segment", "boosted"])
def test_file_and_serving_system_of_the_demo_agree(variant: str, tmp_path: Path) -> None:
    train, serve = script("train"), script("serve")
    rows = train.prepare(train.read_source(FOLDER / "german_credit.csv"))
    names = train.VARIANTS[variant]["features"]
    pipeline, numbers, words = train.build(train.VARIANTS[variant], rows)
    pipeline.fit(rows[names].iloc[:600], rows["risk"].iloc[:600])
    path = tmp_path / "credit" / "model.onnx"
    train.export(pipeline, numbers, words, path)
    whole = rows[names].dropna().iloc[:300]
    columns = {name: whole[name].tolist() for name in names}
    filed = FileScorer(artifacts.read_model(path, "onnx"), path.name).predict(columns)
    tensors = [Tensor(name, "FP32" if name in numbers else "BYTES", [columns[name]]).as_json() for name in names]
    answer = serve.infer(serve.Models(tmp_path).session("credit"), "credit", {"inputs": tensors})
    served = score_of(answer["outputs"], len(whole), "1")
    assert len(filed) == 300 and np.abs(filed - served).max() < 1e-6
    assert np.ptp(filed) > 0.2

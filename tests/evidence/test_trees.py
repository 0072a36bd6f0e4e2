"""Models of XGBoost and LightGBM: scored as their own library scores them, and refused where a text of theirs lies."""

import copy
import hashlib
import importlib.util
import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence import artifact
from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import artifacts, trees_child
from apps.evidence.inputs.file_scoring import FileScorer
from apps.evidence.models import Evidence
from tests import factories
from tests.evidence.test_artifacts import HOSTILE
from tests.evidence.test_measuring import measured

NAMES = ["income", "duration", "age"]
MISSING = {name: importlib.util.find_spec(name) is None for name in ("xgboost", "lightgbm")}
needs_xgboost = pytest.mark.skipif(MISSING["xgboost"], reason="the extra `xgboost` is not installed")
needs_lightgbm = pytest.mark.skipif(MISSING["lightgbm"], reason="the extra `lightgbm` is not installed")


def one_tree(**changed: Any) -> dict[str, Any]:
    """A tree with one split: `income` below 0.5 to the left."""
    tree = {
        "base_weights": [0.0, -1.0, 2.0], "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
        "default_left": [1, 0, 0], "id": 0, "left_children": [1, -1, -1], "loss_changes": [1.0, 0.0, 0.0], "parents": [2147483647, 0, 0],
        "right_children": [2, -1, -1], "split_conditions": [0.5, -1.0, 2.0], "split_indices": [0, 0, 0], "split_type": [0, 0, 0],
        "sum_hessian": [2.0, 1.0, 1.0],
        "tree_param": {"num_deleted": "0", "num_feature": "3", "num_nodes": "3", "size_leaf_vector": "1"},
    }  # fmt: skip
    return {**tree, **changed}


def small_model(*trees: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A model of XGBoost with these trees, or with one."""
    held = list(trees) or [one_tree()]
    booster = {
        "name": "gbtree",
        "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(held))}, "trees": held, "tree_info": [0] * len(held),
            "iteration_indptr": list(range(len(held) + 1)), "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        },
    }  # fmt: skip
    learner = {
        "attributes": {}, "feature_names": NAMES, "feature_types": [], "gradient_booster": booster,
        "learner_model_param": {"base_score": "[5E-1]", "boost_from_average": "1", "num_class": "0", "num_feature": "3", "num_target": "1"},
        "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}},
    }  # fmt: skip
    return {"learner": {**learner, **changed}, "version": [3, 2, 0]}


TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=income duration age
feature_infos=[0:1] [0:1] [0:1]
tree_sizes=999

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
split_gain=1 1
threshold=0.5 0.25
decision_type=2 2
left_child=-1 -2
right_child=1 -3
leaf_value=-0.5 0.25 1.5
leaf_weight=1 1 1
leaf_count=10 10 10
internal_value=0 0
internal_weight=2 2
internal_count=30 20
is_linear=0
shrinkage=0.1


end of trees

feature_importances:
income=1

parameters:
[boosting: gbdt]
[machine_list_filename: /etc/passwd]
end of parameters

pandas_categorical:null
"""


def as_ubjson(value: Any) -> bytes:
    """A value in UBJSON, typed arrays where all are whole numbers."""

    def text(written: str) -> bytes:
        return b"L" + struct.pack(">q", len(written.encode())) + written.encode()

    if isinstance(value, dict):
        return b"{" + b"".join(text(name) + as_ubjson(item) for name, item in value.items()) + b"}"
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return b"[$l#L" + struct.pack(f">q{len(value)}i", len(value), *value)
    if isinstance(value, list):
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(as_ubjson, value))
    if isinstance(value, str):
        return b"S" + text(value)
    return b"L" + struct.pack(">q", value) if isinstance(value, int) else b"D" + struct.pack(">d", value)


def test_json_and_ubjson_hold_the_same_model() -> None:
    model = small_model(one_tree(), one_tree(id=1))
    as_json = trees_child.read_xgboost(json.dumps(model).encode())
    assert as_json == trees_child.read_xgboost(as_ubjson(model)) == model


WRONG_TREES: dict[str, dict[str, Any]] = {
    "a child beyond the nodes": {"left_children": [9, -1, -1]},
    "a child before the nodes": {"left_children": [-7, -1, -1]},
    "a node that is its own child": {"left_children": [0, -1, -1]},
    "a node with two parents": {"right_children": [1, -1, -1]},
    "a node with one child": {"right_children": [-1, -1, -1]},
    "a feature beyond the features": {"split_indices": [3, 0, 0]},
    "a feature of half": {"split_indices": [0.5, 0, 0]},
    "too few conditions": {"split_conditions": [0.5]},
    "a condition that is a text": {"split_conditions": ["0.5", 0.0, 0.0]},
    "directions beyond": {"default_left": [7, 0, 0]},
    "a split on categories": {"split_type": [1, 0, 0]},
    "categories": {"categories": [1]},
    "many nodes": {"tree_param": {"num_nodes": "99999999", "size_leaf_vector": "1"}},
    "no number of nodes": {"tree_param": {"num_nodes": "-1"}},
    "leaves of vectors": {"tree_param": {"num_nodes": "3", "size_leaf_vector": "8"}},
}


@pytest.mark.parametrize("wrong", WRONG_TREES)
def test_a_tree_that_points_outside_itself_is_refused_before_the_library_sees_it(wrong: str) -> None:
    model = small_model(one_tree(**WRONG_TREES[wrong]))
    for content in (json.dumps(model).encode(), as_ubjson(model)):
        with pytest.raises(trees_child.Refused):
            trees_child.read_xgboost(content)


@pytest.mark.parametrize(
    "content",
    [
        b"{}", b'{"learner": {"attributes": {}}}', b'{"learner": {}, "version": [1], "Config": {}}', b'{"version": [1], "learner": 3}',
        b'{"version": [1], "version": [2], "learner": {}}', b"{L", b"{L" + b"\xff" * 8 + b"x", b"{L\x7f" + b"\xff" * 7, b"{i\x01aS",
        b"{i\x01a[$T#L\x00\x00\x00\x7f\xff\xff\xff\xff}", b"{i\x01a[#L\x00\x00\x00\x7f\xff\xff\xff\xff}", b"{i\x01a" + b"[" * 90,
        b"{i\x01aHi\x03123}", b"{}trailing",
        json.dumps(small_model(objective={"name": "multi:softmax"})).encode(),
        json.dumps(small_model(gradient_booster={"name": "gblinear", "model": {"weights": [1.0]}})).encode(),
        json.dumps(small_model(learner_model_param={"num_feature": "99999999999", "num_class": "0"})).encode(),
    ],
    ids=range(17),
)  # fmt: skip
def test_what_is_no_model_of_xgboost_is_refused(content: bytes) -> None:
    with pytest.raises((trees_child.Refused, ValueError, RecursionError)):
        trees_child.read_xgboost(content)


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ("left_child=-1 -2", "left_child=-9 -2"), ("right_child=1 -3", "right_child=7 -3"), ("right_child=1 -3", "right_child=0 -3"),
        ("right_child=1 -3", "right_child=1 -2"), ("split_feature=0 1", "split_feature=0 9"), ("split_feature=0 1", "split_feature=0"),
        ("threshold=0.5 0.25", "threshold=0.5 high"), ("leaf_value=-0.5 0.25 1.5", "leaf_value="), ("num_leaves=3", "num_leaves=3000000"),
        ("num_leaves=3", "num_leaves=-3"), ("num_cat=0", "num_cat=1"), ("decision_type=2 2", "decision_type=1 2"),
        ("is_linear=0", "is_linear=1"), ("Tree=0", "Tree=5"), ("max_feature_idx=2", "max_feature_idx=99999999999"),
        ("feature_names=income duration age", "feature_names=income"), ("num_class=1", "num_class=3"), ("end of trees", "end"),
        ("pandas_categorical:null", 'pandas_categorical:[["own"]]'), ("shrinkage=0.1", "shrinkage=a"),
        ("num_class=1", "num_class=1\nnum_class=1"),
    ],
)  # fmt: skip
def test_a_text_of_lightgbm_that_lies_is_refused_before_the_library_sees_it(found: str, put: str) -> None:
    assert found in TEXT
    with pytest.raises(ValueError):
        trees_child.read_lightgbm(TEXT.replace(found, put, 1).encode())


def test_what_the_library_gets_is_written_anew_from_what_was_read() -> None:
    header, text = trees_child.read_lightgbm(TEXT.encode())
    assert header["feature_names"] == "income duration age"
    assert "leaf_value=-0.5 0.25 1.5" in text and "Tree=0" in text
    for left_out in ("passwd", "parameters", "tree_sizes", "importances"):
        assert left_out not in text


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_model_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(
        data.draw(st.sampled_from([TEXT.encode(), json.dumps(small_model()).encode(), as_ubjson(small_model())]))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for read in (trees_child.read_xgboost, trees_child.read_lightgbm):
        try:
            read(bytes(content))
        except (ValueError, RecursionError):
            pass


@pytest.mark.parametrize("format", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_a_hostile_file_is_refused_under_these_formats_too(
    path: Path, format: str, tmp_path: Path, monkeypatch: Any
) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("HOSTILE_MARK", str(mark))
    with pytest.raises(artifacts.Refused, match="not opened"):
        FileScorer(artifacts.read_model(path, format), path.name, format=format).predict({"a": [1.0]})
    assert not mark.exists()


def test_a_model_under_another_format_than_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text(TEXT)
    assert artifacts.read_model(path, "lightgbm") == TEXT.encode()
    for format in ("onnx", "xgboost"):
        with pytest.raises(artifacts.Refused, match="is a model of LightGBM, but"):
            artifacts.read_model(path, format)


@pytest.mark.parametrize(("format", "package"), [("xgboost", "xgboost-cpu"), ("lightgbm", "lightgbm")])
def test_without_the_library_the_sentence_says_what_to_install(format: str, package: str) -> None:
    if not MISSING[format]:
        pytest.skip(f"{format} is installed here")
    content = TEXT.encode() if format == "lightgbm" else json.dumps(small_model()).encode()
    with pytest.raises(Unmeasurable) as refusal:
        FileScorer(content, "model", format=format).predict({name: [0.1] for name in NAMES})
    assert refusal.value.code == "LIBRARY_MISSING"
    assert f"installs the extra `{format}` ({package})" in str(refusal.value)


def columns_of(matrix: np.ndarray) -> dict[str, list[float | None]]:
    """Rows as columns by name; a gap is None."""
    return {name: [None if np.isnan(v) else float(v) for v in matrix[:, place]] for place, name in enumerate(NAMES)}


def training(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with gaps, an outcome of two classes and one of three."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(600, 3))
    two = (rows[:, 0] + 0.5 * rows[:, 1] > 0).astype(int)
    rows[chance.random(rows.shape) < 0.05] = np.nan
    return rows, two, chance.integers(0, 3, 600)


@needs_xgboost
@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize(("booster", "classes"), [("gbtree", 2), ("gbtree", 3), ("dart", 2)])
def test_scores_are_those_of_xgboost(ending: str, booster: str, classes: int, tmp_path: Path) -> None:
    import xgboost

    rows, two, three = training()
    asked = {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softprob", "num_class": 3}
    given = xgboost.DMatrix(rows, label=two if classes == 2 else three, feature_names=NAMES)
    model = xgboost.train({**asked, "booster": booster, "max_depth": 4, "nthread": 1}, given, 12)
    model.save_model(tmp_path / f"model.{ending}")
    content = artifacts.read_model(tmp_path / f"model.{ending}", "xgboost")
    shuffled = dict(reversed(columns_of(rows).items()))
    found = FileScorer(content, "model", positive="1", format="xgboost").predict(shuffled)
    expected = model.predict(given)
    assert np.array_equal(found, (expected if classes == 2 else expected[:, 1]).astype(np.float64))
    none = FileScorer(content, "model", positive="0", format="xgboost").predict(shuffled)
    assert none == pytest.approx(1 - expected if classes == 2 else expected[:, 0], abs=1e-7)


@needs_lightgbm
@pytest.mark.parametrize(("boosting", "classes"), [("gbdt", 2), ("gbdt", 3), ("rf", 2)])
def test_scores_are_those_of_lightgbm(classes: int, boosting: str, tmp_path: Path) -> None:
    import lightgbm

    rows, two, three = training()
    asked = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": 3}
    more = {"boosting": boosting, "bagging_freq": 1, "bagging_fraction": 0.7, "verbosity": -1, "num_threads": 1}
    given = lightgbm.Dataset(rows, label=two if classes == 2 else three, feature_name=NAMES)
    model = lightgbm.train({**asked, **more}, given, 12)
    model.save_model(tmp_path / "model.txt")
    content = artifacts.read_model(tmp_path / "model.txt", "lightgbm")
    found = FileScorer(content, "model", format="lightgbm").predict(dict(reversed(columns_of(rows).items())))
    expected = model.predict(rows)
    assert np.array_equal(found, expected if classes == 2 else expected[:, 1])


@needs_xgboost
@needs_lightgbm
def test_a_library_without_names_gets_the_declared_order() -> None:
    import lightgbm
    import xgboost

    rows, two, _ = training()
    trees = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, xgboost.DMatrix(rows, label=two), 5)
    found = FileScorer(bytes(trees.save_raw("json")), "model", format="xgboost").predict(columns_of(rows))
    assert np.array_equal(found, trees.predict(xgboost.DMatrix(rows)).astype(np.float64))
    other = lightgbm.train(
        {"objective": "regression", "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(rows, label=two), 5
    )
    found = FileScorer(other.model_to_string().encode(), "model", format="lightgbm").predict(columns_of(rows))
    assert np.array_equal(found, other.predict(rows))


@needs_xgboost
@needs_lightgbm
def test_the_examples_written_by_hand_are_models_to_the_libraries() -> None:
    rows = {"income": [0.1, 0.9], "duration": [0.1, 0.1], "age": [0.0, 0.0]}
    found = FileScorer(json.dumps(small_model()).encode(), "model", format="xgboost").predict(rows)
    assert found == pytest.approx(1 / (1 + np.exp([1.0, -2.0])), abs=1e-6)
    found = FileScorer(TEXT.encode(), "model", format="lightgbm").predict(rows)
    assert found == pytest.approx(1 / (1 + np.exp([0.5, -0.25])), abs=1e-12)


@needs_xgboost
def test_what_does_not_fit_is_said_in_words() -> None:
    scorer = FileScorer(json.dumps(small_model()).encode(), "model.json", format="xgboost")
    with pytest.raises(Unmeasurable, match="asks for age"):
        scorer.predict({"income": [1.0], "duration": [1.0]})
    with pytest.raises(Unmeasurable, match="reads numbers only, but age holds text"):
        scorer.predict({"income": [1.0], "duration": [1.0], "age": ["old"]})
    with pytest.raises(Unmeasurable, match="could not be run"):
        strange = small_model(objective={"name": "no:such"})
        FileScorer(json.dumps(strange).encode(), "model.json", format="xgboost").predict(
            {name: [1.0] for name in NAMES}
        )


@needs_xgboost
@needs_lightgbm
def test_files_damaged_at_random_never_end_the_process_without_an_answer() -> None:
    chance = random.Random(5)
    for content, format in (
        (json.dumps(small_model()).encode(), "xgboost"),
        (as_ubjson(small_model()), "xgboost"),
        (TEXT.encode(), "lightgbm"),
    ):
        for _ in range(4):
            damaged = bytearray(content)
            for _ in range(3):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                FileScorer(bytes(damaged), "model", format=format).predict({name: [0.5] for name in NAMES})
            except Unmeasurable as refused:
                assert "without an answer" not in str(refused), (format, bytes(damaged))


@needs_xgboost
@pytest.mark.django_db
def test_a_registered_model_of_xgboost_is_compared_with_the_endpoint(credit: Any, data_root: Path) -> None:
    model = copy.deepcopy(small_model(feature_names=["income", "duration"]))
    model["learner"]["learner_model_param"]["num_feature"] = "2"
    content = json.dumps(model).encode()
    (data_root / "model.json").write_bytes(content)
    row = {"path": "model.json", "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    version = factories.version(
        credit.model, format="xgboost", files=[row], uri=data_root.as_uri(), endpoint=credit.endpoint,
        features=credit.features, output=credit.output,
    )  # fmt: skip
    link = credit.dataset_links.get(role="scored")
    factories.link(version, link.dataset_version, "test", uri=link.uri, sha256=link.sha256, target="good")
    assert artifact.can_open(version)
    run = measured(version, ["artifact_parity"])["artifact_parity"]
    assert run.state == "done", run.error
    found = {row["key"]: row["value"] for row in Evidence.objects.get().metrics}
    assert found["rows"] == 500 and found["differing_rows"] > 0

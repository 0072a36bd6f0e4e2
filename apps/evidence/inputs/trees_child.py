"""Reads and runs one model of XGBoost (JSON, UBJSON) or LightGBM (text) in a process of its own, with limits. Answers once.

Standard input: a line of JSON {"bytes": n, "format", "columns": {name: [numbers]}, "order": [names]}, then n bytes of the model.
Standard output: JSON {"outputs": [{"name", "datatype", "data"}]}, {"refused": "…"}, {"error": "…"} or {"install": "…"}.

The libraries' own readers trust what they read: an index beyond an array is followed, not refused. So every file is first
read here, each index and length is compared with the array it points into, and the library is given a text written anew
from what was read. No file is written, no other file is opened, time and memory end. Nothing is unpickled.
"""

import json
import resource
import struct
import sys
from typing import Any

SECONDS = 60
BYTES = 8 * 1024**3
DEEPEST = 32
MOST_FEATURES = 100_000
MOST_CLASSES = 1000
UBJSON = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
CONSTANTS = {b"Z": None, b"N": None, b"T": True, b"F": False}
HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "average_output", "feature_names",
    "feature_infos",
)  # fmt: skip
PER_SPLIT = {"split_feature": int, "split_gain": float, "threshold": float, "decision_type": int, "left_child": int, "right_child": int,
             "internal_value": float, "internal_weight": float, "internal_count": int}  # fmt: skip
PER_LEAF = {"leaf_value": float, "leaf_weight": float, "leaf_count": int}
REQUIRED = {"split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value"}
UNUSED = (
    "pandas",
    "sklearn",
    "dask",
    "matplotlib",
)  # the libraries would import them where they find them, for nothing that is done here
PACKAGES = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}


class Refused(ValueError):
    """A file that is not handed to a library. The text says why."""


def need(condition: Any, why: str) -> None:
    """Raise Refused unless the condition holds."""
    if not condition:
        raise Refused(why)


class Ubjson:
    """One value of the format, read front to back; every length is compared with what is left."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        need(0 <= count <= len(self.content) - self.place, "it says that it is longer than it is")
        self.place += count
        return self.content[self.place - count : self.place]

    def number(self, mark: bytes) -> Any:
        """A number of this type."""
        need(mark in UBJSON, "it is no UBJSON")
        (found,) = struct.unpack(UBJSON[mark], self.take(struct.calcsize(UBJSON[mark])))
        return found

    def length(self) -> int:
        """A length with its type before it."""
        mark = self.take(1)
        need(mark in UBJSON and mark not in b"dD", "it is no UBJSON")
        return int(self.number(mark))

    def text(self) -> str:
        """A text with its length before it."""
        return self.take(self.length()).decode()

    def value(self, mark: bytes = b"", depth: int = 0) -> Any:
        """The next value, whose type may be known already."""
        need(depth <= DEEPEST, f"it is nested deeper than {DEEPEST} levels")
        mark = mark or self.take(1)
        if mark in CONSTANTS:
            return CONSTANTS[mark]
        if mark == b"S":
            return self.text()
        if mark == b"C":
            return self.take(1).decode()
        if mark not in b"[{":
            return self.number(mark)
        return self.several(mark == b"{", depth)

    def several(self, is_object: bool, depth: int) -> Any:
        """An array or an object, with or without its type and count before it."""
        kind, count = b"", None
        if self.content[self.place : self.place + 1] == b"$":
            kind = self.take(2)[1:]
        if self.content[self.place : self.place + 1] == b"#":
            self.take(1)
            count = self.length()
            need(
                0 <= count <= len(self.content) - self.place or kind in CONSTANTS,
                "it says that it is longer than it is",
            )
        need(not kind or (count is not None and kind not in CONSTANTS), "it is no UBJSON")
        if kind in UBJSON and not is_object:
            return self.numbers(kind, count or 0)
        found: Any = {} if is_object else []
        end = b"}" if is_object else b"]"
        while count is None or len(found) < count:
            if count is None and self.content[self.place : self.place + 1] == end:
                self.take(1)
                break
            if is_object:
                name = self.text()
                need(name not in found, "it names something twice")
                found[name] = self.value(kind, depth + 1)
            else:
                found.append(self.value(kind, depth + 1))
        return found

    def numbers(self, kind: bytes, count: int) -> list[Any]:
        """An array of numbers of one type."""
        form = UBJSON[kind]
        content = self.take(count * struct.calcsize(form))
        return list(struct.unpack(f">{count}{form[1]}", content))


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON text whose names are all different."""
    found = dict(pairs)
    need(len(found) == len(pairs), "it names something twice")
    return found


def tree_of_values(content: bytes) -> Any:
    """What a JSON or UBJSON file holds."""
    try:
        if content.lstrip()[:1] == b"{" and content.lstrip()[1:].lstrip()[:1] in {b'"', b"}"}:
            return json.loads(content, object_pairs_hook=unique)
        reader = Ubjson(content)
        found = reader.value()
    except (UnicodeError, json.JSONDecodeError, RecursionError) as wrong:
        raise Refused("it is neither JSON nor UBJSON") from wrong
    need(reader.place == len(content), "something follows its end")
    return found


def whole(text: Any, most: int, what: str) -> int:
    """A whole number that is written as text, from 0 to `most`."""
    need(
        isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most,
        f"its {what} is no number",
    )
    return int(text)


def at(place: Any, *names: str) -> Any:
    """What stands under these names."""
    for name in names:
        need(isinstance(place, dict) and name in place, f"it has no {name}")
        place = place[name]
    return place


def integers(values: Any, count: int, low: int, high: int, what: str) -> list[int]:
    """An array of whole numbers of this length, each from `low` to below `high`."""
    need(isinstance(values, list) and len(values) == count, f"its {what} are not {count}")
    need(all(isinstance(value, int) and low <= value < high for value in values), f"its {what} point outside")
    return list(values)


def numbers(values: Any, count: int, what: str) -> None:
    """Refuse what is no array of numbers of this length."""
    need(isinstance(values, list) and len(values) == count, f"its {what} are not {count}")
    need(all(type(value) in {int, float} for value in values), f"its {what} are no numbers")


def read_xgboost(content: bytes) -> dict[str, Any]:
    """The model as values, every index in its array. Raises Refused."""
    model = tree_of_values(content)
    need(isinstance(model, dict) and set(model) == {"learner", "version"}, "it is no model of XGBoost")
    learner = at(model, "learner")
    features = whole(at(learner, "learner_model_param", "num_feature"), MOST_FEATURES, "number of features")
    classes = whole(at(learner, "learner_model_param", "num_class"), MOST_CLASSES, "number of classes")
    need(learner["learner_model_param"].get("num_target", "1") in ("0", "1"), "it has more than one target")
    objective = at(learner, "objective", "name")
    need(isinstance(objective, str) and objective != "multi:softmax", "it answers with labels, not with scores")
    booster = at(learner, "gradient_booster")
    kind = at(booster, "name")
    need(kind in ("gbtree", "dart"), f"its booster {str(kind)[:40]} is not read here: gbtree and dart are")
    held = at(booster, "model") if kind == "gbtree" else at(booster, "gbtree", "model")
    trees = at(held, "trees")
    need(isinstance(trees, list) and trees, "it has no trees")
    need(whole(at(held, "gbtree_model_param", "num_trees"), 10**7, "number of trees") == len(trees), "it lacks trees")
    integers(at(held, "tree_info"), len(trees), 0, max(classes, 1), "classes of trees")
    if held.get("iteration_indptr"):
        need(isinstance(held["iteration_indptr"], list), "its rounds are no list")
        steps = integers(held["iteration_indptr"], len(held["iteration_indptr"]), 0, len(trees) + 1, "rounds")
        need(steps == sorted(steps) and steps[-1] == len(trees), "its rounds are out of order")
    if kind == "dart":
        numbers(at(booster, "weight_drop"), len(trees), "weights of trees")
    categories = held.get("cats") or {}
    need(isinstance(categories, dict) and not any(categories.values()), "it splits on categories")
    for tree in trees:
        check_tree(tree, features)
    return model


def check_tree(tree: Any, features: int) -> None:
    """Refuse a tree with an index outside its arrays, or with splits on categories."""
    nodes = whole(at(tree, "tree_param", "num_nodes"), 10**8, "number of nodes")
    need(nodes > 0 and tree["tree_param"].get("size_leaf_vector", "1") in ("0", "1"), "its leaves hold several values")
    for name in ("left_children", "right_children"):
        integers(at(tree, name), nodes, -1, nodes, name)
    left, right = tree["left_children"], tree["right_children"]
    need(all((one < 0) == (two < 0) for one, two in zip(left, right, strict=True)), "a node has one child")
    children = [child for child in [*left, *right] if child >= 0]
    need(0 not in children and len(set(children)) == len(children), "a node has two parents")
    integers(at(tree, "parents"), nodes, 0, 2**31, "parents")
    integers(at(tree, "split_indices"), nodes, 0, max(features, 1), "features")
    integers(at(tree, "default_left"), nodes, 0, 2, "directions")
    if tree.get("split_type"):
        need(not any(integers(tree["split_type"], nodes, 0, 256, "kinds of splits")), "it splits on categories")
    for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes"):
        need(not tree.get(name), "it splits on categories")
    for name in ("split_conditions", "base_weights", "loss_changes", "sum_hessian"):
        numbers(at(tree, name), nodes, name)


def score_xgboost(model: dict[str, Any], columns: dict[str, list[Any]], order: list[str]) -> dict[str, Any]:
    """What XGBoost makes of the rows."""
    import xgboost

    names = [str(name) for name in model["learner"].get("feature_names") or []]
    features = int(model["learner"]["learner_model_param"]["num_feature"])
    matrix = matrix_of(columns, names, order, features)
    booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
    booster.load_model(bytearray(json.dumps(model).encode()))
    rows = xgboost.DMatrix(matrix, feature_names=names or None, nthread=1)
    return answered(booster.predict(rows), model["learner"]["objective"]["name"] == "binary:logistic")


def read_lightgbm(content: bytes) -> tuple[dict[str, str], str]:
    """The header by name, and a text written anew with the trees, every index in its array. Raises Refused."""
    text = content.decode(errors="replace")
    need(text.startswith("tree\n"), "it is no model of LightGBM")
    body, end, rest = text.partition("\nend of trees\n")
    need(end, "it has no end of its trees")
    for line in rest.splitlines():
        need(
            not line.startswith("pandas_categorical:") or line.partition(":")[2] in {"null", "[]"},
            "it splits on categories",
        )
    blocks = body.split("\n\n")
    header = pairs_of(blocks[0].removeprefix("tree\n"))
    wanted = {name: value for name, value in header.items() if name in HEADER}
    features = whole(at(wanted, "max_feature_idx"), MOST_FEATURES, "number of features") + 1
    classes = whole(at(wanted, "num_class"), MOST_CLASSES, "number of classes")
    step = whole(at(wanted, "num_tree_per_iteration"), MOST_CLASSES, "number of trees in a round")
    need(step == max(classes, 1), "its trees are not one per class")
    for name in ("feature_names", "feature_infos"):
        need(len(at(wanted, name).split(" ")) == features, f"its {name} are not {features}")
    trees = [
        tree_text(pairs_of(block), features, number)
        for number, block in enumerate(filter(None, map(str.strip, blocks[1:])))
    ]
    need(trees and len(trees) % step == 0, "it lacks trees")
    lines = [
        "tree",
        *(f"{name}={wanted[name]}" if wanted[name] else name for name in HEADER if name in wanted),
        "",
        *trees,
        "end of trees",
    ]
    return wanted, "\n".join([*lines, "", "pandas_categorical:null", ""])


def pairs_of(block: str) -> dict[str, str]:
    """Lines `name=value`, each name once."""
    found: dict[str, str] = {}
    for line in block.splitlines():
        name, _, value = line.partition("=")
        need(name and name not in found, "it names something twice")
        found[name] = value
    return found


def tree_text(tree: dict[str, str], features: int, number: int) -> str:
    """One tree, written anew. Raises Refused when an index leads outside or it splits on categories."""
    need(tree.get("Tree") == str(number), "its trees are out of order")
    leaves = whole(tree.get("num_leaves"), 10**7, "number of leaves")
    need(leaves > 0 and tree.get("num_cat") == "0", "it splits on categories")
    need(tree.get("is_linear", "0") == "0", "its leaves are linear models, which are not read here")
    lines = [f"Tree={number}", f"num_leaves={leaves}", "num_cat=0"]
    for names, count in ((PER_SPLIT, leaves - 1), (PER_LEAF, leaves)):
        for name, kind in names.items():
            values = numbers_in(tree.get(name, ""), kind, name)
            need(len(values) == count or (not values and name not in REQUIRED), f"its {name} are not {count}")
            lines += [f"{name}={tree.get(name, '')}"] if values or not count else []
    children = [int(value) for name in ("left_child", "right_child") for value in tree.get(name, "").split()]
    need(all(-leaves <= child < leaves - 1 and child != 0 for child in children), "its children point outside")
    need(len(set(children)) == len(children), "a node has two parents")
    need(
        all(0 <= int(value) < features for value in tree.get("split_feature", "").split()), "its features point outside"
    )
    need(all(int(value) & 1 == 0 for value in tree.get("decision_type", "").split()), "it splits on categories")
    (shrinkage,) = numbers_in(tree.get("shrinkage", "1"), float, "shrinkage") or [1.0]
    return "\n".join([*lines, "is_linear=0", f"shrinkage={shrinkage:g}", "", ""])


def numbers_in(text: str, kind: type, what: str) -> list[Any]:
    """Numbers with spaces between them."""
    try:
        return [kind(value) for value in text.split()]
    except ValueError as wrong:
        raise Refused(f"its {what} holds what is no number") from wrong


def score_lightgbm(
    model: tuple[dict[str, str], str], columns: dict[str, list[Any]], order: list[str]
) -> dict[str, Any]:
    """What LightGBM makes of the rows."""
    import lightgbm

    header, text = model
    names = header["feature_names"].split(" ")
    is_unnamed = names == [f"Column_{place}" for place in range(len(names))] and not set(names) & set(columns)
    matrix = matrix_of(columns, [] if is_unnamed else names, order, len(names))
    try:
        booster = lightgbm.Booster(model_str=text, params={"num_threads": 1, "verbosity": -1})
        found = booster.predict(matrix, num_threads=1)
    except lightgbm.basic.LightGBMError as failed:
        raise ValueError(str(failed)) from failed
    return answered(found, header.get("objective", "").split(" ")[0] in {"binary", "cross_entropy"})


def matrix_of(columns: dict[str, list[Any]], names: list[str], order: list[str], width: int) -> Any:
    """The rows as numbers, in the order of the model's own names, or as declared where it has none."""
    import numpy as np

    wanted = names or order
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise ValueError(f"the model asks for {', '.join(missing[:5])}")
    if len(wanted) != width:
        raise ValueError(f"the model reads {width} columns, not {len(wanted)}")
    words = [name for name in wanted if any(isinstance(value, str) for value in columns[name])]
    if words:
        raise ValueError(f"the model reads numbers only, but {', '.join(words[:5])} holds text")
    values = [[float("nan") if value is None else float(value) for value in columns[name]] for name in wanted]
    return np.array(values, dtype=np.float64).T.copy()


def answered(found: Any, is_binary: bool) -> dict[str, Any]:
    """The scores in the shape of the inference protocol; of a model with two classes the probability of each."""
    import numpy as np

    scores = np.asarray(found, dtype=np.float64)
    if is_binary and scores.ndim == 1:
        scores = np.column_stack([1 - scores, scores])
    return {"outputs": [{"name": "probabilities", "datatype": "FP64", "data": scores.ravel().tolist()}]}


def limit() -> None:
    """End this process when it uses more than its share; it may write no file."""
    for what, most in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main() -> int:
    """Read, check, run, answer."""
    limit()
    sys.modules.update(dict.fromkeys(UNUSED))  # type: ignore[arg-type]
    request = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read(request["bytes"])
    rows = request["columns"], request["order"]
    try:
        if request["format"] == "xgboost":
            answer = score_xgboost(read_xgboost(content), *rows)
        else:
            answer = score_lightgbm(read_lightgbm(content), *rows)
    except ImportError:
        answer = {"install": PACKAGES[request["format"]]}
    except Refused as refused:
        answer = {"refused": str(refused)[:300]}
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, MemoryError) as failed:
        answer = {"error": str(failed)[:300]}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs one PMML file in a process of its own, with limits: no files are written, time and memory end. Answers once.

Standard input: a line of JSON {"bytes": n, "columns": {name: [values]}, "positive": class}, then n bytes of the model.
Standard output: JSON {"outputs": [{"name", "datatype", "data"}]}, {"refused": "…"} or {"error": "…"}.
"""

import json
import resource
import sys
from typing import Any

from apps.evidence.inputs.pmml import models
from apps.evidence.inputs.pmml.expressions import Scope
from apps.evidence.inputs.pmml.reading import Element, Refused, read

SECONDS = 60
BYTES = 4 * 1024**3


def main() -> int:
    """Read, run, answer."""
    for what, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, BYTES), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (most, most))
    request = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read(request["bytes"])
    try:
        data = scores(read(content), request["columns"], request["positive"])
    except Refused as refused:
        print(json.dumps({"refused": str(refused)}))
    except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError) as broken:
        print(json.dumps({"error": f"{type(broken).__name__}: {broken}"[:300]}))
    else:
        print(json.dumps({"outputs": [{"name": "score", "datatype": "FP64", "data": data}]}))
    return 0


def scores(top: Element, columns: dict[str, list[Any]], positive: str) -> list[float]:
    """One score per row: the value of a regression, the share of the positive class of a classification. Raises Refused."""
    fields, model = models.inputs_of(top), _model(top)
    missing = [name for name in needed(model) if name in fields and name not in columns]
    if missing:
        raise Refused(f"it asks for {', '.join(missing)[:200]}, which the rows do not have")
    dictionary, found = top.first("TransformationDictionary"), []
    derived = models.derived_in(dictionary)
    kinds = {name: part.need("dataType") for name, part in fields.items()}
    functions = {part.need("name"): part for part in dictionary.all("DefineFunction")} if dictionary else {}
    for values in zip(*columns.values(), strict=True):
        row = models.given(fields, dict(zip(columns, values, strict=True)))
        said = models.run(model, Scope(row, derived, functions=functions, kinds=kinds))
        found.append(score(said, positive, _classes(fields, model)))
    return found


def needed(model: Element) -> list[str]:
    """The fields that the model takes."""
    schema = model.first("MiningSchema")
    parts = schema.all("MiningField") if schema is not None else []
    return [part.need("name") for part in parts if part.said.get("usageType", "active") == "active"]


def score(said: models.Found, positive: str, classes: list[str]) -> float:
    """The number of one row. Raises Refused where the model gives none."""
    if not said.shares:
        if isinstance(said.value, float):
            return said.value
        raise Refused("it gives no score for a row")
    if positive in said.shares or positive in classes:
        return said.shares.get(positive, 0.0)
    names = classes or list(said.shares)
    return said.shares.get(names[int(positive) if positive.isdigit() and int(positive) < len(names) else -1], 0.0)


def _classes(fields: dict[str, Element], model: Element) -> list[str]:
    schema = model.first("MiningSchema")
    parts = schema.all("MiningField") if schema is not None else []
    targets = [part.need("name") for part in parts if part.said.get("usageType") in {"target", "predicted"}]
    known = fields.get(targets[0]) if targets else None
    return [item.need("value") for item in known.all("Value")] if known is not None else []


def _model(top: Element) -> Element:
    skipped = {"Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary"}
    found = [part for part in top.inner if part.name not in skipped]
    if len(found) != 1:
        raise Refused(f"it holds {len(found)} models; one is read")
    return found[0]

"""Runs one ONNX graph in a process of its own, with limits: no files are written, time and memory end. Reads one request, answers once.

Standard input: a line of JSON {"bytes": n, "columns": {name: [values]}, "order": [names]}, then n bytes of the model.
Standard output: JSON {"outputs": [{"name", "datatype", "data"}]} or {"error": "…"}.
"""

import json
import resource
import sys
from typing import Any

SECONDS = 60
BYTES = 8 * 1024**3
NUMBERS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64", "tensor(int32)": "int32"}


def limit() -> None:
    """End this process when it uses more than its share; it may write no file."""
    for what, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, BYTES), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (most, most))


def feed_of(session: Any, columns: dict[str, list[Any]], order: list[str]) -> dict[str, Any]:
    """One [n, 1] tensor per column, or one matrix where the graph takes one. Raises ValueError where they do not fit."""
    import numpy as np

    nodes = session.get_inputs()
    if len(nodes) == 1 and nodes[0].name not in columns:
        matrix = np.array([columns[name] for name in order], dtype=NUMBERS[nodes[0].type]).T
        return {nodes[0].name: np.ascontiguousarray(matrix)}
    missing = [node.name for node in nodes if node.name not in columns]
    if missing:
        raise ValueError(f"the graph asks for {', '.join(missing)}")
    found = {}
    for node in nodes:
        values = columns[node.name]
        if node.type == "tensor(string)":
            found[node.name] = np.array([str(value) for value in values], dtype=object).reshape(-1, 1)
        else:
            found[node.name] = np.array(values, dtype=NUMBERS[node.type]).reshape(-1, 1)
    return found


def output_of(name: str, value: Any) -> dict[str, Any]:
    """One output in the shape of the inference protocol; a list of {class: probability} becomes rows of numbers."""
    import numpy as np

    if isinstance(value, list):
        value = np.array([list(row.values()) if isinstance(row, dict) else row for row in value])
    kind = "FP64" if value.dtype.kind == "f" else "INT64" if value.dtype.kind in "iu" else "BYTES"
    data = value.ravel().tolist()
    return {"name": name, "datatype": kind, "data": data if kind != "BYTES" else [str(item) for item in data]}


def main() -> int:
    """Read, run, answer."""
    limit()
    import onnxruntime

    request = json.loads(sys.stdin.buffer.readline())
    model = sys.stdin.buffer.read(request["bytes"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        values = session.run(None, feed_of(session, request["columns"], request["order"]))
    except (ValueError, TypeError, KeyError, RuntimeError) as refused:
        print(json.dumps({"error": str(refused)[:300]}))
        return 0
    named = zip(session.get_outputs(), values, strict=True)
    print(json.dumps({"outputs": [output_of(node.name, value) for node, value in named]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

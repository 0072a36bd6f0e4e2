"""The tests' credit model on KServe's own server: `python on_kserve.py PORT json|bytes`. Runs in an environment of KServe's, not in ours.

KServe takes and gives tensors as bytes, but does not list the extension; with `bytes` the server says so, as Triton does.
"""

import sys
from typing import Any

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.protocol.dataplane import DataPlane


class Credit(Model):
    """Linear, with one categorical feature."""

    def __init__(self) -> None:
        super().__init__("credit")
        self.ready = True

    async def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """Probabilities of both classes."""
        columns = {tensor.name: tensor.as_numpy().ravel() for tensor in payload.inputs}
        owns = [(value.decode() if isinstance(value, bytes) else str(value)) == "own" for value in columns["housing"]]
        scores = (
            0.2
            + columns["income"].astype(float) / 200
            - columns["duration"].astype(float) / 300
            + 0.15 * np.array(owns)
        )
        scores = np.clip(scores, 0.0, 1.0)
        found = InferOutput("probabilities", [len(scores), 2], "FP64")
        found.set_data_from_numpy(np.column_stack([1 - scores, scores]), binary_data=True)
        return InferResponse(payload.id or "1", "credit", [found], use_binary_outputs=payload.use_binary_outputs)


async def listed(self: DataPlane) -> dict[str, Any]:
    """What the server is, with the extension that it has."""
    return {"name": "kserve", "version": "1", "extensions": ["binary_tensor_data"]}


def listed_at_once(self: DataPlane) -> dict[str, Any]:
    """The same, for releases that do not wait for it."""
    return {"name": "kserve", "version": "1", "extensions": ["binary_tensor_data"]}


if __name__ == "__main__":
    import inspect

    if sys.argv[2] == "bytes":
        DataPlane.metadata = listed if inspect.iscoroutinefunction(DataPlane.metadata) else listed_at_once
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Credit()])

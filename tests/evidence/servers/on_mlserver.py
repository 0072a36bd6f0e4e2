"""The tests' credit model on MLServer, as its runtime: `mlserver start FOLDER`. Runs in an environment of MLServer's, not in ours."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Credit(MLModel):
    """Linear, with one categorical feature."""

    async def load(self) -> bool:
        """Nothing to load."""
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Probabilities of both classes."""
        import numpy as np

        frame = PandasCodec.decode_request(payload)
        owns = frame["housing"].map(lambda value: value.decode() if isinstance(value, bytes) else str(value)) == "own"
        scores = (
            (0.2 + frame["income"] / 200 - frame["duration"] / 300 + 0.15 * owns).clip(0.0, 1.0).to_numpy(dtype=float)
        )
        found = NumpyCodec.encode_output("probabilities", np.column_stack([1 - scores, scores]))
        return InferenceResponse(model_name=self.name, outputs=[found])

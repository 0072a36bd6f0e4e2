"""A dataset with the scores of the serving endpoint beside its columns, for versions that link no scored dataset."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs.files import DataFile
from apps.evidence.inputs.scoring import Scorer
from apps.evidence.kernels.batches import Batch

SCORE = "score of the endpoint"


class ScoredFile:
    """Rows of a file with one more column. Each row is scored once; the second pass reads the scores kept from the first."""

    def __init__(
        self, file: "DataFile | ScoredFile", scorer: Scorer, features: Sequence[str], column: str = SCORE
    ) -> None:
        self.file, self.scorer, self.features, self.column = file, scorer, list(features), column
        self.path: Path = file.path
        self._scores: list[np.ndarray] = []
        self._columns: Any = None
        self._used = {"rows": 0, "sent": 0, "kept": 0}

    @property
    def columns(self) -> Any:
        """What the survey found; None before."""
        return self._columns

    @columns.setter
    def columns(self, found: Any) -> None:
        self._columns = found
        self.file.columns = {name: column for name, column in found.items() if name != self.column}

    @property
    def used(self) -> dict[str, int]:
        """How many rows of the file needed a score, how many were sent, and how many were scored earlier in the run."""
        below = self.file.used if isinstance(self.file, ScoredFile) else {}
        return {name: count + below.get(name, 0) for name, count in self._used.items()}

    def batches(self) -> Iterator[Batch]:
        """Batches with their scores."""
        if self.file.columns is None:
            self._learn_types()
        kept = iter(self._scores) if self._scores else None
        for batch in self.file.batches():
            scores = next(kept) if kept is not None else self._score(batch)
            column = pa.array(scores, pa.float64())
            table = pa.RecordBatch.from_arrays(
                [*batch.table.columns, column], names=[*batch.table.schema.names, self.column]
            )
            beside = Batch(table, batch.first_row)
            beside.is_typed = batch.is_typed
            yield beside

    def _learn_types(self) -> None:
        """One pass over the bare file, so that the endpoint gets numbers as numbers."""
        from apps.evidence.kernels import survey

        state = survey.start()
        for batch in self.file.batches():
            state = survey.update(state, batch)
        self.file.columns = survey.finish(state)
        missing = [name for name in self.features if name not in self.file.columns]
        if missing:
            raise Unmeasurable(
                f"{self.file.path.name} lacks the features {', '.join(missing[:5])}, so its rows cannot be scored."
            )
        self.scorer.kinds = {name: column.kind for name, column in self.file.columns.items()}

    def _score(self, batch: Batch) -> np.ndarray:
        columns: dict[str, Iterable[Any]] = {name: batch.table.column(name).to_pylist() for name in self.features}
        before = self.scorer.used()
        scores = self.scorer.predict(columns)  # type: ignore[arg-type]
        self._used = {name: count + self.scorer.used()[name] - before[name] for name, count in self._used.items()}
        self._scores.append(scores)
        return scores

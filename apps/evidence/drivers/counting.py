"""Counts files part by part with a driver, within a budget, and takes over what an interrupted measurement left."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.evidence.checks.base import Check, Tools, Unmeasurable
from apps.evidence.drivers import Budget, Driver, work
from apps.evidence.drivers.here import Here
from apps.evidence.drivers.kept import Kept


@dataclass
class Counting:
    """How files are counted: who does it, what it may use, where states are kept, and how large a part is."""

    driver: Driver = field(default_factory=Here)
    budget: Budget = field(default_factory=Budget)
    kept: Kept | None = None
    part: Mapping[str, Any] = field(default_factory=dict)
    """`rows` and `size` (bytes of CSV) of a part, where they are not the usual ones."""

    def can_cut(self, rows: Any) -> bool:
        """Whether these rows are a file; rows with scores beside them are read in order."""
        from apps.evidence.inputs.files import DataFile

        return isinstance(rows, DataFile)

    def end(self) -> None:
        """Remove the kept states: the measurement has ended, and needs no going on."""
        if self.kept is not None:
            self.kept.forget()

    def survey(self, rows: Any, name: str, tools: Tools) -> dict[str, Any]:
        """The survey of a file. Raises Unmeasurable, also when the budget does not suffice."""
        from apps.evidence.inputs import parts
        from apps.evidence.kernels import survey

        cut = parts.parts_of(rows, **self.part)
        self.budget.allow_rows(sum(max(part.rows, 0) for part in cut), name)
        tasks = work.Tasks(cut, None, {})
        state = survey.start()
        for _place, found in self._answers(cut, tasks, f"Looking at the columns of {name}", tools):
            state = survey.merge(state, found["survey"])
        names = cut[0].names if cut else ()
        return {**state, "columns": {name: state["columns"][name] for name in names}}

    def count(
        self, files: Sequence[Any], checks: Mapping[str, Check], states: dict[str, Any], name: str, tools: Tools
    ) -> dict[str, Any]:
        """The states given with all rows of the files, the second one marked; Unmeasurable stands for what stopped a check."""
        from apps.evidence.inputs import parts

        cut = [
            part
            for side, file in enumerate(files)
            for part in parts.parts_of(file, **self.part, is_reference=bool(side))
        ]
        self.budget.allow_rows(sum(max(part.rows, 0) for part in cut), name)
        plans = {key: state for key, state in states.items() if not isinstance(state, Unmeasurable)}
        versions = {key: checks[key].version for key in plans}
        tasks = work.Tasks(cut if plans else [], plans, versions)
        whole, stopped = dict(states), dict[str, tuple[int, dict[str, Any]]]()
        before = work.resident()
        for place, found in self._answers(cut, tasks, f"Counting rows of {name}", tools):
            for key, state in found["states"].items():
                whole[key] = checks[key].merge(whole[key], {"plan": plans[key]["plan"], **state})
            for key, reason in found["stopped"].items():
                stopped[key] = min(stopped.get(key, (place, reason)), (place, reason), key=lambda pair: pair[0])
            self.budget.allow_memory(work.resident() - before)
        return whole | {key: _failure(reason) for key, (_place, reason) in stopped.items()}

    def _answers(
        self, cut: Sequence[Any], tasks: work.Tasks, stage: str, tools: Tools
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each part's place with its answer: first those kept from before, then the driver's, which are kept in turn."""
        from apps.evidence.kernels.states import loads

        total, done, begun, said = sum(max(part.rows, 0) for part in cut), 0, 0, 0.0
        rest: list[int] = []
        for place, text in enumerate(tasks):
            kept = self.kept.load(text) if self.kept else None
            if kept is None:
                rest.append(place)
            else:
                done += max(cut[place].rows, 0)
                yield place, loads(kept)
        again = len(tasks) - len(rest)
        words = f"{stage} ({again} of {len(tasks)} parts were counted before)" if again else stage

        def beat(rows: int) -> None:
            nonlocal begun, said
            begun += rows
            if time.monotonic() - said > 1:
                said = time.monotonic()
                tools.progress(words, min(done + begun, total), total)

        for number, answer in self.driver.run(tasks.only(rest), self.budget, beat):
            place = rest[number]
            if self.kept:
                self.kept.store(tasks[place], answer)
            done, begun = done + max(cut[place].rows, 0), 0
            tools.progress(words, done, total)
            yield place, loads(answer)


def _failure(reason: Mapping[str, Any]) -> Unmeasurable:
    return Unmeasurable(str(reason["said"]), code=str(reason["code"]))

"""One task: read one part, and survey it or count it for every check. Text in, text out, on any machine."""

import copy
import json
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.evidence.checks import registry
from apps.evidence.checks.base import Check, Unmeasurable
from apps.evidence.drivers import Beat, Budget

DEFECT = "CHECK_DEFECT"
DEFECTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError)
PAGE = 4096


def defect_in_words(defect: BaseException) -> str:
    """What a person reads when the check itself is at fault: where it failed. What the failure says may hold a value of the data."""
    steps = traceback.extract_tb(defect.__traceback__)
    at = f" in {Path(steps[-1].filename).name}, line {steps[-1].lineno}" if steps else ""
    return f"The check itself failed ({type(defect).__name__}{at}). Report this as a defect."


class Tasks(Sequence[str]):
    """The texts of tasks, one for each part: survey it, or count it for the checks whose states of no rows are given.

    A text is made when it is asked for. What is to be counted is the same for all parts and is held once."""

    def __init__(self, parts: Sequence[Any], plans: dict[str, dict[str, Any]] | None, versions: dict[str, str]) -> None:
        from apps.evidence.kernels import states

        self.parts = parts
        self.asked = states.dumps({"plans": plans, "checks": versions}, in_order=True)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, place: Any) -> Any:
        return f'{{"part": {json.dumps(self.parts[place].as_json())}, {self.asked[1:]}'

    def only(self, places: Sequence[int]) -> "Tasks":
        """The tasks at these places, in this order."""
        found = copy.copy(self)
        found.parts = [self.parts[place] for place in places]
        return found


def survey_part(batches: Any) -> dict[str, Any]:
    """What the columns of these rows are."""
    from apps.evidence.kernels import survey

    state = survey.start()
    for batch in batches:
        state = survey.update(state, batch)
    return {"survey": state}


def count_part(batches: Any, plans: dict[str, dict[str, Any]], checks: dict[str, Check]) -> dict[str, Any]:
    """The state of every check over these rows, or why there is none."""
    found: dict[str, Any] = dict(plans)
    stopped: dict[str, dict[str, Any]] = {}
    for batch in batches:
        for key in [key for key in found if key not in stopped]:
            try:
                found[key] = checks[key].update(found[key], batch)
            except Unmeasurable as reason:
                stopped[key] = {"said": str(reason), "code": reason.code}
            except DEFECTS as defect:
                stopped[key] = {"said": defect_in_words(defect), "code": DEFECT}
    counted = {key: {name: value for name, value in state.items() if name != "plan"} for key, state in found.items()}
    return {"states": {key: state for key, state in counted.items() if key not in stopped}, "stopped": stopped}


def work(text: str, budget: Budget, beat: Beat = lambda rows: None) -> str:
    """Do a task. Raises Unmeasurable when the rows cannot be read or memory does not suffice."""
    from apps.evidence.inputs import parts
    from apps.evidence.kernels import states

    asked = states.loads(text)
    part = parts.part_of(asked["part"])
    before = resident()

    def watched() -> Any:
        for batch in parts.read(part):
            yield batch
            budget.allow_memory(resident() - before)
            beat(batch.rows)

    try:
        if asked["plans"] is None:
            return states.dumps(survey_part(watched()))
        checks = {key: registry()[key] for key in asked["plans"]}
        return states.dumps(count_part(watched(), asked["plans"], checks))
    except MemoryError:
        budget.allow_memory(max(budget.memory + 1, resident() - before))
        raise


def resident() -> int:
    """Bytes of memory that this process holds now; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0

"""kill -9 of a part in the middle of the journey: nothing acknowledged is lost, and the story goes on to its verified dossier.

One demo of its own with its own database (with fsync, unlike the tests' database). The whole matrix is `python -m tests.faults.matrix`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.console.journey.plot import PLOT
from tests.faults.matrix import begin
from tests.faults.rig import STEPS, Rig

LAST = "dossier_verified"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A demo whose journey has begun; whatever is left of it is killed."""
    made = begin(tmp_path / "var")
    yield made
    made.kill("everything")


def test_the_matrix_knows_every_step() -> None:
    assert STEPS == tuple(scene.name for scene in PLOT)


def test_the_story_outlives_the_death_of_worker_web_database_and_everything(rig: Rig) -> None:
    def strike(before: str, during: str, target: str) -> None:
        """Kill as soon as the step has begun."""
        rig.wait_until(lambda: rig.is_done(before), before)
        rig.remember()
        assert not rig.is_done(during)
        assert rig.kill(target)

    strike("version_registered", "evidence_computed", "heavy")
    strike("denied", "evidence_stated", "postgres")
    strike("reviewed", "signed", "web")
    strike("signed", "denied_again", "everything")
    rig.start()
    rig.wait_until(lambda: rig.is_done(LAST), LAST)
    assert rig.starts == 2
    rig.remember()
    found = rig.check_nothing_is_lost()
    assert found["entries"] > 200 and found["read back"] > 40 and found["objects"] > 5
    rig.stop()

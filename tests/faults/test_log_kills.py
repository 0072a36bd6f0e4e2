"""Sequencer, web and database killed once each under load; the long run is `python -m tests.faults.log_kills`."""

import json
import subprocess
import sys
from pathlib import Path

from tests.faults.rig import ROOT, clean_environment


def test_nothing_acknowledged_is_lost_when_sequencer_web_and_database_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.log_kills", "--kills", "3", "--writers", "1", "--seed", "1"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / "house")],
        cwd=ROOT,
        env=clean_environment(tmp_path / "house"),
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == {"sequencer": 1, "web": 1, "database": 1}
    assert told["lost"] == 0 and told["over HTTP"] > 0 and told["entries"] >= told["acknowledged"] > 20

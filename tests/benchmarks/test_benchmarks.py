"""Every benchmark runs at its smallest size and prints the agreed keys. What it measures is never judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.config.database import ROOT
from tests.benchmarks.__main__ import TITLES

KEYS = ["bench", "case", "ours", "other", "other_name", "ratio", "target", "met", "unit", "runs", "environment"]


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`manage.py bench` with state of its own."""
    kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL" and not key.startswith("PYTEST")}
    environment = {**kept, "IMPRIMATUR_VAR": str(folder), "IMPRIMATUR_BOOTSTRAP": "off"}
    command = [sys.executable, str(ROOT / "manage.py"), "bench", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


# Each starts a product of its own, minutes in all: one stands for them unless they are asked for.
ALWAYS = {"audit"}
EACH = os.environ.get("EVERY_BENCHMARK") == "1"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=() if EACH or name in ALWAYS else pytest.mark.skip(reason=f"{name}: set EVERY_BENCHMARK=1")
        )
        for name in sorted(TITLES)
    ],
)
def test_a_benchmark_prints_measurements_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    done = bench(tmp_path, name, "--size", "smoke")
    assert done.returncode == 0, done.stderr
    measurements = [json.loads(line) for line in done.stdout.splitlines()]
    assert measurements
    for found in measurements:
        assert list(found) == KEYS
        assert found["bench"] == name and found["environment"]["fsync"] == "on"
        assert isinstance(found["met"], bool) and found["ours"] > 0
        assert (found["ratio"] is None) == (found["other"] is None)
    assert list(tmp_path.glob("bench-*")) == []


def test_the_benchmarks_are_listed(tmp_path: Path) -> None:
    listed = bench(tmp_path, "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(TITLES)


def test_an_unknown_benchmark_is_named(tmp_path: Path) -> None:
    refused = bench(tmp_path, "nothing")
    assert refused.returncode == 1 and "There is no benchmark nothing" in refused.stderr

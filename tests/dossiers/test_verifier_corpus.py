"""Two verifiers, written in two languages, give the expected exit code for every bundle of the corpus and agree on every check."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from apps.dossiers.verifier import command
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import TAMPERED, USAGE, VALID, Report
from tests.dossiers import corpus, second

needs_node = pytest.mark.skipif(second.is_missing(), reason="Node 18 or later is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return corpus.write(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def reports(cases: list[dict[str, Any]]) -> dict[str, Report]:
    """What the first verifier says of each."""

    def report(case: dict[str, Any]) -> Report:
        trust = Trust.read(case["trust"].read_bytes()) if case["trust"] else None
        return command.verify(str(case["bundle"]), trust, case["prior"].read_bytes() if case["prior"] else None)

    return {case["name"]: report(case) for case in cases}


def test_the_corpus_has_at_least_100_bundles_of_every_kind(cases: list[dict[str, Any]]) -> None:
    codes = [case["exit_code"] for case in cases]
    assert len(codes) >= 200
    assert {code: codes.count(code) >= 15 for code in set(codes)} == {0: True, 1: True, 2: True}


def test_the_first_verifier_gives_the_expected_exit_codes(
    cases: list[dict[str, Any]], reports: dict[str, Report]
) -> None:
    said = {name: report.exit_code for name, report in reports.items()}
    assert said == {case["name"]: case["exit_code"] for case in cases}


@needs_node
def test_the_second_verifier_gives_the_expected_exit_codes_and_agrees_on_each_check(
    cases: list[dict[str, Any]], reports: dict[str, Report]
) -> None:
    answers = {case["name"]: answer for case, answer in zip(cases, second.answers(cases), strict=True)}
    said = {name: answer["exit_code"] for name, answer in answers.items()}
    assert said == {case["name"]: case["exit_code"] for case in cases}
    for name, report in reports.items():
        states = {check.name: check.state for check in report.checks}
        assert {**states, **answers[name]["checks"]} == states, name


@needs_node
def test_both_commands_print_the_same_results_and_codes(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    wrong = tmp_path / "trust.json"
    wrong.write_text('{"origin": "a"}')
    good, bad = cases[0], next(case for case in cases if case["exit_code"] == TAMPERED)
    for arguments, code in (
        (["--trust", good["trust"], "--json", good["bundle"]], VALID),
        (["--trust", bad["trust"], "--json", bad["bundle"]], TAMPERED),
        (["--trust", wrong, good["bundle"]], USAGE),
        (["--unknown", good["bundle"]], USAGE),
        ([tmp_path / "nothing"], USAGE),
        ([], USAGE),
    ):
        texts = [str(part) for part in arguments]
        done = subprocess.run([str(second.NODE), str(second.PROGRAM), *texts], capture_output=True, check=False)
        assert (done.returncode, command.main(texts)) == (code, code), texts
        assert code == USAGE or json.loads(done.stdout)["exit_code"] == code

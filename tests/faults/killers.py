"""What a changed module has to get past: the corpus of bundles, then files of tests. Used by `tests.faults.mutants`.

Runs in a forked process: whatever it imports, it imports with the changed module in its place.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pickle
import py_compile
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from tests.faults.mutation import Mutant

ROOT = Path(__file__).resolve().parents[2]
FIRST = 4  # files of tests that go before the corpus
SHORT_SECONDS, LONG_SECONDS = 6, 15  # of the processor: a change that makes a loop endless ends there
PACKAGES = ("apps.audit.", "apps.dossiers.verifier.")
Asked = tuple[tuple[str, ...], tuple[tuple[str, bytes], ...]]


@dataclass
class Corpus:
    """Bundles on disk, what both verifiers say of them, the lines that each passes through, and what openssl answered."""

    cases: list[dict[str, Any]]
    lines: list[set[tuple[str, int]]]
    openssl: dict[Asked, tuple[int, bytes]]

    def passing(self, mutant: Mutant) -> list[dict[str, Any]]:
        """The cases that can notice a change there."""
        if mutant.is_outside:
            return self.cases
        touched = {(mutant.module, line) for line in range(mutant.first, mutant.last + 1)}
        return [case for case, lines in zip(self.cases, self.lines, strict=True) if touched & lines]


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree."""

    def __init__(self, name: str, code: CodeType, path: str) -> None:
        self.name, self.code, self.path = name, code, path

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Only this one."""
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: Any) -> None:
        """Run the changed code."""
        exec(self.code, module.__dict__)  # noqa: S102 - the product's own source, changed in one place


def survives(mutant: Mutant, corpus: Corpus | None, tests: tuple[str, ...]) -> bool:
    """Whether no test notices the change."""
    from tests.faults.mutants import dotted

    name = dotted(mutant.module)
    path = ROOT / (name.replace(".", "/") + ".py")
    sys.meta_path.insert(0, Changed(name, compile(mutant.tree, str(path), "exec"), str(path)))
    if corpus is not None:
        answer_from(corpus.openssl)
        signal.setitimer(signal.ITIMER_PROF, SHORT_SECONDS)
        if not passes(tests[:FIRST]):
            return False
        signal.setitimer(signal.ITIMER_PROF, LONG_SECONDS)
        if not all(is_as_expected(case) for case in corpus.passing(mutant)):
            return False
        tests = tests[FIRST:]
    return passes(tests)


def is_as_expected(case: dict[str, Any]) -> bool:
    """Exit code, and the same state of every check as the second verifier has: what test_verifier_corpus asks for."""
    from apps.dossiers.verifier import command
    from apps.dossiers.verifier.trust import Trust

    trust = Trust.read(case["trust"].read_bytes()) if case["trust"] else None
    said = command.verify(str(case["bundle"]), trust, case["prior"].read_bytes() if case["prior"] else None)
    states = {check.name: check.state for check in said.checks}
    return said.exit_code == case["exit_code"] and {**states, **case["states"]} == states


def passes(tests: tuple[str, ...]) -> bool:
    """Whether pytest finds nothing in these files. The tests that ask Node ask nothing of a changed Python module."""
    import pytest

    options = ["-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "no:logging", "--assert=plain"]
    options += ["-p", "no:faulthandler", "-c", os.devnull, "--rootdir", str(ROOT), "--import-mode=importlib"]
    places = [str(ROOT / place) for place in tests if (ROOT / place).exists()]
    return pytest.main([*options, "-k", "not second_verifier and not one_file_needs", *places]) == 0


def warm_up() -> None:
    """Import what every change needs and none changes; examples of hypothesis are the same each time."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    import hypothesis
    import hypothesis.strategies
    import pytest
    import rfc8785
    from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

    assert pytest and rfc8785 and pkcs7 and pkcs12 and hypothesis.strategies
    from _pytest.config import get_config

    get_config()
    for place in (*(ROOT / "tests" / "dossiers").glob("*.py"), *(ROOT / "tests" / "audit").glob("test_*.py")):
        py_compile.compile(str(place))
    everything = list(hypothesis.HealthCheck)
    hypothesis.settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=everything
    )
    hypothesis.settings.load_profile("mutants")


def prepare(folder: Path) -> Corpus:
    """Write the corpus, ask both verifiers, note lines and answers; in a process of its own, so that nothing is imported here."""
    kept = folder / "prepared"
    if not kept.exists():
        _prepare_apart(folder, kept)
    found: Corpus = pickle.loads(kept.read_bytes())  # noqa: S301 - written by this program
    if loaded := [name for name in sys.modules if name.startswith(PACKAGES)]:
        raise SystemExit(f"Already imported, so a change would not be seen: {loaded}")
    return found


def _prepare_apart(folder: Path, kept: Path) -> None:
    if (child := os.fork()) == 0:
        status = 1
        try:
            kept.write_bytes(pickle.dumps(_prepared(folder / "corpus")))
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("The corpus could not be made.")


def _prepared(folder: Path) -> Corpus:
    from tests.dossiers import corpus, second

    cases = corpus.write(folder)
    answers = second.answers(cases)
    for case, answer in zip(cases, answers, strict=True):
        case["states"] = answer["checks"]
    noted: dict[Asked, tuple[int, bytes]] = {}
    note_answers(noted)
    lines = []
    for case in cases:
        seen: set[tuple[str, int]] = set()
        sys.settrace(tracer(seen))
        is_good = is_as_expected(case)
        sys.settrace(None)
        if not is_good:
            raise SystemExit(f"The corpus fails although nothing was changed: {case['name']}")
        lines.append(seen)
    return Corpus(cases, lines, noted)


def tracer(seen: set[tuple[str, int]]) -> Any:
    """Notes the lines of the verifier that are passed through."""
    folder = str(ROOT / "apps" / "dossiers" / "verifier") + os.sep

    def trace(frame: Any, event: str, argument: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.startswith(folder):
            return None
        seen.add((path[len(folder) : -3], frame.f_lineno))
        return trace

    return trace


REAL = subprocess.run


def asked_of(command: list[str], where: str) -> Asked:
    """A question to openssl: its words and the files in its folder."""
    names = sorted(os.listdir(where))
    return tuple(command), tuple((name, Path(where, name).read_bytes()) for name in names)


def note_answers(noted: dict[Asked, tuple[int, bytes]]) -> None:
    """Keep what openssl says to each question."""

    def run(command: list[str], *, cwd: str, **more: Any) -> Any:
        question = asked_of(command, cwd)
        done = REAL(command, cwd=cwd, **more)
        noted[question] = (done.returncode, done.stdout)
        return done

    subprocess.run = run  # type: ignore[assignment]


def answer_from(noted: dict[Asked, tuple[int, bytes]]) -> None:
    """The same question gets the same answer without another process; a new one is asked."""

    def run(command: list[str], *, cwd: str | None = None, **more: Any) -> Any:
        found = (
            noted.get(asked_of(command, cwd))
            if cwd and command[:1] == ["openssl"] and shutil.which("openssl")
            else None
        )
        if found is None:
            return REAL(command, cwd=cwd, **more)
        return subprocess.CompletedProcess(command, *found)

    subprocess.run = run  # type: ignore[assignment]


if __name__ == "__main__":
    print(json.dumps({"cases": len(prepare(Path(sys.argv[1])).cases)}))

"""The bootstrap's judgement: when an environment is current, adopted, foreign; and that old Pythons read a sentence."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from apps.config import bootstrap

LOCK = (
    "# comment\ndjango==5.2.1 \\\n    --hash=sha256:00\ncelery[redis]==5.7 \\\n    --hash=sha256:00\n"
    "pywin==3 ; sys_platform == 'win32' \\\n"
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with two small lock files."""
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "PYTHON": venv / "bin" / "python",
        "STAMP": venv / "imprimatur.stamp",
    }.items():
        monkeypatch.setattr(bootstrap, name, value)
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "requirements-dev.lock").write_text(LOCK + "pytest-django==4 \\\n")
    return tmp_path


def installed(checkout: Path, *names: str) -> None:
    """An environment made by hand that holds these distributions."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    packages = checkout / ".venv" / "lib" / f"python{minor}" / "site-packages"
    for name in names:
        (packages / f"{name}.dist-info").mkdir(parents=True)
        (packages / f"{name}.dist-info" / "RECORD").touch()
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    (checkout / ".venv" / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {minor}.2\n")


def test_pins_are_read_without_those_of_other_platforms(checkout: Path) -> None:
    assert bootstrap.pins("run") == {"django": "5.2.1", "celery": "5.7"}


def test_an_environment_without_a_stamp_that_lacks_a_pin_is_not_current_and_not_adopted(checkout: Path) -> None:
    installed(checkout, "Django-5.2.1", "celery-5.6")
    assert not bootstrap.is_current("run")
    assert not bootstrap.holds_every_pin("run")


def test_an_environment_made_by_hand_that_holds_every_pin_is_adopted_untouched(checkout: Path) -> None:
    installed(checkout, "Django-5.2.1", "celery-5.7", "pytest_django-4")
    bootstrap.build("run")
    assert bootstrap.is_current("run") and bootstrap.is_current("dev")
    assert (checkout / ".venv" / "pyvenv.cfg").exists()


def test_the_development_environment_serves_the_product_too_but_not_the_other_way_round(checkout: Path) -> None:
    installed(checkout)
    bootstrap.write_stamp("dev")
    assert bootstrap.is_current("run")
    bootstrap.write_stamp("run")
    assert not bootstrap.is_current("dev")


def test_a_changed_lock_makes_the_environment_old(checkout: Path) -> None:
    installed(checkout)
    bootstrap.write_stamp("dev")
    with (checkout / "requirements-dev.lock").open("a") as lock:
        lock.write("ruff==1 \\\n")
    assert not bootstrap.is_current("dev") and bootstrap.is_current("run")


def test_a_moved_checkout_makes_the_environment_old(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(checkout)
    bootstrap.write_stamp("dev")
    monkeypatch.setattr(bootstrap, "ROOT", checkout / "elsewhere")
    (checkout / "elsewhere").mkdir()
    assert bootstrap._stamp()[0] != bootstrap.place()


def test_without_any_way_to_install_the_person_reads_why(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(checkout))
    with pytest.raises(SystemExit, match=r"(?s)could not be made.*with uv: uv is not on the path.*with pip:"):
        bootstrap.build("run")
    assert not (checkout / ".venv" / "imprimatur.stamp").exists()


def test_an_environment_that_is_only_a_link_to_another_checkout_is_left_whole(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = checkout / "theirs"
    theirs.mkdir()
    (theirs / "imprimatur.stamp").write_text("python3.11 /elsewhere\n")
    (checkout / ".venv").symlink_to(theirs)
    monkeypatch.setattr(bootstrap, "with_uv", lambda lock: None)
    monkeypatch.setattr(bootstrap, "ensure_pango", lambda: (checkout / ".venv").mkdir())
    bootstrap.build("run")
    assert (theirs / "imprimatur.stamp").read_text() == "python3.11 /elsewhere\n"
    assert not (checkout / ".venv").is_symlink() and bootstrap._stamp()[0] == bootstrap.place()


def test_other_environments_do_not_reach_into_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & bootstrap.clean_environment().keys()


def test_the_running_environment_satisfies_the_committed_locks() -> None:
    assert bootstrap.satisfied("dev")
    assert set(bootstrap.pins("run").items()) <= set(bootstrap.pins("dev").items())


def test_the_entry_parses_on_every_python_that_might_be_tried() -> None:
    text = (bootstrap.ROOT / "manage.py").read_text()
    ast.parse(text, feature_version=(3, 4))
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.JoinedStr | ast.NamedExpr)]


def test_what_the_bootstrap_needs_comes_with_python() -> None:
    question = "import sys; sys.path.insert(0, sys.argv[1]); from apps.config import bootstrap"
    subprocess.run([sys.executable, "-I", "-S", "-c", question, str(bootstrap.ROOT)], check=True)

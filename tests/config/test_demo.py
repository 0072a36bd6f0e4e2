"""The demo's second start: it repeats nothing that was told to its end, and tells anew what has changed."""

from pathlib import Path

import pytest

from apps.config.management.commands import demo


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo's folder, with the product at an address."""
    monkeypatch.setenv("BASE_URL", "http://127.0.0.1:8000")
    return tmp_path


def test_a_story_that_was_never_told_to_its_end_is_told(folder: Path) -> None:
    assert not demo.is_told(folder)


def test_a_story_told_to_its_end_is_not_told_again(folder: Path) -> None:
    (folder / "told").write_text(demo.edition())
    assert demo.is_told(folder)


def test_another_address_is_handed_over_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "told").write_text(demo.edition())
    monkeypatch.setenv("BASE_URL", "http://127.0.0.1:8001")
    assert not demo.is_told(folder)


def test_another_edition_of_the_story_is_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "checkout"
    (changed / "fixtures").mkdir(parents=True)
    (changed / "fixtures" / "story.yaml").write_text("one")
    monkeypatch.setattr(demo.programs, "ROOT", changed)
    (folder / "told").write_text(demo.edition())
    assert demo.is_told(folder)
    (changed / "fixtures" / "story.yaml").write_text("two")
    assert not demo.is_told(folder)

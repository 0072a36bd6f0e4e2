"""Files are there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from apps.core.files import WholeFiles, write_once, write_whole


class FullDisk:
    """A disk that is full at the next flush, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real, self.is_full = os.fsync, True
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, handle: int) -> None:
        if self.is_full:
            self.is_full = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.real(handle)


def test_a_file_that_could_not_be_written_leaves_the_one_before_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "head"
    write_whole(path, b"first")
    FullDisk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["head"]
    write_whole(path, b"second")
    assert path.read_bytes() == b"second" and os.listdir(tmp_path) == ["head"]


def test_who_comes_second_leaves_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_once(path, [b"fir", b"st"], mode=0o600)
    with pytest.raises(FileExistsError):
        write_once(path, [b"second"])
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["key"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stored_file_has_its_name_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = WholeFiles(location=str(tmp_path))
    FullDisk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        store.save("dossiers/ab/abcd", ContentFile(b"x" * 100_000))
    assert not store.exists("dossiers/ab/abcd")
    assert store.save("dossiers/ab/abcd", ContentFile(b"x" * 100_000)) == "dossiers/ab/abcd"
    with store.open("dossiers/ab/abcd") as kept:
        assert kept.read() == b"x" * 100_000
    assert store.save("dossiers/ab/abcd", ContentFile(b"y")) != "dossiers/ab/abcd"
    assert (tmp_path / "dossiers" / "ab" / "abcd").read_bytes() == b"x" * 100_000
    assert len(os.listdir(tmp_path / "dossiers" / "ab")) == 2

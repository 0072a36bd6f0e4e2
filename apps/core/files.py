"""Files that are there whole or not at all: a crash, a full disk or a kill never leaves half of one under its name."""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible


def write_whole(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file, or replace it; who opens the name sees the old content or the new one. Kept before this returns."""
    with _drafted(path, [content], mode) as draft:
        draft.replace(path)


def write_once(path: Path, content: Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write a file whose name nobody has taken. Raises FileExistsError, and leaves the other's, when somebody was first."""
    with _drafted(path, content, mode) as draft:
        os.link(draft, path)


@contextmanager
def _drafted(path: Path, content: Iterable[bytes], mode: int) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            for part in content:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
    _keep_names_in(path.parent)


def _keep_names_in(folder: Path) -> None:
    """The name too is on the disk, not only the content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@deconstructible(path="apps.core.files.WholeFiles")
class WholeFiles(FileSystemStorage):
    """Django's folder of files, where a file that was being written when the process ended has no name."""

    def _save(self, name: str, content: Any) -> str:
        while True:
            path = Path(self.path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write_once(path, content.chunks(), mode=self.file_permissions_mode or 0o666)
            except FileExistsError:
                name = self.get_available_name(name)
            else:
                return name.replace("\\", "/")

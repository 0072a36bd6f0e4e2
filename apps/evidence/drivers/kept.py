"""States of parts on disk, so that a measurement whose process died goes on where it was.

A state lies under the digest of its task (file, part, checks with versions, plans), behind its own digest. States can hold
sampled rows, so they are readable by the owner alone, and are removed when the measurement ends.
"""

import contextlib
import hashlib
import os
import time
from pathlib import Path

STALE_SECONDS = 2 * 24 * 3600


class Kept:
    """A folder of states."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: set[Path] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()

    def load(self, task: str) -> str | None:
        """The answer to a task, when one is here and whole."""
        path = self._path(task)
        try:
            digest, _, answer = path.read_text().partition("\n")
        except FileNotFoundError:
            return None
        return answer if digest == hashlib.sha256(answer.encode()).hexdigest() else None

    def store(self, task: str, answer: str) -> None:
        """Keep an answer; it is there whole or not at all."""
        path = self._path(task)
        draft = path.with_suffix(f".{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(hashlib.sha256(answer.encode()).hexdigest() + "\n" + answer)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)

    def forget(self) -> None:
        """Remove every state that this measurement asked for or kept."""
        for path in self.used:
            path.unlink(missing_ok=True)
        self.used.clear()

    def _path(self, task: str) -> Path:
        path = self.folder / f"{hashlib.sha256(task.encode()).hexdigest()}.state"
        self.used.add(path)
        return path

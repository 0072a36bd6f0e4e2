"""An installation in a folder of its own for a command of this package: environment, database, tables; no program runs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.rig import MANAGE, ROOT, clean_environment


@contextmanager
def installation(folder: Path | None = None, role: str = "app") -> Iterator[Path]:
    """Everything that imports Django comes after this has begun. Without a folder: a temporary one, removed at the end."""
    place = folder or Path(tempfile.mkdtemp(prefix="imprimatur-faults-"))
    place.mkdir(parents=True, exist_ok=True)
    os.environ.update({**clean_environment(place), "IMPRIMATUR_BOOTSTRAP": "off", "PYTHONWARNINGS": "ignore"})
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "apps.config.settings"
    from apps.config import database

    try:
        database.ready()
        subprocess.run([*MANAGE, "migrate", "-v", "0"], cwd=ROOT, env=dict(os.environ), check=True)
        if role != "app":
            os.environ["DATABASE_URL"] = database.address(role)
        import django

        django.setup()
        yield place
    finally:
        database.server().stop()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)

"""What is committed is what the code says: migrations, the OpenAPI document, the list of settings, the scheduled tasks."""

import re
from io import StringIO
from pathlib import Path

import pytest
import yaml
from celery import current_app
from django.conf import settings
from django.core.management import call_command

from apps.config import linting
from apps.core import permissions
from tests.house import source


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO(), verbosity=0)


def test_the_openapi_document_is_current(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(fresh), validate=True)
    assert linting.OPENAPI.exists(), "make it: python3 manage.py spectacular --file docs/openapi.yaml"
    assert yaml.safe_load(linting.OPENAPI.read_text()) == yaml.safe_load(fresh.read_text()), (
        "renew it: python3 manage.py spectacular --file docs/openapi.yaml"
    )


def test_every_setting_from_the_environment_is_in_the_example() -> None:
    used = set()
    for path in source.modules("apps/config"):
        text = path.read_text()
        used |= set(re.findall(r"""\benv(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]+)\"""", text))
        used |= set(re.findall(r"""os\.environ(?:\.get\(|\[)"((?!PYTEST|DJANGO)[A-Z][A-Z0-9_]+)\"""", text))
    used -= {"LOGNAME", "PATH", "XDG_RUNTIME_DIR", "PYTHONWARNINGS", "PIP_NO_INDEX"}  # the system's, not ours
    listed = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (source.ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used - listed == set(), "missing in .env.example"


def test_every_scheduled_task_exists() -> None:
    current_app.loader.import_default_modules()
    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert wanted - set(current_app.tasks) == set()


def test_every_permission_that_is_asked_is_declared() -> None:
    asked: dict[str, str] = {}
    for path in source.modules():
        for found in re.findall(r"""\b(?:authorise|refusals)\(\s*[\w.]+,\s*"([a-z_]+\.[a-z_]+)\"""", path.read_text()):
            asked[found] = source.name(path)
    source.nothing((name, place) for name, place in asked.items() if name not in permissions.declared())

"""Who may lean on whom: the contracts in pyproject.toml hold, and the web process stays light."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from apps.config.database import ROOT

HEAVY = "pandas numpy sklearn shap fairlearn weasyprint pyarrow duckdb scipy vl_convert networkx onnxruntime skl2onnx statsmodels"

WEB = f"""
import sys
from importlib import import_module
import apps.config.wsgi
from django.conf import settings
import_module(settings.ROOT_URLCONF)
from django.template.engine import Engine
print(" ".join(sorted(set({HEAVY.split()!r}) & set(sys.modules))))
"""


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_every_app_with_rooms_is_under_the_rooms_contract() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    containers = {
        name for contract in contracts if contract["name"].startswith("Rooms") for name in contract["containers"]
    }
    roomy = {
        f"apps.{path.parent.name}" for path in (ROOT / "apps").glob("*/__init__.py") if path.parent.name != "config"
    }
    assert roomy <= containers


def test_the_web_process_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", WEB], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.django_db
def test_the_web_process_imports_nothing_heavy_for_real_pages_either() -> None:
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.pages_alone", *HEAVY.split()],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "apps.config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    count, *loaded = done.stdout.split()
    assert int(count) > 20
    assert loaded == []

"""`manage.py verify`: the same exit codes for files and for the database."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from apps.audit import services
from apps.audit.models import VerificationRun
from tests.dossiers.bundles import Bundle, Seal


@pytest.fixture(autouse=True)
def signing_key(tmp_path: Path, settings: Any) -> None:
    settings.SIGNING_KEY_FILE = str(tmp_path / "keys" / "log.pem")


def code_of(work: Callable[[], object]) -> int:
    with pytest.raises(SystemExit) as ended:
        work()
    return int(ended.value.code or 0)


def test_a_bundle_is_verified_without_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = Bundle(Seal())
    path, trust = bundle.write(tmp_path / "bag"), tmp_path / "trust.json"
    trust.write_text(json.dumps(bundle.trust()))
    assert code_of(lambda: call_command("verify", str(path), trust=str(trust))) == 0
    assert "Result: VALID" in capsys.readouterr().out
    assert code_of(lambda: call_command("verify", str(path))) == 2
    (path / "data/objects.csv").write_text("subject,count\n")
    assert code_of(lambda: call_command("verify", str(path), trust=str(trust), json=True)) == 1


def test_wrong_use_is_exit_3(tmp_path: Path) -> None:
    assert code_of(lambda: call_command("verify")) == 3
    assert code_of(lambda: call_command("verify", str(tmp_path), database=True)) == 3
    assert code_of(lambda: call_command("verify", str(tmp_path / "nothing"))) == 3


@pytest.mark.django_db
def test_the_database_is_verified_and_a_change_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with transaction.atomic():
        services.record(services.system("tests"), "tests.happened", "model:a", reason="First")
    services.sequence_all()
    services.sign_checkpoint()
    assert code_of(lambda: call_command("verify", database=True)) == 0
    assert "Result: VERIFIED" in capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_keep")
        cursor.execute("UPDATE audit_entry SET actor = 'system:nobody' WHERE verb = 'tests.happened'")
        cursor.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_keep")
    assert code_of(lambda: call_command("verify", database=True, json=True)) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["finding_count"] == 1
    assert "actor" in told["findings"][0]["sentence"]
    assert VerificationRun.objects.count() == 2

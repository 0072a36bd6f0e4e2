"""A log for each test: its own key, and ways to write and place entries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from apps.audit import services
from apps.audit.models import Checkpoint, Entry


@pytest.fixture(autouse=True)
def signing_key(tmp_path: Path, settings: Any) -> Path:
    """Every test has its own key and its own memory of what was signed."""
    path = tmp_path / "keys" / "log.pem"
    settings.SIGNING_KEY_FILE = str(path)
    return path


@pytest.fixture
def write() -> Callable[..., Entry]:
    """Write one entry as a service would."""

    def one(verb: str = "tests.happened", subject: str = "model:a", actor: Any = None, **more: Any) -> Entry:
        with transaction.atomic():
            return services.record(actor or services.system("tests"), verb, subject, **more)

    return one


@pytest.fixture
def grow(write: Callable[..., Entry]) -> Callable[[int], Checkpoint | None]:
    """Add entries about three subjects, place them and sign."""

    def many(count: int) -> Checkpoint | None:
        for number in range(count):
            write(subject=f"model:{'abc'[number % 3]}", data={"number": str(number)}, reason=f"Reason {number}")
        services.sequence_all()
        return services.sign_checkpoint()

    return many


@pytest.fixture
def tamper() -> Callable[..., None]:
    """Change tables as their owner can: triggers off, statements, triggers on again as they were shipped."""

    def change(*statements: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A'")
            triggers = cursor.fetchall()
            for table, name in triggers:
                cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table, name in triggers:
                cursor.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')

    return change

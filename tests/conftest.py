"""What every test stands on: emptying the database although some tables refuse it; files that stay together."""

from typing import Any

import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import settings as examples

# Hashing a password is slow on purpose; tests sign in and sign off hundreds of times.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]

# A busy machine is no counterexample: no example has to end within a time.
examples.register_profile("without deadline", deadline=None)
examples.load_profile("without deadline")

FLUSH = DatabaseOperations.execute_sql_flush
SWITCH = """
DO $$
DECLARE t record;
BEGIN
    FOR t IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = '{found}' LOOP
        EXECUTE format('ALTER TABLE %s {change} TRIGGER %I', t.place, t.tgname);
    END LOOP;
END $$
"""
OFF = SWITCH.format(found="A", change="DISABLE")
ON = SWITCH.format(found="D", change="ENABLE ALWAYS")


def flush_growing_tables_too(operations: DatabaseOperations, statements: list[str]) -> Any:
    """Tests with real commits empty the database after themselves; as owner they may do what the product's role may not."""
    return FLUSH(operations, [OFF, *statements, ON] if statements else [])


DatabaseOperations.execute_sql_flush = flush_growing_tables_too  # type: ignore[method-assign]


# Files of minutes begin first, or one worker ends with them while the other has nothing left to do.
LONG = ("tests/faults/", "tests/journeys/", "tests/benchmarks/", "tests/api/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workers take whole files (`--dist loadfile`), in this order: what a module makes once is made once."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))

"""Tables that refuse change: plain SQL triggers, enabled always, so that replication roles do not skip them.

The database owner can still switch a trigger off. That is what the log's proofs and `verify --database` are for;
the triggers stop everything else: our own defects, injected SQL, a stolen application role.
"""

from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

FUNCTION_BODY = """
BEGIN
  RAISE EXCEPTION 'append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
"""
FUNCTION = f"CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $audit${FUNCTION_BODY}$audit$;"
DROP_FUNCTION = "DROP FUNCTION audit_refuse();"

# pg_trigger.tgtype: 1 for each row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate
CHANGE, EMPTY = 1 + 2 + 8 + 16, 2 + 32


class AppendOnly(RunSQL):
    """A migration operation after which one table refuses UPDATE, DELETE and TRUNCATE."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(sql=protect(table), reverse_sql=release(table))

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.table], {}

    def describe(self) -> str:
        return f"Make {self.table} append-only"


def append_only(*tables: str) -> list[AppendOnly]:
    """Operations for an app's `0002_append_only` migration, which depends on ("audit", "0001_initial")."""
    return [AppendOnly(table) for table in tables]


def protect(table: str) -> str:
    """SQL that puts the two triggers on a table."""
    return f"""
CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER {table}_keep_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keep;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keep_all;
"""


def release(table: str) -> str:
    """SQL that takes the two triggers off again (reverse migration)."""
    return f"DROP TRIGGER {table}_keep ON {table}; DROP TRIGGER {table}_keep_all ON {table};"


def protected_tables() -> list[str]:
    """Every table that a migration of this product declares append-only."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    found = {
        operation.table
        for migration in loader.disk_migrations.values()
        for operation in migration.operations
        if isinstance(operation, AppendOnly)
    }
    return sorted(found)


def weaknesses(tables: list[str]) -> list[tuple[str, str]]:
    """(table, sentence) for each of these tables whose refusal of change is not as shipped."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'audit_refuse'")
        sources = [source for (source,) in cursor.fetchall()]
        if sources != [FUNCTION_BODY]:
            found.append(("audit_refuse", "The function audit_refuse() is missing or not as shipped."))
        cursor.execute(
            "SELECT c.relname, t.tgtype, t.tgenabled = 'A' AND t.tgqual IS NULL AND cardinality(t.tgattr::int2[]) = 0"
            " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE p.proname = 'audit_refuse' AND c.relname = ANY(%s)",
            [tables],
        )
        in_force = {(table, kind) for table, kind, as_shipped in cursor.fetchall() if as_shipped}
    for table in tables:
        for kind, words in ((CHANGE, "UPDATE and DELETE"), (EMPTY, "TRUNCATE")):
            if (table, kind) not in in_force:
                sentence = f"The trigger that refuses {words} on {table} is missing, changed or switched off."
                found.append((table, sentence))
    return found

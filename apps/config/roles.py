"""Two database roles: `owner` makes tables and migrates, the application role only uses them.

The application role owns nothing, so it can neither change a table nor switch a trigger off. On a table that only grows
(one that `audit.immutable.append_only` guards with ALWAYS triggers) it may read and insert; from the vault of names it may also
delete, and the vault's own trigger asks whom.
"""

import os
from typing import Any

import dj_database_url
from psycopg import sql

from apps.config import database

GUARDED = """
    SELECT c.relname, a.attname, bool_or(t.tgtype & 8 = 8 AND p.proname = 'audit_refuse')
      FROM pg_class c
      JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled = 'A'
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE c.relnamespace = 'public'::regnamespace
     GROUP BY c.relname, a.attname
    HAVING bit_or(t.tgtype) & 24 = 24
     ORDER BY c.relname
"""  # 24: triggers on UPDATE (16) and on DELETE (8); another function than audit_refuse lets some rows go
OWNED = "SELECT relname FROM pg_class WHERE relowner = current_user::regrole AND relnamespace = 'public'::regnamespace AND relkind = 'r'"


def migration_settings() -> dict[str, Any] | None:
    """The connection that migrations use, when it is not the application's own."""
    address = os.environ.get("MIGRATION_DATABASE_URL") or (
        "" if os.environ.get("DATABASE_URL") else database.address("owner")
    )
    return dict(dj_database_url.parse(address)) if address else None


def guarded_tables(cursor: Any) -> list[tuple[str, str, bool]]:
    """Tables that refuse UPDATE whoever asks, each with its primary key's column and whether it refuses every DELETE too."""
    cursor.execute(GUARDED)
    return list(cursor.fetchall())


def grant(cursor: Any, role: str) -> None:
    """Give `role` what the application needs on every table, and no more on those that only grow."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolname <> current_user", [role])
    if cursor.fetchone() is None:
        return
    name = sql.Identifier(role)
    for statement in (
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    ):
        cursor.execute(sql.SQL(statement).format(role=name))
    for table, key, only_grows in guarded_tables(cursor):
        parts = {"role": name, "table": sql.Identifier(table), "key": sql.Identifier(key)}
        lost = "UPDATE, DELETE" if only_grows else "UPDATE"
        cursor.execute(sql.SQL("REVOKE " + lost + " ON {table} FROM {role}").format(**parts))
        if not table.startswith(
            "audit_"
        ):  # SELECT ... FOR UPDATE asks for UPDATE on one column; the triggers refuse the UPDATE itself
            cursor.execute(sql.SQL("GRANT UPDATE ({key}) ON {table} TO {role}").format(**parts))


def owned_tables(cursor: Any) -> list[str]:
    """Tables that the connected role owns: none for an application role that is kept apart."""
    cursor.execute(OWNED)
    return [name for (name,) in cursor.fetchall()]

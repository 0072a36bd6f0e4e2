"""The vault changes by one service only: keys and values are never edited, and deleted only by who says whom is erased."""

from django.db import migrations

TABLES = ("accounts_personalkey", "accounts_personalvalue")
MAKE = """
CREATE FUNCTION accounts_keep_vault() RETURNS trigger LANGUAGE plpgsql AS $vault$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('imprimatur.erasing', true) = OLD.user_id::text THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'vault: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$vault$;
"""
GUARD = """
CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION accounts_keep_vault();
CREATE TRIGGER {table}_keep_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keep;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keep_all;
"""
RELEASE = "DROP TRIGGER {table}_keep ON {table}; DROP TRIGGER {table}_keep_all ON {table};"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("accounts", "0003_proofs")]

    operations = [
        migrations.RunSQL(MAKE, "DROP FUNCTION accounts_keep_vault();"),
        *[migrations.RunSQL(GUARD.format(table=table), RELEASE.format(table=table)) for table in TABLES],
    ]

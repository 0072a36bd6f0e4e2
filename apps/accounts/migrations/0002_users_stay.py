"""A user is never deleted, in the database either: an id in a signature means one person for ever."""

from django.db import migrations

KEEP = """
CREATE TRIGGER accounts_user_keep BEFORE DELETE ON accounts_user FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE accounts_user ENABLE ALWAYS TRIGGER accounts_user_keep;
"""
LET_GO = "DROP TRIGGER accounts_user_keep ON accounts_user;"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("accounts", "0001_initial")]

    operations = [migrations.RunSQL(KEEP, LET_GO)]

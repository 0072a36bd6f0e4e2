from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = append_only(
        "audit_entry",
        "audit_leaf",
        "audit_node",
        "audit_key",
        "audit_checkpoint",
        "audit_verificationrun",
    )

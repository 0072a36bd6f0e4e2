"""Events of datasets never change."""

from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("catalog", "0001_initial")]

    operations = append_only("catalog_datasetevent")

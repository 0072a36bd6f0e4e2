"""Events and the deliveries that brought them are written once."""

from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("lineage", "0001_initial"), ("audit", "0001_initial")]

    operations = [*append_only("lineage_event", "lineage_delivery")]

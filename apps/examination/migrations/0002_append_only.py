from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("examination", "0001_initial"), ("audit", "0001_initial")]

    operations = [*append_only("examination_sample", "examination_answer")]

"""Versions, what is bound to them and who touched them never change."""

from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("registry", "0001_initial")]

    operations = append_only(
        "registry_modelversion",
        "registry_artifactalias",
        "registry_datasetlink",
        "registry_involvement",
        "registry_intakeanswer",
    )

"""Evidence, marks and documents are written once."""

from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial"), ("audit", "0001_initial")]

    operations = [*append_only("evidence_evidence", "evidence_evidencemark", "evidence_document")]

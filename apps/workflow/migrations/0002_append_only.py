from django.db import migrations

from apps.audit.immutable import append_only

# Findings change state but are never deleted; the rest is written once.
KEEP_FINDINGS = """
CREATE TRIGGER workflow_finding_stays BEFORE DELETE ON workflow_finding FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE workflow_finding ENABLE ALWAYS TRIGGER workflow_finding_stays;
"""
RELEASE_FINDINGS = "DROP TRIGGER workflow_finding_stays ON workflow_finding;"


class Migration(migrations.Migration):
    dependencies = [("workflow", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        *append_only(
            "workflow_process", "workflow_snapshot", "workflow_signature", "workflow_manifest", "workflow_comment"
        ),
        migrations.RunSQL(KEEP_FINDINGS, RELEASE_FINDINGS),
    ]

"""Frameworks, policy versions, publications and judgements never change."""

from django.db import migrations

from apps.audit.immutable import append_only


class Migration(migrations.Migration):
    """Triggers that refuse UPDATE, DELETE and TRUNCATE."""

    dependencies = [("policy", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        *append_only("policy_framework", "policy_policyversion", "policy_publication", "policy_assessment"),
    ]

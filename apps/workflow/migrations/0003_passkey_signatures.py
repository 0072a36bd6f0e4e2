"""Signatures by passkey, names in them as commitments, and a new signature after one's own was withdrawn."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("workflow", "0002_append_only"), ("accounts", "0003_proofs")]

    operations = [
        migrations.RemoveConstraint(model_name="signature", name="signature_one_step_per_person"),
        migrations.RemoveConstraint(model_name="signature", name="signature_named_and_reasoned"),
        migrations.AlterField(
            model_name="signature",
            name="printed_name",
            field=models.CharField(
                db_column="printed_name",
                max_length=200,
                help_text="Commitment to the printed name; the name in early rows.",
            ),
        ),
        migrations.RenameField(model_name="signature", old_name="printed_name", new_name="name_commitment"),
        migrations.AddField(
            model_name="signature",
            name="assertion",
            field=models.JSONField(null=True, help_text="What the signer's passkey answered; none for a password."),
        ),
        migrations.AddField(
            model_name="signature",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replacements",
                to="workflow.signature",
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(
                fields=["review", "round", "signer"],
                condition=~Q(meaning="withdrawn") & Q(replaces__isnull=True),
                name="signature_one_step_per_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(fields=["replaces"], name="signature_replaced_once"),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=~Q(name_commitment="") & ~Q(reason=""), name="signature_named_and_reasoned"
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=Q(authentication="passkey", assertion__isnull=False)
                | ~Q(authentication="passkey") & Q(assertion__isnull=True),
                name="signature_asserted",
            ),
        ),
    ]

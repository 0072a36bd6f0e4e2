"""Passkeys and what waits for them, the vault of names, and how an identity was verified."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import apps.core.models

EARLIER = "UPDATE accounts_user SET identity_method = 'earlier' WHERE identity_verified_at IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_users_stay"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.models.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("name", models.CharField(blank=True, help_text="What its holder calls it.", max_length=100)),
                ("credential_id", models.CharField(max_length=1400, unique=True)),
                (
                    "algorithm",
                    models.CharField(choices=[("ES256", "ECDSA on P-256"), ("EdDSA", "Ed25519")], max_length=8),
                ),
                ("public_key", models.CharField(help_text="SubjectPublicKeyInfo, Base64.", max_length=200)),
                ("credential", models.BinaryField(help_text="Attested credential data as WebAuthn lays it out.")),
                ("rp_id", models.CharField(max_length=253)),
                ("counter", models.BigIntegerField(default=0)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["created_at"],
            },
        ),
        migrations.CreateModel(
            name="PersonalKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.models.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("key", models.BinaryField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PersonalValue",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.models.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("kind", models.CharField(max_length=40)),
                ("commitment", models.CharField(max_length=80, unique=True)),
                ("sealed", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="SigningChallenge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.models.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("session", models.CharField(max_length=80)),
                ("rp_id", models.CharField(max_length=253)),
                ("origin", models.CharField(max_length=300)),
                ("payload", models.JSONField()),
                ("digest", models.CharField(max_length=71)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="reauthentication",
            name="assertion",
            field=models.JSONField(blank=True, help_text="What the passkey answered; none for a password.", null=True),
        ),
        migrations.AddField(
            model_name="reauthentication",
            name="session",
            field=models.CharField(
                blank=True, help_text="Digest of the session, or the token, it was given in.", max_length=80
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="identity_method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("in_person", "Met in person"),
                    ("document", "Official document seen"),
                    ("video", "Video call with a document"),
                    ("staff_record", "Compared with the staff record"),
                    ("earlier", "Verified before methods were recorded"),
                ],
                max_length=12,
            ),
        ),
        migrations.RunSQL(EARLIER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("identity_verified_at__isnull", True),
                    models.Q(("identity_method", ""), _negated=True),
                    _connector="OR",
                ),
                name="user_identity_has_method",
            ),
        ),
        migrations.AddField(
            model_name="passkey",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="passkeys", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="personalkey",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="personal_key", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="personalvalue",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="personal_values", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signingchallenge",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signing_challenges",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="passkey",
            index=models.Index(fields=["user", "rp_id"], name="passkey_holder"),
        ),
        migrations.AddIndex(
            model_name="personalvalue",
            index=models.Index(fields=["user", "kind"], name="personal_value_of"),
        ),
        migrations.AddIndex(
            model_name="signingchallenge",
            index=models.Index(fields=["expires_at"], name="signing_challenge_expires"),
        ),
    ]

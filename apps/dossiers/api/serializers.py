"""What callers send to dossiers, and what they get."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.rest import StrictSerializer
from apps.dossiers.models import Dossier


class DossierRequest(StrictSerializer):
    """In which order to print, for which environment to judge (default: where the newest review asked for), and for whom.

    Names and texts are left out only of the profile `outside`.
    """

    order = serializers.ChoiceField(choices=Dossier.Order.choices, default=Dossier.Order.ANNEX_IV)
    environment = serializers.CharField(required=False, default="", allow_blank=True, max_length=80)
    profile = serializers.ChoiceField(choices=Dossier.Profile.choices, default=Dossier.Profile.INSIDE)
    names = serializers.BooleanField(default=True, help_text="Print names of staff; else their roles.")
    texts = serializers.BooleanField(default=True, help_text="Print what people wrote in their own words.")


class DossierAsked(serializers.Serializer[Any]):
    """The dossier that is being made, and the job that makes it."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    reference = serializers.CharField()
    job = serializers.CharField()


class WordAsked(serializers.Serializer[Any]):
    """The job that writes the Word document, and where the file will be."""

    job = serializers.CharField()
    file = serializers.CharField()


class WordRequest(StrictSerializer):
    """Nothing is asked: the document has the content of the dossier."""


class DossierReply(serializers.Serializer[Any]):
    """A dossier: how far it is, and once it is issued, its pages and digests."""

    id = serializers.UUIDField()
    url = serializers.SerializerMethodField()
    reference = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    environment = serializers.CharField(source="environment.slug")
    order = serializers.CharField()
    profile = serializers.CharField()
    names = serializers.BooleanField(source="has_names")
    texts = serializers.BooleanField(source="has_texts")
    edition = serializers.CharField()
    state = serializers.ChoiceField(choices=["building", "sealed", "failed"])
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField(source="created_at")
    job = serializers.SerializerMethodField()
    issued_at = serializers.SerializerMethodField()
    pages = serializers.SerializerMethodField()
    log_size = serializers.IntegerField(allow_null=True)
    content_sha256 = serializers.CharField()
    base_sha256 = serializers.SerializerMethodField()
    sealed_sha256 = serializers.CharField()
    bundle_sha256 = serializers.CharField()
    word_sha256 = serializers.CharField()
    has_time_stamp = serializers.BooleanField()
    pdf = serializers.SerializerMethodField()
    bundle = serializers.SerializerMethodField()

    def _absolute(self, path: str) -> str:
        request = self.context.get("request")
        return request.build_absolute_uri(path) if request else path

    def get_url(self, row: Dossier) -> str:
        """The address of the dossier."""
        return self._absolute(f"/api/v1/dossiers/{row.pk}")

    def get_job(self, row: Dossier) -> str:
        """The address of the job that makes it."""
        return self._absolute(f"/api/v1/jobs/{row.job_id}")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_issued_at(self, row: Dossier) -> Any:
        """When its issue was entered into the log."""
        issue = getattr(row, "issue", None)
        return issue.created_at if issue else None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_pages(self, row: Dossier) -> int | None:
        """Pages of the PDF."""
        issue = getattr(row, "issue", None)
        return issue.pages if issue else None

    def get_base_sha256(self, row: Dossier) -> str:
        """Digest of the document before it was sealed; the same content gives the same bytes."""
        issue = getattr(row, "issue", None)
        return issue.base_sha256 if issue else ""

    def get_pdf(self, row: Dossier) -> str:
        """Where the sealed PDF is fetched."""
        return self._absolute(f"/api/v1/dossiers/{row.pk}/pdf")

    def get_bundle(self, row: Dossier) -> str:
        """Where the bundle is fetched."""
        return self._absolute(f"/api/v1/dossiers/{row.pk}/bundle")


class TrustReply(serializers.Serializer[Any]):
    """Whom a verifier has to trust: public keys and certificates, nothing secret."""

    origin = serializers.CharField()
    vkeys = serializers.ListField(child=serializers.CharField())
    pdf_roots = serializers.ListField(child=serializers.CharField())
    tsa_roots = serializers.ListField(child=serializers.CharField())
    policy = serializers.DictField(child=serializers.BooleanField())

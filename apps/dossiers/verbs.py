"""How entries about dossiers read, and how dossiers are called."""

from collections.abc import Mapping

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.dossiers.models import Dossier

register(
    {
        "dossiers.requested": "asked for",
        "dossiers.issued": "issued",
        "dossiers.packed": "packed as a bundle",
        "dossiers.downloaded": "downloaded",
        "dossiers.word_requested": "asked for as a Word document",
        "dossiers.exported": "written as a Word document, unsealed",
    }
)


@names("dossier")
def dossier_names(keys: set[str]) -> Mapping[str, Name]:
    """Dossiers by number and version."""
    found = Dossier.objects.filter(pk__in=uuids_among(keys)).select_related("version__model")
    return {str(row.pk): Name(f"dossier {row.reference}, {row.version}", f"/dossiers/{row.pk}/") for row in found}

"""How entries about evidence read in the log."""

from django.urls import reverse

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.evidence.models import Evidence

register(
    {
        "evidence.checks_requested": "asked for checks of",
        "evidence.tried": "tried a case on",
        "evidence.computed": "computed",
        "evidence.check_failed": "could not finish a check of",
        "evidence.submitted": "submitted",
        "evidence.attested": "attested",
        "evidence.recorded": "recorded",
        "evidence.accepted": "accepted",
        "evidence.flagged": "flagged",
        "evidence.withdrawn": "withdrew",
        "evidence.file_downloaded": "downloaded a file of",
        "evidence.document_written": "wrote down reasons for",
    }
)


@names("evidence")
def evidence_names(keys: set[str]) -> dict[str, Name]:
    """Items by their title and version."""
    rows = Evidence.objects.filter(pk__in=uuids_among(keys)).select_related("version__model")
    return {
        str(item.pk): Name(f"{item.title}, {item.version}", reverse("evidence:detail", args=[item.pk])) for item in rows
    }

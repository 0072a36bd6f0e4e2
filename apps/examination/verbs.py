"""How entries of the auditor's room read, and how samples and requests are called."""

from collections.abc import Mapping

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.examination.models import InformationRequest, Sample

register(
    {
        "examination.sample_drawn": "drew",
        "examination.sample_exported": "exported",
        "examination.trace_read": "read the trace of",
        "examination.requested": "asked for",
        "examination.answered": "answered",
        "examination.answer_returned": "returned the answer to",
        "examination.answer_accepted": "accepted the answer to",
    }
)


@names("sample")
def sample_names(keys: set[str]) -> Mapping[str, Name]:
    """Samples by reference and title."""
    found = Sample.objects.filter(pk__in=uuids_among(keys)).only("pk", "title")
    return {str(row.pk): Name(f"sample {row}", f"/samples/{row.pk}/") for row in found}


@names("request")
def request_names(keys: set[str]) -> Mapping[str, Name]:
    """Requests by reference and title."""
    found = InformationRequest.objects.filter(pk__in=uuids_among(keys)).only("pk", "title")
    return {str(row.pk): Name(f"request {row}", f"/requests/{row.pk}/") for row in found}

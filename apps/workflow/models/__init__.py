"""Tables of the workflow: process definitions apart from their runs, what was shown, what was signed, what stays open."""

from apps.workflow.models.findings import Comment, Condition, Finding
from apps.workflow.models.reviews import Process, Review, Step
from apps.workflow.models.signing import Manifest, Signature, Snapshot, printed_names

__all__ = [
    "Comment",
    "Condition",
    "Finding",
    "Manifest",
    "Process",
    "Review",
    "Signature",
    "Snapshot",
    "Step",
    "printed_names",
]

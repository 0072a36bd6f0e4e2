"""Entries about a dataset. One entry holds at most 64 KiB, and a dataset may have thousands of versions and columns."""

from itertools import islice
from typing import Any

from apps.audit.services import as_text, record
from apps.catalog.models import Dataset
from apps.catalog.queries import version_subjects
from apps.core.models import Immutable, digest_of

SUBJECTS_PER_ENTRY = 400
LONGEST_FACTS = 24_000


def record_change(
    actor: Any, verb: str, dataset: Dataset, *, said: dict[str, Any], reason: str = "", row: Immutable | None = None
) -> None:
    """Record a change of a dataset and raise the epoch of all its versions, in as many entries as that takes."""
    facts = as_text(said)
    if len(str(facts)) > LONGEST_FACTS:
        facts = {"digest_of_what_was_said": digest_of(facts)}
    subjects = iter(version_subjects(dataset))
    record(actor, verb, dataset, data=facts, reason=reason, row=row, changes=islice(subjects, SUBJECTS_PER_ENTRY))
    while more := list(islice(subjects, SUBJECTS_PER_ENTRY)):
        record(actor, verb, dataset, data={"continues": True}, reason=reason, changes=more)

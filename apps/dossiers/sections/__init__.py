"""The sections of a dossier. A section with content of its own is one file here (a query) and one template beside the others.

Every section prints what it answers, its evidence, what is missing, hand-written reasons and the evidence itself; the query
adds what the record says beside evidence. Order and mapping are data: see `plan.py`.
"""

from collections.abc import Callable
from typing import Any

from apps.dossiers import items, wording
from apps.dossiers.record import VersionRecord
from apps.dossiers.sections import (
    answers,
    changes,
    description,
    design,
    governance,
    identity,
    limits,
    plan,
    proof,
    running,
    sources,
)
from apps.dossiers.sections.plan import Place, Spec

Content = dict[str, Any]

QUERIES: dict[str, Callable[[VersionRecord], Content]] = {
    "D0": identity.query,
    "D1": description.query,
    "D2a": design.query,
    "D2b": sources.query,
    "D2d": changes.agreed,
    "D3": limits.query,
    "D6": changes.query,
    "D9": running.query,
    "A4": governance.query,
    "A5": proof.query,
}
NEW_PAGE = frozenset({"D2e", "A4"})
ITEMS_FIRST = frozenset({"A4", "A5"})


def parts_content(record: VersionRecord, order: str) -> list[Content]:
    """The document body: parts with their sections, in the order asked for."""
    return [
        {"title": title, "sections": [section_content(record, plan.specs()[place.section], place) for place in places]}
        for title, places in plan.parts(order)
    ]


def section_content(record: VersionRecord, spec: Spec, place: Place) -> Content:
    """One section with everything that is printed in it."""
    missing, not_needed = answers.absent(record, spec)
    home = [items.evidence_content(row, record) for row in answers.at_home(record, spec)]
    own = QUERIES[spec.id](record) if spec.id in QUERIES else {}
    documents = [
        {"title": row.title, "body": row.body, "by": str(row.author), "at": wording.utc(row.created_at)}
        for row in record.documents
        if plan.DOCUMENTS[row.section] == spec.id
    ]
    return {
        "id": spec.id,
        "no": place.no,
        "title": spec.title,
        "where": spec.where(place),
        "answers": answers.answered(answers.results_of(record, spec)),
        "signed": answers.signed(record, spec),
        "evidence": [items.head_of(row, record) for row in answers.items_of(record, spec)],
        "missing": missing,
        "not_needed": not_needed,
        "documents": documents,
        "own": own,
        "template": f"dossiers/sections/{spec.id.lower()}.html" if own else "",
        "items": home,
        "is_items_first": spec.id in ITEMS_FIRST,
        "is_new_page": spec.id in NEW_PAGE,
        "is_compact": not (home or documents or own),
    }

"""What every section begins with: the requirements it answers, the evidence for them, and what is missing or not needed."""

from typing import Any

from apps.dossiers import items, wording
from apps.dossiers.record import VersionRecord
from apps.dossiers.sections import plan
from apps.dossiers.sections.plan import Spec

Content = dict[str, Any]
ITSELF = "technical_dossier"


def types_of(record: VersionRecord, requirement_id: str) -> list[str]:
    """The evidence types that a requirement names."""
    requirement = record.policy.requirement(requirement_id)
    return [item.type for item in requirement.items] if requirement else []


def section_of(record: VersionRecord, requirement_id: str) -> str:
    """The section of a requirement that the map leaves out: that of its evidence or of its check."""
    requirement = record.policy.requirement(requirement_id)
    return plan.home_of(types_of(record, requirement_id), requirement.check if requirement else "")


def results_of(record: VersionRecord, spec: Spec) -> list[Any]:
    """The judged requirements that a section answers."""
    return [
        row
        for row in record.judgement.results
        if row.id in spec.satisfies or (row.id not in plan.claimed() and section_of(record, row.id) == spec.id)
    ]


def answered(results: list[Any]) -> list[Content]:
    """Requirement ids by outcome, worst first."""
    found = []
    for outcome in wording.OUTCOME_ORDER:
        ids = [row.id for row in results if row.outcome == outcome]
        if ids:
            found.append(
                {"shape": wording.SHAPES[outcome], "word": wording.outcome_word(outcome), "count": len(ids), "ids": ids}
            )
    return found


def items_of(record: VersionRecord, spec: Spec) -> list[Any]:
    """The evidence that a section rests on."""
    wanted = set(spec.evidence)
    return [
        row
        for row in record.evidence
        if wanted & set(row.item.types) or plan.home_of(sorted(row.item.types), row.item.check_key) == spec.id
    ]


def at_home(record: VersionRecord, spec: Spec) -> list[Any]:
    """The evidence that is printed in full here."""
    return [row for row in record.evidence if plan.home_of(sorted(row.item.types), row.item.check_key) == spec.id]


def signed(record: VersionRecord, spec: Spec) -> str:
    """Who signed for the evidence of the section, in one sentence: it stands in the manifest that their signatures led to."""
    rows = items_of(record, spec)
    covered = [row for row in rows if row.item.digest in record.under_manifest]
    if not rows:
        return ""
    if record.manifest is None or not covered:
        return "No approval was given for any of it."
    held = [
        row.signature
        for row in record.signatures
        if row.signature.review_id == record.manifest.review_id and not row.is_withdrawn
    ]
    days = sorted({f"{row.signed_at:%Y-%m-%d}" for row in held})
    names = wording.listing(f"{row.printed_name} ({row.get_meaning_display().lower()})" for row in held)
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else "no day"
    return f"{len(covered)} of {len(rows)} items stand in the manifest that was signed on {when} by {names}."


def absent(record: VersionRecord, spec: Spec) -> tuple[list[Content], list[Content]]:
    """Evidence types of the section without an item: what is missing, and what is not needed with the reason."""
    missing: list[Content] = []
    reasons: dict[str, list[str]] = {}
    for type_id in spec.evidence:
        if type_id in record.of_type:
            continue
        title = items.titles_of([type_id])[0]
        if type_id == ITSELF:
            reasons.setdefault("This document. It is entered as evidence when it is issued.", []).append(title)
            continue
        asking = [row for row in record.judgement.results if type_id in types_of(record, row.id)]
        gap, reason = why_absent(asking)
        if gap:
            missing.append({"title": title, "reason": reason})
        else:
            reasons.setdefault(reason, []).append(title)
    return missing, [{"titles": wording.listing(titles), "reason": reason} for reason, titles in reasons.items()]


def why_absent(asking: list[Any]) -> tuple[bool, str]:
    """Whether absence is a gap, and the sentence that says why."""
    by_outcome: dict[str, list[Any]] = {}
    for row in asking:
        by_outcome.setdefault("later" if row.code == "MADE_LATER" else row.outcome, []).append(row)
    gaps = [row for outcome in wording.OUTCOME_ORDER if outcome in wording.GAPS for row in by_outcome.get(outcome, [])]
    if gaps:
        return True, f"Asked for by {ids(gaps)}. {gaps[0].fix or gaps[0].sentence}"
    if waived := by_outcome.get("waived"):
        return True, f"Asked for by {ids(waived)}, {wording.outcome(waived[0])['word'].lower()}."
    if later := by_outcome.get("later"):
        return False, f"Written by the product at a later step ({ids(later)})."
    if coming := by_outcome.get("not_yet_effective"):
        first = min(coming, key=lambda row: row.ends_at)
        return False, f"Applies from {wording.in_words(first.ends_at)} ({ids(coming)})."
    if by_outcome.get("satisfied"):
        return False, f"Other evidence meets what asks for it ({ids(by_outcome['satisfied'])})."
    if ruled_out := by_outcome.get("not_applicable"):
        return False, f"{ruled_out[0].sentence} ({ids(ruled_out)})"
    return False, "No requirement of the policy in force asks for it."


def ids(results: list[Any]) -> str:
    """The ids of some requirements, the first few named."""
    named = [row.id for row in results]
    return ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")

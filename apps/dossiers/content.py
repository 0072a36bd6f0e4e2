"""The content of a dossier: one JSON document from which the PDF is laid out, and which travels inside it."""

import hashlib
import re
from typing import Any

from apps.audit import queries as audit
from apps.audit.models import Checkpoint
from apps.dossiers import editions, trust, wording
from apps.dossiers.models import Dossier
from apps.dossiers.record import VersionRecord
from apps.dossiers.sections import answers, parts_content, plan
from apps.dossiers.sections.glossary import glossary
from apps.workflow import lifecycle

Content = dict[str, Any]
FORM = "1"
MOST_FIGURES = 8
MEASURED = ("metrics.", "kpi.", "evidence.")
UNASKED = frozenset({"not_applicable", "not_yet_effective"})


def build(dossier: Dossier, head: Checkpoint) -> tuple[Content, VersionRecord]:
    """The content at the moment of this signed head, and the record it was read from."""
    record = VersionRecord(dossier, head)
    made = editions.redacted(wording.tidy(document(record)), record)
    made["scope"] = editions.edition_scope(made)
    made["cover"]["left_out"] = editions.sentence(made["left_out"])
    return made, record


def document(record: VersionRecord) -> Content:
    """Everything that is printed, in the order in which it is printed."""
    dossier, version = record.dossier, record.version
    return {
        "form": FORM,
        "id": str(dossier.pk),
        "reference": dossier.reference,
        "language": dossier.language,
        "order": dossier.order,
        "order_name": str(Dossier.Order(dossier.order).label),
        "profile": dossier.profile,
        "edition": dossier.edition,
        "has_names": dossier.has_names,
        "as_at": record.at.isoformat(timespec="seconds"),
        "as_at_utc": wording.utc(record.at),
        "requested_by": str(dossier.requested_by),
        "file_name": dossier.file_name,
        "demo": is_demo(),
        "title": version.use_case.title,
        "model": version.model.name,
        "model_slug": f"{version.use_case.slug}/{version.model.slug}",
        "version": version.version,
        "environment": record.environment.name,
        "artifact": wording.groups(version.artifact_digest),
        "cover": cover(record),
        "summary": summary(record),
        "legend": legend(),
        "parts": parts_content(record, dossier.order),
        "requirements": requirements(record),
        "glossary": glossary(),
        "scope": record.scope,
        "left_out": record.left_out,
    }


def is_demo() -> bool:
    """Whether this product runs on demo data."""
    from django.conf import settings

    return bool(settings.DEMO)


def requirements(record: VersionRecord) -> list[Content]:
    """Every requirement as it was judged, for tables and other tools; the registers print the same rows."""
    sections: dict[str, list[str]] = {}
    for section_id, spec in plan.specs().items():
        for row in answers.results_of(record, spec):
            sections.setdefault(row.id, []).append(section_id)
    return [
        {
            "id": row.id, "title": row.title, "framework": row.framework, "reference": row.ref, "outcome": row.outcome,
            "word": wording.outcome(row)["word"], "is_blocking": row.is_blocking, "observed": row.observed, "required": row.required,
            "evidence": [record.numbers[item["id"]] for item in row.evidence if item["id"] in record.numbers],
            "waiver": record.waiver_references.get(str(row.waiver_id), ""), "sections": sections.get(row.id, []),
            "sentence": row.sentence, "fix": row.fix if row.outcome in wording.GAPS else "",
        }
        for row in record.judgement.results
    ]  # fmt: skip


def legend() -> list[Content]:
    """The states with their shapes and meanings."""
    return [
        {"shape": wording.SHAPES[outcome], "word": wording.outcome_word(outcome), "meaning": wording.MEANINGS[outcome]}
        for outcome in wording.MEANINGS
    ]


def cover(record: VersionRecord) -> Content:
    """Five answers without turning the page: what, which bytes, which decision, until when, how to check."""
    standing, judgement = record.standing, record.judgement
    counts = judgement.counts
    named = [(outcome, counts.get(outcome, 0)) for outcome in wording.OUTCOME_ORDER]
    manifest = record.manifest
    return {
        "word": lifecycle.LABELS[standing.state],
        "is_standing": standing.is_standing,
        "sentence": standing.sentence,
        "manifest": wording.groups(manifest.digest) if manifest else [],
        "frozen": wording.utc(manifest.created_at) if manifest else "",
        "tier": tier_sentence(record),
        "ai_class": ai_class(record),
        "validity": validity(record),
        "judged": f"{judgement.policy} · judged {wording.utc(judgement.at)}{newest_process(record)}",
        "readiness": judgement.sentence,
        "counts": [
            {"shape": wording.SHAPES[outcome], "word": wording.outcome_word(outcome), "count": number}
            for outcome, number in named
            if number
        ],
        "trust": wording.groups(hashlib.sha256(trust.trust_file()).hexdigest()),
        "log_size": record.head.size,
        "log_root": wording.groups(bytes(record.head.root).hex()),
        "log_origin": record.head.note.split("\n", 1)[0],
        "tail": audit.unanchored_tail().sentence,
        "left_out": editions.sentence(record.left_out)
        if record.left_out["records"] or record.left_out["objects"]
        else "",
    }


def newest_process(record: VersionRecord) -> str:
    """The process under which the newest review runs."""
    return f" · process {record.reviews[-1].process}" if record.reviews else ""


def tier_sentence(record: VersionRecord) -> str:
    """The tier in one line."""
    use_case = record.version.use_case
    if use_case.tier is None:
        return "none confirmed yet"
    confirmed = f"confirmed by {use_case.tier_confirmed_by}" if use_case.tier_confirmed_by else "not confirmed"
    arithmetic = use_case.tier_arithmetic
    if not arithmetic:
        return f"{use_case.tier}, {confirmed}"
    return f"{use_case.tier} (materiality {arithmetic['materiality']}, inherent risk {arithmetic['inherent']} of 100), {confirmed}"


def ai_class(record: VersionRecord) -> str:
    """The class under the AI Act as answered."""
    known = record.facts
    if "eu.ai_class" not in known:
        return "not answered"
    points = known.get("eu.annex_iii_point")
    words = wording.first_up(
        re.sub(
            r"\bannex (i+)\b", lambda found: f"Annex {found[1].upper()}", wording.value_in_words(known["eu.ai_class"])
        )
    )
    return f"{words}, point {wording.value_in_words(points)}" if points else words


def validity(record: VersionRecord) -> str:
    """From when until when the decision holds."""
    review, standing = record.approval, record.standing
    if review is None or review.decided_at is None:
        return "no approval is on record, so nothing is valid"
    ends = f"until {wording.utc(review.valid_until)}" if review.valid_until else "without an end date"
    said = f"approved {wording.utc(review.decided_at)} {ends}"
    return said if standing.is_standing else f"{said} · now {lifecycle.LABELS[standing.state].lower()}"


def summary(record: VersionRecord) -> Content:
    """What was asked, decided, by whom, on what evidence, and what is open."""
    version, use_case = record.version, record.version.use_case
    computed = sum(row.item.source == "computed" for row in record.evidence)
    signed = [row for row in record.signatures if not row.is_withdrawn and row.signature.meaning != "withdrawn"]
    return {
        "asked": f"May version {version.version} of {version.model.name} be used in {record.environment.name}? {use_case.purpose}",
        "decided": record.standing.sentence,
        "last_answer": record.decisions[-1].sentence if record.decisions else "",
        "signers": wording.listing(
            dict.fromkeys(
                f"{row.signature.printed_name} ({row.signature.get_meaning_display().lower()})" for row in signed
            )
        ),
        "signature_count": len(signed),
        "dissent_count": sum(row.signature.meaning == "rejected" for row in signed),
        "evidence": f"{len(record.evidence)} items, {computed} of them computed from data and predictions.",
        "figures": decisive(record),
        "open": open_points(record),
    }


def decisive(record: VersionRecord) -> list[Content]:
    """Requirements with a measured value and a limit, worst first."""
    rows = []
    for result in record.judgement.results:
        requirement = record.policy.requirement(result.id)
        limit = requirement.limit if requirement else None
        if (
            limit is None
            or not limit.name.startswith(("metrics.", "kpi.", "evidence."))
            or result.outcome in {"not_applicable", "not_yet_effective"}
        ):
            continue
        interval, cases = metric_of(record, limit.name)
        rows.append(
            {
                "title": result.title,
                "observed": result.observed or "not measured",
                "interval": interval,
                "cases": cases,
                "required": result.required or "no limit",
                "outcome": wording.outcome(result),
                "order": wording.OUTCOME_ORDER.index(result.outcome),
            }
        )
    chosen = sorted(rows, key=lambda row: row["order"])[:MOST_FIGURES]
    return [{name: value for name, value in row.items() if name != "order"} for row in chosen]


def metric_of(record: VersionRecord, name: str) -> tuple[str, str]:
    """The interval and the number of cases of a metric that a limit names."""
    _, _, rest = name.partition("metrics.")
    check, _, key = rest.partition(".")
    item = next((row.item for row in record.evidence if check and row.item.check_key == check), None)
    if item is None:
        return "none", "none"
    metrics = {metric["key"]: metric for metric in item.metrics}
    found = metrics.get(key, {})
    interval = "none"
    if found.get("low") is not None and found.get("high") is not None:
        digits = found.get("digits", 3)
        interval = f"{found['low']:.{digits}f} to {found['high']:.{digits}f}"
    cases = metrics.get("rows", {}).get("value")
    return interval, wording.thousands(int(cases)) if isinstance(cases, int | float) else "none"


def open_points(record: VersionRecord) -> list[str]:
    """What a reader has to know before relying on the rest, each with where it stands."""
    results = record.judgement.results
    blocking = [row for row in results if row.is_blocking]
    points = [f"{row.title}: {row.sentence}" for row in blocking[:4]]
    if len(blocking) > 4:
        points.append(f"{len(blocking) - 4} more requirements that block the gate are not met (section A5.1).")
    advisory = [row for row in results if row.outcome in wording.GAPS and not row.is_blocking]
    if advisory:
        points.append(
            wording.first_up(
                f"{wording.count(len(advisory), 'requirement')} not met without blocking the gate (section A5.1)."
            )
        )
    waived = [row for row in results if row.outcome == "waived"]
    points += [f"{row.title}: {wording.outcome(row)['word'].lower()} (section A4.6)." for row in waived[:4]]
    opaque = [item.name for item in record.features if item.basis == "opaque"]
    if opaque:
        points.append(
            f"Where {wording.listing(opaque[:4])} {'comes' if len(opaque) == 1 else 'come'} from is not known (section D2b)."
        )
    open_findings = [row for row in record.findings if row.is_open]
    if open_findings:
        points.append(wording.first_up(f"{wording.count(len(open_findings), 'finding')} open (section A4.4)."))
    later = sum(row.outcome == "not_yet_effective" for row in results)
    if later:
        points.append(
            wording.first_up(
                f"{wording.count(later, 'requirement')} of law {'is' if later == 1 else 'are'} not yet in force (section A5.1)."
            )
        )
    return points or ["Nothing is open."]

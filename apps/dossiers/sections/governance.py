"""Who did what, what was asked and answered, dissent, findings, conditions, waivers, answers of the gate, signatures."""

from typing import Any

from apps.accounts.models import Role
from apps.dossiers import wording
from apps.dossiers.record import VersionRecord
from apps.workflow.models import Comment, Finding

Content = dict[str, Any]
FINDING_SHAPES = {"raised": "open", "answered": "unchecked", "closed": "satisfied"}
THREADS = {"raised": ("open", "Open"), "answered": ("unchecked", "Answered"), "closed": ("satisfied", "Settled")}
STATES = {"Waived": "waived"}


def query(record: VersionRecord) -> Content:
    """The governance of the version."""
    return {
        "involvement": involvement(record),
        "steps": steps(record),
        "threads": [thread_content(thread) for thread in record.threads],
        "dissents": dissents(record),
        "findings": [finding_content(row) for row in record.findings],
        "conditions": [condition_content(row, record) for row in record.conditions],
        "waivers": [waiver_content(row, record) for row in record.waivers],
        "decisions": [decision_content(row, record) for row in record.decisions],
        "decision_count": record.decision_count,
        "signatures": [signature_content(row) for row in record.signatures],
        "manifest": manifest(record),
    }


def involvement(record: VersionRecord) -> list[Content]:
    """People with everything they did to the version."""
    found: dict[str, list[str]] = {}
    for row in record.involvements:
        found.setdefault(str(row.user), []).append(str(row.get_capacity_display()))
    return [{"name": name, "did": wording.listing(dict.fromkeys(did))} for name, did in found.items()]


def steps(record: VersionRecord) -> list[Content]:
    """The steps of the newest review."""
    if not record.reviews:
        return []
    review = record.reviews[-1]
    return [
        {
            "no": step.number,
            "title": step.title,
            "role": str(Role(step.role).label),
            "quorum": step.quorum,
            "state": str(step.get_state_display()),
            "due": step.due_on.isoformat() if step.due_on else "no date",
        }
        for step in review.round_steps
    ]


def thread_content(thread: Any) -> Content:
    """A word of the challenge log with everything said to it."""
    comment = thread.comment
    shape, word = (
        THREADS[thread.state] if comment.kind == Comment.Kind.QUESTION else ("na", str(comment.get_kind_display()))
    )
    said = [said_content(row) for row in (comment, *thread.replies)]
    return {
        "reference": comment.reference or str(comment.get_kind_display()),
        "shape": shape,
        "word": word,
        "said": said,
    }


def said_content(row: Comment) -> Content:
    """One comment with who and when."""
    return {"kind": str(row.get_kind_display()), "text": row.text, "by": str(row.by), "at": wording.utc(row.created_at)}


def dissents(record: VersionRecord) -> list[Content]:
    """Votes against: comments marked as dissent, and signatures that reject."""
    spoken = [{"by": str(row.by), "at": wording.utc(row.created_at), "text": row.text} for row in record.dissents]
    texts = {row["text"] for row in spoken}
    votes = [
        {"by": row.signature.printed_name, "at": wording.utc(row.signature.signed_at), "text": row.signature.reason}
        for row in record.signatures
        if row.signature.meaning == "rejected" and row.signature.reason not in texts
    ]
    return [*spoken, *votes]


def finding_content(row: Finding) -> Content:
    """One finding with where it stands."""
    verified = f"verified by {row.closed_by}, {wording.utc(row.closed_at)}" if row.closed_by and row.closed_at else ""
    answered = f"answered by {row.answered_by}" if row.answered_by else ""
    return {
        "reference": row.reference,
        "title": row.title,
        "text": row.text,
        "severity": str(row.get_severity_display()),
        "owner": str(row.owner),
        "due": row.due_on.isoformat(),
        "word": str(row.get_state_display()),
        "shape": FINDING_SHAPES[row.state],
        "how": verified or answered,
        "raised": wording.utc(row.created_at),
    }


def condition_content(row: Any, record: VersionRecord) -> Content:
    """One condition of an approval."""
    is_late = row.finding.is_open and row.due_on < record.at.date()
    word, shape = (
        ("Met", "satisfied") if not row.finding.is_open else ("Late", "expired") if is_late else ("Running", "later")
    )
    return {
        "reference": row.reference,
        "text": row.text,
        "owner": str(row.owner),
        "due": row.due_on.isoformat(),
        "word": word,
        "shape": shape,
        "finding": row.finding.reference,
    }


def waiver_content(row: Any, record: VersionRecord) -> Content:
    """One waiver, whatever became of it."""
    is_granted = row.state == row.State.GRANTED
    is_over = is_granted and row.ends_on < record.at.date()
    word = str(row.get_state_display())
    if is_granted:
        word = f"{'Ended' if is_over else 'In force until'} {row.ends_on.isoformat()}"
    shape = (
        "expired" if is_over else "waived" if is_granted else "unchecked" if row.state == row.State.REQUESTED else "na"
    )
    decided = "nobody has decided about it"
    if row.decided_by and row.decided_at:
        decided = f"decided by {row.decided_by}, {wording.utc(row.decided_at)}"
    return {
        "reference": row.reference,
        "requirement": row.requirement_id,
        "title": row.requirement_title,
        "word": word,
        "shape": shape,
        "where": row.environment.name if row.environment else "all environments",
        "reason": row.reason,
        "control": row.compensating_control,
        "asked": f"asked for by {row.requested_by}, {wording.utc(row.created_at)}",
        "decided": decided,
        "why_decided": row.decision_reason or "no reason given",
        "without": next(
            (result.sentence for result in record.judgement.results if result.id == row.requirement_id), ""
        ),
    }


def decision_content(row: Any, record: VersionRecord) -> Content:
    """One answer of the gate, with what it overrode: requirements that did not hold and were let pass by a waiver."""
    counted = [waiver for waiver in record.waivers if str(waiver.pk) in row.waivers]
    words = {"allow": ("Allowed", "satisfied"), "deny": ("Denied", "open")}
    word, shape = words.get(row.outcome, ("No decision", "error"))
    if row.outcome == "allow" and row.waivers:
        word, shape = "Allowed with waiver", "waived"
    return {
        "id": row.pk.hex[-8:],
        "door": row.door,
        "outcome": row.outcome,
        "at": wording.utc(row.asked_at),
        "environment": row.environment.name if row.environment else row.environment_given or "not named",
        "word": word,
        "shape": shape,
        "sentence": row.sentence,
        "codes": ", ".join(row.codes),
        "is_dry_run": row.is_dry_run,
        "blocking": row.blocking,
        "overridden": [f"{waiver.requirement_id} by {waiver.reference}" for waiver in counted],
        "sha256": row.digest.removeprefix("sha256:"),
    }


def signature_content(row: Any) -> Content:
    """One signature: printed name, time and meaning stand in every print of it."""
    signed = row.signature
    return {
        "step": signed.step.number,
        "round": signed.round,
        "name": signed.printed_name,
        "role": str(Role(signed.role).label),
        "meaning": str(signed.get_meaning_display()),
        "text": signed.meaning_text,
        "reason": signed.reason,
        "at": wording.utc(signed.signed_at).removesuffix(" UTC"),
        "digest": wording.groups(signed.seen_digest)[:2],
        "seen": signed.seen_digest.removeprefix("sha256:"),
        "proof": signed.proved_by,
        "entry": row.entry if row.entry is not None else "waits for its number",
        "is_withdrawn": row.is_withdrawn,
    }


def manifest(record: VersionRecord) -> Content:
    """What the approval was given for, by digest."""
    found = record.manifest
    if found is None:
        return {}
    body = found.body
    return {
        "digest": wording.groups(found.digest),
        "frozen": wording.utc(found.created_at),
        "evidence": len(body.get("evidence", [])),
        "waivers": len(body.get("waivers", [])),
        "findings": len(body.get("findings", [])),
        "datasets": len(body.get("data", [])),
        "policy": body.get("policy", {}).get("name", ""),
        "process": body.get("process", {}).get("name", ""),
    }

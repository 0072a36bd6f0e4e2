"""The vocabulary of states: one word, one icon and one of the six tones each. A synonym is a new state to an auditor."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class State(NamedTuple):
    """How a state looks: tone is ok, bad, warn, fault, turn or none."""

    tone: str
    icon: str
    word: str | Promise


STATES: dict[str, State] = {
    # requirements
    "satisfied": State("ok", "check", _("Met")),
    "open": State("bad", "x", _("Not met")),
    "missing": State("bad", "circle-minus", _("Missing")),
    "waived": State("warn", "hourglass", _("Waived")),
    "expired": State("bad", "calendar-x", _("Expired")),
    "answer_needed": State("warn", "circle-help", _("Answer needed")),
    "not_applicable": State("none", "minus", _("Not applicable")),
    "not_yet_effective": State("none", "calendar", _("Not yet in force")),
    "unchecked": State("none", "circle-dashed", _("Not checked yet")),
    "error": State("fault", "triangle-alert", _("Check failed to run")),
    # reviews of a version
    "draft": State("none", "pen-line", _("Draft")),
    "submitted": State("turn", "send", _("Submitted")),
    "in_validation": State("turn", "eye", _("In validation")),
    "in_review": State("turn", "eye", _("In review")),
    "changes_requested": State("warn", "undo", _("Changes requested")),
    "approved": State("ok", "badge-check", _("Approved")),
    "approved_with_conditions": State("warn", "badge-check", _("Approved with conditions")),
    "rejected": State("bad", "circle-x", _("Rejected")),
    "withdrawn": State("none", "undo", _("Withdrawn")),
    "stale": State("warn", "calendar-clock", _("Stale")),
    "suspended": State("bad", "pause", _("Suspended")),
    "revoked": State("bad", "ban", _("Revoked")),
    "superseded": State("none", "archive", _("Superseded")),
    # gate
    "allow": State("ok", "circle-check", _("Allow")),
    "allow_with_waiver": State("warn", "shield", _("Allow with waiver")),
    "warn": State("warn", "triangle-alert", _("Allow with warning")),
    "deny": State("bad", "ban", _("Deny")),
    "gate.error": State("fault", "triangle-alert", _("Error")),
    "no_decision": State("fault", "triangle-alert", _("No decision")),
    "ready": State("ok", "check", _("Ready")),
    "not_ready": State("bad", "x", _("Not ready")),
    # deployments
    "requested": State("turn", "clock", _("Requested")),
    "authorised": State("ok", "circle-check", _("Authorised")),
    "active": State("ok", "play", _("Active")),
    "ended": State("none", "archive", _("Ended")),
    "denied": State("bad", "ban", _("Denied")),
    # models and datasets
    "candidate": State("none", "circle-dashed", _("Candidate")),
    "not_a_model": State("none", "minus", _("Not a model")),
    "registered": State("none", "circle", _("Registered")),
    "in_use": State("ok", "play", _("In use")),
    "under_decommission": State("warn", "hourglass", _("Under decommission")),
    "retired": State("none", "archive", _("Retired")),
    "dataset.active": State("ok", "check", _("In use")),
    "faulty": State("bad", "triangle-alert", _("Faulty")),
    "terms_ended": State("bad", "calendar-x", _("Terms ended")),
    "governed": State("ok", "shield-check", _("Governed")),
    "ungoverned": State("warn", "circle-help", _("Not governed")),
    "terms.satisfied": State("ok", "check", _("In force")),
    "terms.expired": State("bad", "calendar-x", _("Ended")),
    "terms.missing": State("warn", "circle-help", _("Not declared")),
    # waivers
    "granted": State("warn", "shield", _("Granted")),
    "waiver.requested": State("turn", "clock", _("Requested")),
    "waiver.ended": State("none", "calendar-x", _("Ended")),
    # findings and conditions
    "finding.open": State("bad", "flag", _("Open")),
    "raised": State("bad", "flag", _("Raised")),
    "finding.overdue": State("bad", "calendar-x", _("Overdue")),
    "condition.open": State("warn", "hourglass", _("Open")),
    "condition.met": State("ok", "check", _("Closed")),
    "condition.late": State("bad", "calendar-x", _("Late")),
    "answered": State("turn", "message", _("Answered")),
    "in_remediation": State("turn", "pen-line", _("In remediation")),
    "remediation": State("turn", "pen-line", _("In remediation")),
    "verified": State("ok", "shield-check", _("Verified")),
    "closed": State("ok", "check", _("Closed")),
    "reopened": State("bad", "undo", _("Reopened")),
    "accepted_risk": State("warn", "shield", _("Risk accepted")),
    # requests of the audit
    "request.open": State("turn", "clock", _("Open")),
    # evidence
    "accepted": State("ok", "check", _("Accepted")),
    "flagged": State("warn", "flag", _("Flagged")),
    "received": State("turn", "inbox", _("Received")),
    "unreviewed": State("turn", "inbox", _("Not reviewed yet")),
    "current": State("ok", "check", _("Current")),
    # lineage
    "proven": State("ok", "check", _("Proven")),
    "declared": State("none", "pen-line", _("Declared")),
    "assumed": State("none", "circle-dashed", _("Assumed")),
    "masked": State("ok", "lock", _("Masked")),
    # jobs
    "waiting": State("none", "clock", _("Waiting")),
    "running": State("turn", "refresh-cw", _("Running")),
    "done": State("ok", "check", _("Done")),
    "failed": State("fault", "triangle-alert", _("Failed")),
    "cancelled": State("none", "minus", _("Cancelled")),
    # policies, dossiers, the record, the system
    "published": State("ok", "badge-check", _("Published")),
    "simulation": State("turn", "play", _("Simulation")),
    "building": State("turn", "refresh-cw", _("Being made")),
    "sealed": State("ok", "stamp", _("Sealed")),
    "tampered": State("bad", "triangle-alert", _("Tampered")),
    "in_log": State("ok", "shield-check", _("In the log")),
    "pending": State("none", "clock", _("Pending")),
    "working": State("ok", "check", _("Working")),
    "attention": State("warn", "triangle-alert", _("Needs attention")),
    "down": State("bad", "unplug", _("Not working")),
    "not_started": State("none", "circle-dashed", _("Not started")),
    "cannot_start": State("none", "lock", _("Cannot start yet")),
    "unknown": State("none", "circle-help", _("Not known")),
    # review steps
    "signed": State("ok", "check", _("Signed")),
    "your_turn": State("turn", "arrow-right", _("Your turn")),
    "step.open": State("turn", "arrow-right", _("Open")),
    "step.waiting": State("none", "circle", _("Not started")),
    "skipped": State("none", "minus", _("Skipped")),
}

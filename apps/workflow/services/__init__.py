"""Everything that changes a review. Each call locks, authorises, changes and records in one transaction."""

from apps.workflow import permissions
from apps.workflow.services.approving import reinstate, request_changes, revoke, suspend
from apps.workflow.services.claiming import claim
from apps.workflow.services.discussion import comment
from apps.workflow.services.events import EventOutcome, report_data_event
from apps.workflow.services.findings import answer_finding, close_finding, raise_finding, return_finding
from apps.workflow.services.payloads import Statement
from apps.workflow.services.preparing import prepare_sign_off, prepare_withdrawal, sign_prepared
from apps.workflow.services.publishing import publish_processes, shipped_definition
from apps.workflow.services.rules import note_changed, note_ended, note_standing, take_over
from apps.workflow.services.signing import present, sign_off
from apps.workflow.services.submitting import submit, withdraw
from apps.workflow.services.withdrawing import withdraw_signature

__all__ = [
    "EventOutcome",
    "Statement",
    "answer_finding",
    "claim",
    "close_finding",
    "comment",
    "note_changed",
    "note_ended",
    "note_standing",
    "permissions",
    "prepare_sign_off",
    "prepare_withdrawal",
    "present",
    "publish_processes",
    "raise_finding",
    "reinstate",
    "report_data_event",
    "request_changes",
    "return_finding",
    "revoke",
    "shipped_definition",
    "sign_off",
    "sign_prepared",
    "submit",
    "suspend",
    "take_over",
    "withdraw",
    "withdraw_signature",
]

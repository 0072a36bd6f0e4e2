"""What other apps call: record an entry, and the sequencer's work."""

from apps.audit.anchoring import TwoHistories, anchor, plan_anchoring, time_stamp
from apps.audit.export import (
    Export,
    entry_proof,
    export,
    leaf_proof,
    proofs,
    record_file,
    settled,
    trust_facts,
    wait_for_head,
)
from apps.audit.operations import Clocks, note_backup, note_export, note_migrations, note_settings
from apps.audit.recording import System, as_text, record, system
from apps.audit.rotation import accept_restore, revoke_key, rotate_key
from apps.audit.sequencing import adopt_lost_entries, sequence, sequence_all
from apps.audit.signing import InconsistentTree, ensure_key, log_name, sign_checkpoint
from apps.audit.verification import plan_verification, request_verification, verify_database

__all__ = [
    "Clocks",
    "accept_restore",
    "note_backup",
    "note_export",
    "note_migrations",
    "note_settings",
    "Export",
    "InconsistentTree",
    "System",
    "adopt_lost_entries",
    "TwoHistories",
    "anchor",
    "as_text",
    "ensure_key",
    "entry_proof",
    "export",
    "leaf_proof",
    "log_name",
    "plan_anchoring",
    "plan_verification",
    "proofs",
    "request_verification",
    "record",
    "record_file",
    "revoke_key",
    "rotate_key",
    "sequence",
    "sequence_all",
    "settled",
    "sign_checkpoint",
    "system",
    "time_stamp",
    "trust_facts",
    "verify_database",
    "wait_for_head",
]

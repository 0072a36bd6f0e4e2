"""What other apps call: record an entry, and the sequencer's work."""

from apps.audit.recording import System, as_text, record, system
from apps.audit.sequencing import adopt_lost_entries, sequence, sequence_all
from apps.audit.signing import InconsistentTree, ensure_key, sign_checkpoint
from apps.audit.verification import verify_database

__all__ = [
    "InconsistentTree",
    "System",
    "adopt_lost_entries",
    "as_text",
    "ensure_key",
    "record",
    "sequence",
    "sequence_all",
    "sign_checkpoint",
    "system",
    "verify_database",
]

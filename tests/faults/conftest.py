"""The approved world of the gate, with its log placed and signed."""

from tests.audit.conftest import signing_key, tamper
from tests.gate.conftest import approved
from tests.workflow.conftest import bare, granted, shelf, world

__all__ = ["approved", "bare", "granted", "shelf", "signing_key", "tamper", "world"]

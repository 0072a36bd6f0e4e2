"""The trust file: whom a verifier has to trust. It reaches the auditor on another way than the dossier."""

from typing import Any

from apps.audit import canonical
from apps.audit import services as audit
from apps.audit.stamping import trusted_roots
from apps.dossiers import sealing


def trust_facts() -> dict[str, Any]:
    """The log's name and public keys, and the roots of the seal's certificates; no private key is read for it."""
    return {
        **audit.trust_facts(),
        "pdf_roots": sealing.root_certificates(),
        "tsa_roots": trusted_roots(),
        "policy": {"time_stamp": False},
    }


def trust_file() -> bytes:
    """The trust file in canonical form, so that its fingerprint is always the same for the same keys."""
    return canonical.encode(trust_facts())

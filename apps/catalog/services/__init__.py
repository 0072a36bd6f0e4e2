"""Everything that changes the catalog: what lineage makes known, what people declare, what happens to data."""

from apps.catalog.services.declared import (
    FieldDeclaration,
    Terms,
    change_terms,
    declare_fields,
    declare_version,
    register_dataset,
)
from apps.catalog.services.events import record_event
from apps.catalog.services.known import ensure_dataset, ensure_fields, ensure_version

__all__ = [
    "FieldDeclaration",
    "Terms",
    "change_terms",
    "declare_fields",
    "declare_version",
    "ensure_dataset",
    "ensure_fields",
    "ensure_version",
    "record_event",
    "register_dataset",
]

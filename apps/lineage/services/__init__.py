"""Everything that changes lineage: taking events in, projecting them, and what people state."""

from apps.lineage.services.intake import BatchReceipt, receive, receive_batch
from apps.lineage.services.projection import project_inline, project_until, project_waiting
from apps.lineage.services.upkeep import declare_edge, declare_same, rebuild, replay, undo_same

__all__ = [
    "BatchReceipt",
    "declare_edge",
    "declare_same",
    "project_inline",
    "project_until",
    "project_waiting",
    "rebuild",
    "receive",
    "receive_batch",
    "replay",
    "undo_same",
]

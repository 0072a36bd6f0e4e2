"""Tables of lineage: what was received, what it means, and the graph."""

from apps.lineage.models.graph import Edge, EdgeRun, FieldEdge, FieldEdgeRun, NameAlias
from apps.lineage.models.jobs import Declaration, Facet, Job, Run, RunIO
from apps.lineage.models.received import Delivery, Event, EventState, Rejection

__all__ = [
    "Declaration",
    "Delivery",
    "Edge",
    "EdgeRun",
    "Event",
    "EventState",
    "Facet",
    "FieldEdge",
    "FieldEdgeRun",
    "Job",
    "NameAlias",
    "Rejection",
    "Run",
    "RunIO",
]

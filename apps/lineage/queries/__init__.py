"""Reads of lineage: where a version comes from, what its features come from, who is hit when data change, the graph."""

from apps.lineage.queries.closure import Closure, closure_subjects, subjects_read_once, upstream
from apps.lineage.queries.features import Confidence, Feature, as_values, confidence, confidence_of, feature_lineage
from apps.lineage.queries.graph import Graph, graph
from apps.lineage.queries.impact import Impact, impact
from apps.lineage.queries.nodes import Node, column_of, dataset_node, find_node
from apps.lineage.queries.picture import drawing

__all__ = [
    "Closure",
    "Confidence",
    "Feature",
    "Graph",
    "Impact",
    "Node",
    "as_values",
    "closure_subjects",
    "column_of",
    "confidence",
    "confidence_of",
    "dataset_node",
    "drawing",
    "feature_lineage",
    "find_node",
    "graph",
    "impact",
    "subjects_read_once",
    "upstream",
]

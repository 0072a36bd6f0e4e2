"""Reads of lineage."""

"""Intended purpose, business objective with its measures, people affected."""

from typing import Any

from apps.dossiers.record import VersionRecord
from apps.policy.queries.measured import is_better, kpi_value
from apps.registry.models import Kpi

Content = dict[str, Any]


def query(record: VersionRecord) -> Content:
    """What the model is for, and whether it reaches its objective."""
    use_case = record.version.use_case
    texts = [
        ["Intended purpose", use_case.purpose],
        ["Business objective", use_case.objective],
        ["People affected", use_case.people_affected],
        ["Purpose of the model", record.version.model.purpose],
    ]
    return {
        "texts": [[label, text or "Not recorded."] for label, text in texts],
        "owner": str(use_case.owner),
        "kpis": [kpi_content(row, record) for row in use_case.kpis.order_by("name")],
    }


def kpi_content(kpi: Kpi, record: VersionRecord) -> Content:
    """One measure with its target, its baseline and what was measured."""
    measured = kpi_value(kpi, record.version, measured_facts(record))
    baseline = f"{kpi.baseline_value:g}" if kpi.baseline_value is not None else "none named"
    met, shape = "Not measured", "unchecked"
    if measured is not None:
        reached = measured == kpi.target or is_better(kpi, measured, kpi.target)
        met, shape = ("Reached", "satisfied") if reached else ("Not reached", "open")
    return {
        "name": kpi.name,
        "unit": kpi.unit,
        "target": f"{'at least' if kpi.direction == Kpi.Direction.HIGHER else 'at most'} {kpi.target:g}",
        "baseline": f"{baseline}, {kpi.baseline_name}" if kpi.baseline_name else baseline,
        "measured": f"{measured:g}" if measured is not None else "not measured",
        "met": met,
        "shape": shape,
    }


def measured_facts(record: VersionRecord) -> Content:
    """Metrics of the checks by their dotted names, as targets name them."""
    return {
        f"metrics.{row.item.check_key}.{metric['key']}": metric.get("value")
        for row in record.evidence
        if row.item.check_key
        for metric in row.item.metrics
    }

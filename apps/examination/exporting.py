"""A sample as a file: the rows, how they were drawn, and control totals, so that a reader can test completeness."""

import csv
import io
import json
from typing import Any

from apps.core.models import plain
from apps.examination.models import Sample
from apps.examination.queries import lines_of

COLUMNS = ("number", "decision", "asked_at", "outcome", "tier", "environment", "model", "version", "artifact_digest",
           "policy", "asked_by", "codes", "sentence", "digest", "is_unchanged", "entry", "url", "trace_url")  # fmt: skip
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def rows_of(sample: Sample, base: str) -> list[dict[str, Any]]:
    """The decisions of a sample as flat rows."""
    return [
        {
            "number": number, "decision": str(line.decision.pk), "asked_at": plain(line.decision.asked_at),
            "outcome": line.decision.outcome, "tier": line.tier, "environment": line.decision.environment_given,
            "model": line.decision.version.model.slug if line.decision.version else "",
            "version": line.decision.version.version if line.decision.version else "",
            "artifact_digest": line.decision.artifact_digest,
            "policy": f"{line.decision.policy_name} {line.decision.policy_version or ''}".strip(),
            "asked_by": str(line.decision.asked_by or ""), "codes": list(line.decision.codes),
            "sentence": line.decision.sentence, "digest": line.digest, "is_unchanged": line.is_unchanged, "entry": line.entry,
            "url": f"{base}/decisions/{line.decision.pk}/", "trace_url": f"{base}/trace/decision/{line.decision.pk}/",
        }
        for number, line in enumerate(lines_of(sample), 1)
    ]  # fmt: skip


def totals_of(sample: Sample) -> dict[str, Any]:
    """How much there was, how much was taken, and out of what."""
    return {
        "population": sample.population,
        "population_digest": sample.population_digest,
        "taken": len(sample.chosen),
        "strata": sample.strata,
    }


def as_document(sample: Sample, base: str) -> dict[str, Any]:
    """The whole sample as a JSON value."""
    return {
        "id": str(sample.pk), "reference": sample.reference, "title": sample.title, "digest": sample.digest,
        "drawn_by": str(sample.drawn_by), "drawn_at": plain(sample.created_at), "seed": sample.seed, "size": sample.size,
        "least": sample.least, "filter": sample.wanted,
        "method": "Per stratum the decisions with the smallest SHA-256 of seed, line feed, decision id.",
        "totals": totals_of(sample), "rows": rows_of(sample, base),
    }  # fmt: skip


def as_csv(sample: Sample, base: str) -> str:
    """The rows, then the totals, as a table for spreadsheets. No cell is run as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    rows = rows_of(sample, base)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    writer.writerow([])
    writer.writerow(["stratum", "tier", "outcome", "population", "taken"])
    for part in sample.strata:
        writer.writerow(["", part["tier"], part["outcome"], part["population"], part["taken"]])
    writer.writerow(["total", "", "", sample.population, len(rows)])
    facts = {"seed": sample.seed, "population_digest": sample.population_digest, "sample_digest": sample.digest,
             "filter": json.dumps(sample.wanted, sort_keys=True)}  # fmt: skip
    for name, value in facts.items():
        writer.writerow([name, _cell(value)])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value
